"""Plan, train, score and record."""
