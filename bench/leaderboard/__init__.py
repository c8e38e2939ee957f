"""The ranking of all methods over all data sets, as Markdown and as one HTML page that loads nothing."""
