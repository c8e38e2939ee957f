"""Which labels go together, and which are taken for one another: what some kinds of errors are told by."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.metrics.average_precision import BoolArray

USUAL: Final = 0.2
"""A companion of a label stands beside it in at least this share of its images,"""
OFTENER: Final = 1.5
"""and there at least so many times as often as in all images."""
CONFUSED: Final = 2.0
"""A label is taken for one in whose images it is predicted falsely so many times as often as in all,"""
FEWEST: Final = 2
"""and there at least so often (the mean over runs and methods)."""

Floats = NDArray[np.float64]


def companions_of(counts: NDArray[np.int64], together: NDArray[np.int64], images: int) -> BoolArray:
    """Which labels are usual companions of which.

    Args:
        counts: `(C,)`, images of each class.
        together: `(C, C)`, images of each pair, with a zero diagonal.
        images: how many were counted.

    Returns:
        `(C, C)`, whether j is a companion of i.
    """
    beside = together / np.maximum(counts, 1)[:, None]
    in_all = counts / max(images, 1)
    usual: BoolArray = (beside >= USUAL) & (beside >= OFTENER * in_all)
    return usual


def confused(there: BoolArray, false: Floats, negative: BoolArray, usual: BoolArray) -> BoolArray:
    """Which labels could be taken for one that is there, by how often that happens in other images.

    Every image is judged by the others: what is predicted in it itself does not count.

    Args:
        there: `(N, C)`, the positive labels.
        false: `(N, C)`, how often each label is predicted falsely, from 0 to 1.
        negative: `(N, C)`, where it could be.
        usual: `(C, C)`, companions, as `companions_of`: they are confused with nothing, for their images are
            those in which context speaks for a label.

    Returns:
        `(N, C)`.
    """
    found = np.zeros(there.shape, bool)
    beside, weights = there.astype(np.float32), false.astype(np.float32)
    for label in np.flatnonzero(false.any(axis=0)):
        own = weights[:, label, None]
        # Of the images of each other label, this one left out: false alarms there, and images, (N, C).
        often = beside.T @ weights[:, label] - own
        images = np.maximum(beside.T @ negative[:, label].astype(np.float32) - 1, 1)
        in_all = (own.sum() - own) / max(int(negative[:, label].sum()) - 1, 1)
        alike = (often >= FEWEST) & (often >= CONFUSED * in_all * images)
        found[:, label] = (alike & there & ~usual[label]).any(axis=1)
    return found & negative
