"""Scores of every image of a split."""
