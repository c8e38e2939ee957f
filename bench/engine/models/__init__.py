"""Models that were trained before: in a file, found, imported, and as the start of others."""
