"""Pictures, drawn with matplotlib: equal input gives an equal file."""
