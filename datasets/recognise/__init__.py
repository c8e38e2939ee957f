"""What a folder or a file of data is recognised by, where nobody has described it."""
