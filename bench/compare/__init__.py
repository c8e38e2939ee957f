"""Two methods on the same test images: choose their runs, test their differences, report them."""
