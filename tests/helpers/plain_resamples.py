"""The images of a bootstrap resample, drawn with whole numbers of Python."""

import numpy as np


def drawn_images(images: int, seed: int, resample: int) -> list[int]:
    """The images of a resample, one entry per draw."""
    if resample == 0:
        return list(range(images))
    bits = np.random.PCG64([seed, resample]).random_raw(images)
    return sorted((value >> 32) * images >> 32 for value in bits.tolist())
