"""What a matrix asks for, found and checked before anything is run; and whom its progress is told."""
