"""The version of the project; nothing else says it."""

__version__ = "0.2.0"
