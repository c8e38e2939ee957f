"""Precision, recall and F1 over classes (CP, CR, CF1) and over all labels (OP, OR, OF1)."""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.metrics.average_precision import BoolArray, FloatArray, IntArray, check_scores, positives
from bench.metrics.protocol import Protocol

ClassCounts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class PrecisionRecall(NamedTuple):
    """Means over classes (C...) and overall values (O...), as fractions."""

    CP: float
    CR: float
    CF1: float
    OP: float
    OR: float
    OF1: float


def precision_recall(
    scores: FloatArray,
    labels: IntArray,
    protocol: Protocol,
    top_k: int | None = None,
    left_out: BoolArray | None = None,
) -> PrecisionRecall:
    """CP, CR, CF1, OP, OR, OF1 of the labels predicted over the threshold, or of the `top_k` of each image.

    `scores` (N, C) are finite logits and `labels` (N, C) are 1, 0 or -1. A class without positives has
    no recall (the published ML-GCN code returns NaN for the whole mean): it is left out of CP, CR and
    CF1, while what is predicted for it counts in OP. ValueError if no class has a positive. Labels that are
    `left_out` (N, C) do not count, and hold none of the top places.
    """
    check_scores(scores, labels)
    return _measured(*decisions(scores, labels, protocol, top_k, left_out), protocol)


def precision_recall_of(predicted: BoolArray, labels: IntArray, protocol: Protocol) -> PrecisionRecall:
    """As `precision_recall`, of labels that were predicted in whatever way, (N, C)."""
    return _measured(*counted(predicted, labels, protocol), protocol)


def _measured(true: BoolArray, predicted: BoolArray, protocol: Protocol) -> PrecisionRecall:
    hits, guesses, wanted = (_count(mask) for mask in (predicted & true, predicted, true))
    if not wanted.any():
        raise ValueError("no class has a positive label: there is no precision or recall to measure")
    return summarise(hits, guesses, wanted, protocol)


def decisions(
    scores: FloatArray,
    labels: IntArray,
    protocol: Protocol,
    top_k: int | None = None,
    left_out: BoolArray | None = None,
) -> tuple[BoolArray, BoolArray]:
    """The positives and the predictions that count in precision and recall, (N, C) each."""
    if left_out is not None:
        scores = np.where(left_out, -np.inf, scores)
    true, predicted = counted(predict(scores, protocol, top_k), labels, protocol)
    if left_out is not None:
        true, predicted = true & ~left_out, predicted & ~left_out
    return true, predicted


def counted(predicted: BoolArray, labels: IntArray, protocol: Protocol) -> tuple[BoolArray, BoolArray]:
    """The positives, and those of some predictions that count, (N, C) each."""
    if protocol.difficult_in_pr == "ignored":
        predicted = predicted & (labels != 0)
    return positives(labels, protocol.difficult_in_pr), predicted


def predict(scores: FloatArray, protocol: Protocol, top_k: int | None = None) -> BoolArray:
    """The predicted labels, (N, C), of finite logits, (N, C).

    Those over the threshold; with `top_k`, those among the k highest of the image that are also over
    it, or all k where the protocol's `top3` is forced. Of equal scores the lower class index is first.
    """
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}: it must be at least 1")
    if top_k is not None and protocol.top3 == "forced":
        return _highest(scores, top_k)
    # float64, so that float32 logits are not compared with a rounded threshold.
    limit = np.float64(math.log(protocol.threshold / (1 - protocol.threshold)))
    over: BoolArray = scores >= limit if protocol.comparison == ">=" else scores > limit
    return over if top_k is None else over & _highest(scores, top_k)


def _highest(scores: FloatArray, k: int) -> BoolArray:
    """The k highest labels of each image (N, C)."""
    left = scores.copy()
    rows = np.arange(len(scores))
    chosen = np.zeros(scores.shape, dtype=bool)
    for _ in range(min(k, scores.shape[1])):
        best = left.argmax(axis=1)  # of equals, the first
        chosen[rows, best] = True
        left[rows, best] = -np.inf
    return chosen


def _count(mask: BoolArray) -> ClassCounts:
    """True entries of each class, (C,)."""
    count: ClassCounts = mask.sum(axis=0, dtype=np.int64)
    return count


def summarise(
    hits: ClassCounts, guesses: ClassCounts, wanted: ClassCounts, protocol: Protocol
) -> PrecisionRecall:
    """The six values from the right predictions, all predictions and positives of each class, (C,) each."""
    (values,) = summarise_rows(hits[None], guesses[None], wanted[None], protocol)
    return PrecisionRecall(*map(float, values))


def summarise_rows(
    hits: ClassCounts, guesses: ClassCounts, wanted: ClassCounts, protocol: Protocol
) -> Floats:
    """As `summarise` of R rows at once, (R, C) each, for as many resamples: `(R, 6)`, with the same bits.

    CP, CR and CF1 are NaN in a row without positives.
    """
    if protocol.unpredicted == "zero-patched":
        guesses = np.maximum(guesses, 1)
    op, or_ = (_ratio(hits.sum(axis=1), whole.sum(axis=1)) for whole in (guesses, wanted))
    precision = hits / np.maximum(guesses, 1)
    if protocol.unpredicted == "one":
        precision[guesses == 0] = 1
    kept = wanted > 0
    cp, cr = mean_of(precision, kept), mean_of(hits / np.maximum(wanted, 1), kept)
    if protocol.cf1 == "harmonic":
        cf1 = _ratio(2 * cp * cr, cp + cr)
    else:
        cf1 = mean_of(2 * hits / np.maximum(guesses + wanted, 1), kept)
    return np.stack([cp, cr, cf1, op, or_, _ratio(2 * op * or_, op + or_)], axis=1)


def mean_of(values: Floats, kept: BoolArray) -> Floats:
    """The mean of what is `kept` (R, C) in each row of `values` (R, C); NaN where nothing is.

    Zeros in the place of what is left out would make another order of the sum, and with it other bits.
    """
    means: Floats = values.mean(axis=1)
    for row in np.flatnonzero(~kept.all(axis=1)):
        means[row] = values[row, kept[row]].mean() if kept[row].any() else np.nan
    return means


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> Floats:
    """`part / whole`, 0 where the whole is 0 (the published codes divide 0 by 0)."""
    found: Floats = np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole != 0)
    return found
