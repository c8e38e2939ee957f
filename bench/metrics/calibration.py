"""Calibration: one temperature for all scores, and how far probabilities are from frequencies.

Every image and class is one yes or no. A probability is calibrated where it is the share of positives among
the labels that are given it. Labels marked difficult are left out.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.metrics.average_precision import FloatArray, IntArray, check_scores

Floats = NDArray[np.float64]

BINS: Final = 15
"""As in Guo et al., ICML 2017; of equal width.

Bins with equally many labels would hold, but for one or two, nothing but the many near zeros of each image.
"""
COLDEST: Final = 0.05
HOTTEST: Final = 20.0
"""Between which a temperature is looked for: beyond, every probability is 0 or 1, or a half."""


def fit_temperature(scores: FloatArray, labels: IntArray) -> float | None:
    """The temperature T at which `sigmoid(score / T)` has the least binary cross-entropy over all labels.

    Temperature scaling (Guo et al., On Calibration of Modern Neural Networks, ICML 2017), for yes or no in
    the place of one of many. The cross-entropy is convex in 1 / T. None where its least is not between
    `COLDEST` and `HOTTEST`, because the scores make no mistake, or know nothing.

    Args:
        scores: `(N, C)`, finite logits.
        labels: `(N, C)` in {1, 0, -1}.

    Raises:
        ValueError: shapes or values are bad.
    """
    # Here, because tables and records are read with this module, and must not wait for scipy.
    from scipy.optimize import brentq
    from scipy.special import expit

    check_scores(scores, labels)
    known = labels != 0
    logits, true = scores[known].astype(np.float64), labels[known] == 1

    def slope(log_sharpness: float) -> float:
        """The derivative by 1 / T, which rises with it."""
        return float(((expit(np.exp(log_sharpness) * logits) - true) * logits).mean())

    dullest, sharpest = -np.log(HOTTEST), -np.log(COLDEST)
    if slope(dullest) >= 0 or slope(sharpest) <= 0:
        return None
    return float(np.exp(-brentq(slope, dullest, sharpest, xtol=1e-9)))


class Reliability(NamedTuple):
    """Labels in bins by their probability; everything is `(C, B)`, for C classes or one row of all.

    Attributes:
        counts: labels in the bin.
        probabilities: their sum.
        positives: how many are positive.
    """

    counts: NDArray[np.int64]
    probabilities: Floats
    positives: NDArray[np.int64]

    def together(self) -> "Reliability":
        """All classes in one row."""
        return Reliability(*(part.sum(axis=0, keepdims=True) for part in self))

    def error(self) -> Floats:
        """The expected calibration error, `(C,)`, from 0 to 1; NaN without labels.

        The distance of the share of positives from the mean probability in a bin, averaged over labels.
        """
        total = self.counts.sum(axis=1)
        apart = np.abs(self.positives - self.probabilities).sum(axis=1)
        return np.where(total > 0, apart / np.maximum(total, 1), np.nan)


def reliability(probabilities: Floats, labels: IntArray, bins: int = BINS) -> Reliability:
    """Put the labels of each class into bins of equal width; one on an edge is in the upper bin.

    Args:
        probabilities: `(N, C)` from 0 to 1.
        labels: `(N, C)` in {1, 0, -1}.
        bins: B.
    """
    classes = labels.shape[1]
    place = np.minimum((probabilities * bins).astype(np.int64), bins - 1) + bins * np.arange(classes)
    known, positive = labels != 0, labels == 1
    size, shape = classes * bins, (classes, bins)
    total: Floats = np.bincount(place[known], probabilities[known], minlength=size).astype(np.float64)
    return Reliability(
        np.bincount(place[known], minlength=size).reshape(shape),
        total.reshape(shape),
        np.bincount(place[positive], minlength=size).reshape(shape),
    )
