"""What each label of each image takes from AP, so that a difference of two methods is found label by label.

AP of a class is the mean over its P positives of the precision at each, h / r: r images are ranked as high as
the positive or higher, h of them positives. The r - h negatives among them take 1 / r each of that precision.
So with every pair of a positive and a negative that is ranked as high or higher,

    1 - AP = (1 / P) * the sum over these pairs of 1 / r of the positive,

and half of what a pair takes is written to the label of the positive, half to that of the negative. The sum
over all images is 1 - AP, exactly; that of the changes from one method to another is the change of AP. Images
with equal scores enter together, as in `bench.metrics.average_precision`. Precision is not interpolated,
whatever rule of AP a protocol has: the envelope of a curve belongs to no single image.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.metrics.average_precision import FloatArray, IntArray, positives
from bench.metrics.protocol import Protocol

Floats = NDArray[np.float64]


class Shares(NamedTuple):
    """Of each image and class, `(N, C)`; NaN where a label is not ranked, or its class has no positive.

    Attributes:
        lost: what it takes from the AP of its class, as a fraction of 1.
        rank: its place in the ranking of its class, of equal ones the last.
        precision: the precision at that place.
        above: how many positives are ranked as low or lower.
    """

    lost: Floats
    rank: Floats
    precision: Floats
    above: Floats


def shares_of_ap(logits: FloatArray, labels: IntArray, protocol: Protocol) -> Shares:
    """What each label of each image takes from AP.

    Args:
        logits: `(S, N, C)` of S runs, over which all is the mean.
        labels: `(N, C)` in {1, 0, -1}.
        protocol: what its difficult labels count as in AP.
    """
    positive = positives(labels, protocol.difficult_in_ap)
    ignored = (labels == 0) & (protocol.difficult_in_ap == "ignored")
    total = np.zeros((4, *labels.shape))
    for scores in logits:
        for column in range(labels.shape[1]):
            kept = ~ignored[:, column]
            found = np.full((4, len(labels)), np.nan)
            if positive[:, column].any():
                found[:, kept] = _of_class(scores[kept, column], positive[kept, column])
            total[..., column] += found
    return Shares(*total / len(logits))


def _of_class(scores: FloatArray, positive: NDArray[np.bool_]) -> Floats:
    """The four values of M images of one class, `(4, M)`."""
    _, group = np.unique(-scores, return_inverse=True)  # the highest score is group 0
    hits = np.bincount(group, weights=positive)
    rank = np.cumsum(np.bincount(group))
    precision = np.cumsum(hits) / rank
    # From a group on downwards.
    above = np.cumsum(hits[::-1])[::-1]
    taken = np.cumsum((hits / rank)[::-1])[::-1]
    lost = np.where(positive, 1 - precision[group], taken[group]) / (2 * hits.sum())
    return np.stack([lost, rank[group], precision[group], above[group]])
