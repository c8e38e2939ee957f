"""The published checkpoints and formulations, read or rebuilt as they are."""
