"""The device that a run is computed on: chosen, fed ahead, its numbers read when they arrive."""
