"""What is asked for: the matrix, its methods and schedule, and each of its cells."""
