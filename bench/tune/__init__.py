"""Tuning: the same random draws and the same budget for every method, chosen on a validation split."""
