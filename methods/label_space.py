"""What a head is told of the labels: names, label vectors, and counts on the training split."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelSpace:
    """The labels of a data set, counted on its *training* split only.

    Attributes:
        names: the C class names, in the order of the label columns.
        vectors: `(C, d)` float, one label vector (word embedding) per class.
        counts: `(C,)` int, in how many training images each class is positive.
        cooccurrence: `(C, C)` int, symmetric with a zero diagonal: in how many training images
            both classes are positive.
        num_images: how many training images were counted.
    """

    names: tuple[str, ...]
    vectors: NDArray[np.floating]
    counts: NDArray[np.int64]
    cooccurrence: NDArray[np.int64]
    num_images: int

    @property
    def num_classes(self) -> int:
        """C, the number of classes."""
        return len(self.names)


def log_odds(counts: NDArray[np.int64], num_images: int) -> NDArray[np.float32]:
    """The logit `(C,)` of how often each class is positive, from `counts` `(C,)` over so many images."""
    # Half an image more or less keeps it finite for a class that is always or never there.
    frequency = (counts + 0.5) / (num_images + 1)
    odds: NDArray[np.float32] = np.log(frequency / (1 - frequency)).astype(np.float32)
    return odds
