"""What looks odd in data of one's own: labels, counts and splits that may be meant otherwise."""
