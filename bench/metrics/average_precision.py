"""Average precision of each class, by three rules, with a defined treatment of ties.

Labels are 1 (positive), 0 (difficult) and -1 (negative); scores are logits. Images with equal scores
form one group that enters the ranking together: precision and recall exist only at the end of a group.
So no order of the images changes a result, and rule `ap` equals scikit-learn's
`average_precision_score`, ties included.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.metrics.protocol import ApRule, Difficult, Protocol

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]


def check_scores(scores: FloatArray, labels: IntArray) -> None:
    """Raise ValueError unless both are (N, C) and not empty, scores finite floats, labels in {1, 0, -1}."""
    if scores.ndim != 2 or scores.shape != labels.shape:
        raise ValueError(f"scores {scores.shape} and labels {labels.shape} must both be (images, classes)")
    if scores.size == 0:
        raise ValueError(f"scores {scores.shape}: there is nothing to measure")
    if scores.dtype not in (np.float32, np.float64):
        # Half precision has so few values that ties alone move mAP.
        raise ValueError(f"scores must be float32 or float64 logits, not {scores.dtype}")
    finite = np.isfinite(scores)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(f"score at row {row}, column {column} is {scores[row, column]}: it must be finite")
    # Of whole numbers the ends say it all, and are found in a tenth of the time.
    if labels.dtype.kind != "i" or labels.min() < -1 or labels.max() > 1:
        valid = (labels == -1) | (labels == 0) | (labels == 1)
        if not valid.all():
            row, column = np.argwhere(~valid)[0]
            raise ValueError(f"label at row {row}, column {column} is {labels[row, column]}: not 1, 0 or -1")
    if labels.min() > -1 and (labels == 0).any():
        # Labels of 1 and 0 would pass for positive and difficult, and every AP would be 1.
        raise ValueError("labels have no -1: 1 is positive, 0 difficult and -1 negative")


def positives(labels: IntArray, difficult: Difficult) -> BoolArray:
    """Which labels (..., C) count as positive when difficult ones are treated so."""
    return labels >= 0 if difficult == "positive" else labels == 1


class _Curve(NamedTuple):
    """One class: at the end of each of G groups that hold a positive, the best first, (G,) each."""

    found: npt.NDArray[np.intp]  # positives
    retrieved: npt.NDArray[np.intp]  # images


class Curves:
    """Precision over recall of each class, from which AP follows by every rule.

    Nothing is ranked: the scores of a class are sorted without their images, which takes half the time, and
    the place of each positive is looked up among them. What cannot be had so are resamples; see
    `bench.metrics.ranked_scores`.
    """

    def __init__(
        self, scores: FloatArray, labels: IntArray, difficult: Difficult, left_out: BoolArray | None = None
    ) -> None:
        """Sort `scores` (N, C) for `labels` (N, C) in {1, 0, -1}; raises ValueError on bad input.

        `difficult` says what a label 0 counts as; labels that are `left_out` (N, C) do not count.
        """
        check_scores(scores, labels)
        columns = np.ascontiguousarray(scores.T)
        positive = np.ascontiguousarray(positives(labels, difficult).T)
        ignored = ignored_labels(labels, difficult, left_out)
        nothing = [None] * len(columns) if ignored is None else np.ascontiguousarray(ignored.T)
        self._classes = [_curve(*one) for one in zip(columns, positive, nothing, strict=True)]

    def average_precision(self, rule: ApRule) -> npt.NDArray[np.float64]:
        """AP of each class (C,), NaN for a class without positives."""
        return np.array([_area(curve, rule) for curve in self._classes])


def average_precision(
    scores: FloatArray, labels: IntArray, protocol: Protocol, left_out: BoolArray | None = None
) -> npt.NDArray[np.float64]:
    """AP of each class, (C,) float64, NaN for a class without positives.

    `scores` (N, C) are finite logits and `labels` (N, C) are 1, 0 or -1; ValueError otherwise.
    Rule and treatment of difficult labels are the protocol's; labels that are `left_out` (N, C) do not count.
    """
    return Curves(scores, labels, protocol.difficult_in_ap, left_out).average_precision(protocol.ap)


def ignored_labels(labels: IntArray, difficult: Difficult, left_out: BoolArray | None) -> BoolArray | None:
    """Which labels (N, C) are in no ranking; None where all are."""
    ignored = labels == 0 if difficult == "ignored" else None
    if left_out is not None:
        ignored = left_out if ignored is None else ignored | left_out
    return ignored if ignored is not None and ignored.any() else None


def _curve(scores: FloatArray, positive: BoolArray, ignored: BoolArray | None) -> _Curve:
    """The curve of one class; all arrays are (N,)."""
    if ignored is not None:
        scores, positive = scores[~ignored], positive[~ignored]
    hits, every = np.sort(scores[positive]), np.sort(scores)
    starts = np.flatnonzero(np.append(True, hits[1:] != hits[:-1])[: len(hits)])  # of equal scores
    found = len(hits) - starts
    retrieved = len(every) - np.searchsorted(every, hits[starts])
    return _Curve(found[::-1], retrieved[::-1])


def _area(curve: _Curve, rule: ApRule) -> float:
    if not len(curve.found):
        return np.nan
    return _summarise(rule, curve.found, curve.found / curve.retrieved)


def _summarise(rule: ApRule, found: IntArray, precision: npt.NDArray[np.float64]) -> float:
    """AP from the positives `found` (G,) and the `precision` (G,) at the end of each group."""
    if rule != "ap":
        # Best precision at this recall or a higher one: VOC2010 and later, also max over r >= t in VOC2007.
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    if rule == "ap_voc11":
        # Whole numbers, because recall 3/10 must reach the point 0.3, which 3 * 0.1 in floats exceeds.
        needed = -(-np.arange(11) * found[-1] // 10)
        return float(precision[np.searchsorted(found, needed)].mean())
    return float((np.diff(found, prepend=0) * precision).sum() / found[-1])
