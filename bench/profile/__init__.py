"""Measuring speed on this machine, side by side with what the published codes do."""
