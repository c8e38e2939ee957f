"""Several processes that train a cell together."""
