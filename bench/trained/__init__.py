"""A trained model at work: found, scoring pictures, and showing what it looks at."""
