"""Average precision of a test set and of many resamples of it, from one ranking.

AP looks at the groups of equal scores that hold a positive: at how many images of each were drawn, and how
many positives. These are sums of rows of the draws, `(N, R)`, which a sparse matrix adds up for R resamples
at once. Then one pass goes from the last group to the first, for all classes that have as many groups.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.metrics.average_precision import (
    BoolArray,
    FloatArray,
    IntArray,
    check_scores,
    ignored_labels,
    positives,
)
from bench.metrics.protocol import ApRule, Protocol

Indices = NDArray[np.intp]
Floats = NDArray[np.float64]


class RankedScores:
    """The images ranked once for each class, to be measured once or, with counts, many times."""

    def __init__(
        self, scores: FloatArray, labels: IntArray, protocol: Protocol, left_out: BoolArray | None = None
    ) -> None:
        """Rank `scores` (N, C) for `labels` (N, C) in {1, 0, -1}; raises ValueError on bad input.

        An image in which a class is `left_out` (N, C) is not in the ranking of that class.
        """
        check_scores(scores, labels)
        self._rule: ApRule = protocol.ap
        self._num_images, self._num_classes = scores.shape
        positive = np.ascontiguousarray(positives(labels, protocol.difficult_in_ap).T)
        ignored = ignored_labels(labels, protocol.difficult_in_ap, left_out)
        nothing = [None] * self._num_classes if ignored is None else ignored.T
        ranked = [_rank(*one) for one in zip(np.ascontiguousarray(scores.T), positive, nothing, strict=True)]
        # Those with the most groups first, so that the classes that have a g-th group are the first ones.
        self._order = sorted(range(self._num_classes), key=lambda one: -len(ranked[one].hits.sizes))
        groups = [len(ranked[one].hits.sizes) for one in self._order]
        self._with_group = np.bincount(groups)[::-1].cumsum()[-2::-1]
        self._firsts = np.append(0, np.cumsum(self._with_group))
        rows = [self._firsts[:count] + place for place, count in enumerate(groups)]
        self._images = _Sums.of([ranked[one].images for one in self._order], rows, self._firsts[-1])
        self._hits = _Sums.of([ranked[one].hits for one in self._order], rows, self._firsts[-1])

    def average_precision(self, counts: IntArray | None = None, as_many: IntArray | None = None) -> Floats:
        """AP of each class (C,), NaN for a class without positives.

        `counts` (N,) says how often each image is there (a bootstrap draws images with repetition).
        The copies of an image have equal scores, so the result is that of the repeated arrays.
        Of counts (R, N) the result is (R, C).

        `as_many` (C,) or (R, C), positive: precision is that of so many positives, ranked as those that there
        are. The more positives, the higher the AP, even of a guess; so AP of few is compared with that of
        many (the normalised precision of Hoiem et al. 2012, Diagnosing Error in Object Detectors, ECCV).
        """
        if counts is None:
            counts = np.ones(self._num_images, dtype=np.int64)
        if counts.shape[-1:] != (self._num_images,):
            raise ValueError(f"counts {counts.shape} must be one per image, ({self._num_images},)")
        # As small as their sum allows: a bootstrap spends most of its time on fetching them.
        smallest = np.min_scalar_type(int(counts.sum(axis=-1).max()))
        drawn = np.ascontiguousarray(np.atleast_2d(counts).T.astype(smallest))
        wanted = None if as_many is None else np.atleast_2d(as_many).T[self._order]
        found = np.empty((drawn.shape[1], self._num_classes))
        found[:, self._order] = self._measure(drawn, wanted).T
        return found.reshape(*counts.shape[:-1], self._num_classes)

    def _measure(self, drawn: IntArray, as_many: IntArray | None) -> Floats:
        """AP of each class in the order of the groups, (C, R), from the draws (N, R)."""
        hits, images = self._hits.sums(drawn), self._images.sums(drawn)
        found, retrieved = self._totals(hits), self._totals(images)
        total = found.copy()
        at_least_one = np.maximum(total, 1)
        weight = None if as_many is None else as_many / at_least_one
        area, best = np.zeros(total.shape), np.zeros(total.shape)
        for number, first in zip(self._with_group[::-1], self._firsts[-2::-1], strict=True):
            with_group, rows = slice(number), slice(first, first + number)
            so_far, seen = found[with_group], retrieved[with_group]
            precision = _precision(so_far, seen, None if weight is None else weight[with_group])
            if self._rule != "ap":
                # The best at this recall or a higher one: VOC2010 and later, also max over r >= t in VOC2007.
                precision = np.maximum(best[with_group], precision, out=best[with_group])
            seen -= images[rows]
            if self._rule == "ap_voc11":
                reached = _points(so_far, at_least_one[with_group])
                so_far -= hits[rows]
                area[with_group] += precision * (reached - _points(so_far, at_least_one[with_group]))
            else:
                so_far -= hits[rows]
                area[with_group] += precision * hits[rows]
        # Recall 0 is a point too, the eleventh.
        value = (area + best) / 11 if self._rule == "ap_voc11" else area / at_least_one
        return np.where(total > 0, value, np.nan)

    def _totals(self, sums: IntArray) -> IntArray:
        """Over the groups of each class, (C, R), from those of every group."""
        totals = np.zeros((self._num_classes, sums.shape[1]), dtype=sums.dtype)
        for number, first in zip(self._with_group, self._firsts[:-1], strict=True):
            totals[:number] += sums[first : first + number]
        return totals


class _Groups(NamedTuple):
    """Images in the order of a ranking, divided in G groups."""

    images: Indices  # (M,)
    sizes: Indices  # (G,), whose sum is M


class _RankedClass(NamedTuple):
    """The groups of one class that hold a positive, the best first; what follows the last is left out.

    A group reaches from the end of the one before it to the end of images with equal scores.
    """

    images: _Groups
    hits: _Groups  # the positives alone


class _Sums(NamedTuple):
    """The groups of all classes as the rows of a sparse matrix of ones."""

    columns: NDArray[np.int32]  # the images of all rows, one row behind the other
    starts: NDArray[np.int32]  # of the rows in `columns`, and their end

    @classmethod
    def of(cls, classes: Sequence[_Groups], rows: Sequence[Indices], count: int) -> "_Sums":
        """Of the groups of each class, which are some of `count` rows."""
        lengths = np.zeros(count, dtype=np.intp)
        for groups, row in zip(classes, rows, strict=True):
            lengths[row] = groups.sizes
        starts = np.append(0, np.cumsum(lengths))
        columns = np.empty(starts[-1], dtype=np.int32)
        for groups, row in zip(classes, rows, strict=True):
            moved = starts[row] - (groups.sizes.cumsum() - groups.sizes)
            columns[moved.repeat(groups.sizes) + np.arange(len(groups.images))] = groups.images
        return cls(columns, starts.astype(np.int32))

    def sums(self, drawn: IntArray) -> IntArray:
        """Of the draws (N, R) those of each row, (rows, R)."""
        from scipy.sparse import csr_array  # here, because planning and reading records need no SciPy

        ones = np.ones(len(self.columns), dtype=drawn.dtype)
        shape = len(self.starts) - 1, len(drawn)
        return np.asarray(csr_array((ones, self.columns, self.starts), shape=shape) @ drawn)


def _precision(found: IntArray, retrieved: IntArray, weight: Floats | None) -> Floats:
    """At the end of a group."""
    # Groups that a bootstrap drew no image of may come first, with nothing retrieved yet.
    if weight is None:
        return np.asarray(found / np.maximum(retrieved, 1))
    weighed = found * weight
    return np.asarray(weighed / np.where(retrieved > 0, weighed + (retrieved - found), 1))


def _points(found: IntArray, total: IntArray) -> IntArray:
    """How many of the recalls 0.1, 0.2 to 1 are reached.

    In whole numbers, because recall 3/10 must reach the point 0.3, which 3 * 0.1 in floats exceeds.
    """
    return np.asarray(10 * found.astype(np.int64) // total)


def _rank(scores: FloatArray, positive: BoolArray, ignored: BoolArray | None) -> _RankedClass:
    """Rank the images of one class; all arrays are (N,)."""
    order = np.argsort(scores)[::-1]
    if ignored is not None:
        order = order[~ignored[order]]
    ranked, hit = scores[order], positive[order]
    ends = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]) + 1, len(order))[: len(order)]
    # A group without positives leaves recall as it was and can only lower precision: no rule looks at it.
    found = hit.cumsum()[ends - 1]
    found[1:] -= found[:-1].copy()
    kept = found > 0
    ends = ends[kept]
    sizes = ends.copy()
    sizes[1:] -= ends[:-1]
    return _RankedClass(
        _Groups(order[: ends[-1] if len(ends) else 0], sizes), _Groups(order[hit], found[kept])
    )
