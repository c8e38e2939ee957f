"""The published layouts, one file each: from the files of a data set to the list of a split."""
