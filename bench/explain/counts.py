"""How many errors of each kind the two methods make, with intervals, and how many more or fewer the one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.explain.kinds import Kind, Sorting
from bench.explain.sides import Side, Sides
from bench.metrics.bootstrap import replicate_sums
from bench.metrics.uncertainty import Interval, estimate

NONE_OR_MORE = (0.0, np.inf)


@dataclass(frozen=True)
class Count:
    """The errors of one kind on the test images, each the mean over the seeds of a method.

    Attributes:
        kind: which.
        possible: how many there can be: positives to miss, or labels to predict falsely.
        a: of the first method.
        b: of the second.
        difference: b - a, on the same resamples of the images.
    """

    kind: Kind
    possible: int
    a: Interval
    b: Interval
    difference: Interval


@dataclass(frozen=True)
class Counts:
    """The errors of all kinds of a sorting; the last row is their sum."""

    sorting: Sorting
    rows: tuple[Count, ...]

    @property
    def total(self) -> Count:
        """All errors together."""
        return self.rows[-1]


ALL = Kind("all", "All", "All of them.")


def count_errors(
    sides: Sides, sortings: Sequence[Sorting], resamples: int, seed: int = 0
) -> tuple[Counts, ...]:
    """Count the errors of both methods.

    Args:
        sides: both methods.
        sortings: how the errors are sorted.
        resamples: of the test images, the same ones for all runs.
        seed: of the draws.
    """
    a, b = (_replicates(side, sortings, resamples, seed) for side in (sides.a, sides.b))
    alone = [estimate(side).intervals(NONE_OR_MORE) for side in (a, b)]
    rows = zip(*alone, estimate(b, a).intervals(), strict=True)
    found = []
    for sorting in sortings:
        masks = _masks(sorting)
        possible = [int(mask.sum()) for mask in masks]
        kinds = (*sorting.kinds, ALL)
        counted = [Count(kind, count, *next(rows)) for kind, count in zip(kinds, possible, strict=True)]
        found.append(Counts(sorting, tuple(counted)))
    return tuple(found)


def _masks(sorting: Sorting) -> list[NDArray[np.bool_]]:
    """`(N, C)` of each kind, and of all together."""
    return [*(sorting.of == number for number in range(len(sorting.kinds))), sorting.of >= 0]


def _replicates(side: Side, sortings: Sequence[Sorting], resamples: int, seed: int) -> NDArray[np.float64]:
    """`(S, B + 1, K)` of one method, its kinds in the order of the sortings."""
    by_image = np.stack(
        [
            (errors & mask).sum(axis=-1)
            for sorting in sortings
            for errors in [side.missed if sorting.missed else side.false]
            for mask in _masks(sorting)
        ],
        axis=-1,
    )  # (S, N, K)
    runs, images, kinds = by_image.shape
    sums = replicate_sums(by_image.transpose(1, 0, 2).reshape(images, runs * kinds), resamples, seed)
    return sums.reshape(resamples + 1, runs, kinds).transpose(1, 0, 2)
