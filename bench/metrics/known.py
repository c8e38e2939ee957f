"""Test images of which some labels are known: which they are, and metrics of the others.

The known labels of an image follow from its id alone, so they are the same for every method, seed and split,
and those of a smaller share are among those of a larger one. A known label is in no metric. A method that
cannot be told labels can be measured on the same labels as one that was.
"""

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.metrics.average_precision import BoolArray, FloatArray, IntArray, positives
from bench.metrics.evaluate import Metrics, evaluate
from bench.metrics.protocol import Protocol

PERCENTS: Final = (25, 50, 75)
"""Shares of the labels of an image that are known, beside none, as in Table 2 of the C-Tran paper."""

UNKNOWN: Final = -1
_SEED = 0


def known_labels(ids: Sequence[str], labels: IntArray, percent: int) -> BoolArray:
    """Which labels of each image are known, `(N, C)`.

    They are `percent` of its C labels, rounded down. Of a label marked difficult nothing is known, so where
    one is drawn there are fewer.

    Args:
        ids: of the N images.
        labels: `(N, C)` with 1 positive, 0 difficult, -1 negative.
        percent: 0 to 100.
    """
    classes = labels.shape[1]
    known = np.zeros(labels.shape, dtype=bool)
    for row, name in enumerate(ids):
        # Raw bits, which never change, while NumPy may change how it permutes.
        draws = np.random.PCG64([_SEED, zlib.crc32(str(name).encode())]).random_raw(classes)
        known[row, np.argsort(draws, kind="stable")[: classes * percent // 100]] = True
    known &= labels != 0
    return known


def given_labels(ids: Sequence[str], labels: IntArray, percent: int) -> NDArray[np.int8]:
    """What a head is told of each image, `(N, C)`: 1 present, 0 absent, -1 unknown."""
    known = known_labels(ids, labels, percent)
    return np.where(known, labels > 0, UNKNOWN).astype(np.int8)


def evaluate_unknown(
    scores: FloatArray, labels: IntArray, known: BoolArray, protocol: Protocol
) -> Metrics | None:
    """Metrics of the labels that are not known; None where no positive is left to be measured.

    Args:
        scores: `(N, C)` finite logits.
        labels: `(N, C)` in {1, 0, -1}.
        known: `(N, C)`, what is left out.
        protocol: how they are measured.
    """
    for rule in (protocol.difficult_in_ap, protocol.difficult_in_pr):
        if not (positives(labels, rule) & ~known).any():
            return None
    return evaluate(scores, labels, protocol, known)
