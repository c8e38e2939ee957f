"""A benchmarking harness for multi-label image recognition with label graphs."""

__version__ = "0.1.0"
