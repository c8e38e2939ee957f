"""Data sets: what each one is, how it is read, and how its images are fed."""
