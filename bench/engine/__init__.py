"""Train and evaluate one cell: set up, fit, evaluate."""
