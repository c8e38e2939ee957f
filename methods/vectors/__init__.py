"""Label vectors and where they come from."""
