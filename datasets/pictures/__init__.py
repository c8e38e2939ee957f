"""Pictures: read any kind, crop, resize, augment."""
