"""Who writes down the numbers of a training for a program that shows them; no result depends on any of it."""
