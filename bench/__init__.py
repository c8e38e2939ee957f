"""A benchmarking harness for multi-label image recognition with label graphs."""

__version__ = "0.2.0"
"""The version of the project; nothing else says it."""
