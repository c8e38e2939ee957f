"""Metrics of scores and labels, and their resamples: arrays in, numbers out."""
