"""Two methods on the same test images: how they differ, and how sure that is."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.compare.choose import Pair, different_test_sets
from bench.metrics.bootstrap import NAMES
from bench.progress import Progress
from bench.records.intervals import (
    ALPHA,
    DIFFERENCE,
    FEWEST_POSITIVES,
    RESAMPLES,
    SHARE,
    Interval,
    adjusted_p_values,
    holm,
    mean_over_seeds,
    p_value,
    percentile_interval,
    sample_of,
)
from bench.records.store import RecordStore

FREQUENCIES = ("rare", "medium", "frequent")

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """One metric of two methods, as fractions; NaN where there is nothing to measure.

    Attributes:
        name: the metric, the third of the classes, or the class.
        positives: of a class or a third of them, the positive test labels: of its class with the fewest and
            of that with the most.
        classes: the number of classes in it.
        a: of the first method, the mean over its seeds.
        b: of the second.
        difference: a - b.
        p: two-sided p-value of the difference, adjusted for the number of metrics, thirds or classes that are
            tested; NaN for a class with fewer than `FEWEST_POSITIVES`, or a third that has one: they are not.
    """

    name: str
    positives: tuple[int, int] | None
    classes: int
    a: Interval
    b: Interval
    difference: Interval
    p: float

    @property
    def winner(self) -> str:
        """`a` or `b`, where the difference is significant; else nothing."""
        if not self.p <= ALPHA or self.difference.value == 0:
            return ""
        return "a" if self.difference.value > 0 else "b"


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        pair: the runs.
        resamples: of the test images.
        seed_maps: mAP of each run of a, and of each of b.
        metrics: mAP, CF1 and OF1.
        frequencies: mean AP of each third of the classes by their number of positive test labels.
        by_class: AP of every class.
    """

    pair: Pair
    resamples: int
    seed_maps: tuple[tuple[float, ...], tuple[float, ...]]
    metrics: tuple[Difference, ...]
    frequencies: tuple[Difference, ...]
    by_class: tuple[Difference, ...]


def compare(
    store: RecordStore,
    pair: Pair,
    resamples: int = RESAMPLES,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> Comparison:
    """Compare two methods, each by the mean of its seeds.

    Args:
        store: holds the scores.
        pair: the runs.
        resamples: of the test images, the same ones for all runs.
        seed: of the draws.
        progress: called with (done, total) runs as their resamples are measured.

    Raises:
        UserError: the runs do not share their test images and labels, or the scores of one are not its own.
    """
    samples = []
    runs = (*pair.a, *pair.b)
    for record in runs:
        samples.append(sample_of(store, record, record.cell.protocol, resamples, seed))
        if samples[-1].test_set != samples[0].test_set:
            raise different_test_sets(store, pair.a[0], record)
        progress(len(samples), len(runs))
    sides = samples[: len(pair.a)], samples[len(pair.a) :]
    a, b = (mean_over_seeds(side) for side in sides)
    maps = [tuple(float(sample.replicates.metrics[0, 0]) for sample in side) for side in sides]
    positives = samples[0].positives
    return Comparison(
        pair,
        resamples,
        (maps[0], maps[1]),
        _adjusted(
            _difference(name, None, len(positives), a.metrics[:, column], b.metrics[:, column])
            for column, name in enumerate(NAMES)
        ),
        _by_frequency(positives, a.class_ap, b.class_ap),
        _by_class(pair.a[0].data.classes, positives, a.class_ap, b.class_ap),
    )


def _difference(
    name: str,
    positives: NDArray[np.int64] | None,
    classes: int,
    a: FloatArray,
    b: FloatArray,
    p: float | None = None,
) -> Difference:
    return Difference(
        name,
        None if positives is None else (int(positives.min()), int(positives.max())),
        classes,
        percentile_interval(a, SHARE),
        percentile_interval(b, SHARE),
        percentile_interval(a - b, DIFFERENCE),
        p_value(a - b) if p is None else p,
    )


def _by_frequency(positives: NDArray[np.int64], a: FloatArray, b: FloatArray) -> tuple[Difference, ...]:
    """The mean AP of the classes in each third; of classes with equally many positives the first is rarer."""
    present = [int(c) for c in np.argsort(positives, kind="stable") if positives[c] > 0]
    return _adjusted(
        _difference(name, positives[third], len(third), _mean(a[:, third]), _mean(b[:, third]))
        for name, third in zip(FREQUENCIES, np.array_split(np.array(present), len(FREQUENCIES)), strict=True)
        if len(third)
    )


def _adjusted(found: Iterable[Difference]) -> tuple[Difference, ...]:
    """Differences that are tested together, with p adjusted; a group with a rare class is not tested."""
    together = list(found)
    few = [one.positives is not None and one.positives[0] < FEWEST_POSITIVES for one in together]
    p = holm(np.array([np.nan if rare else one.p for one, rare in zip(together, few, strict=True)]))
    return tuple(replace(one, p=float(value)) for one, value in zip(together, p, strict=True))


def _mean(class_ap: FloatArray) -> FloatArray:
    """The mean over the classes that have a positive in the resample; NaN where none has."""
    known = ~np.isnan(class_ap)
    total, count = np.where(known, class_ap, 0).sum(axis=1), known.sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _by_class(
    names: tuple[str, ...], positives: NDArray[np.int64], a: FloatArray, b: FloatArray
) -> tuple[Difference, ...]:
    tested = (positives >= FEWEST_POSITIVES) & ~np.isnan(a[0])
    p = np.full(len(names), np.nan)
    if tested.any():
        p[tested] = adjusted_p_values((a - b)[:, tested])
    return tuple(
        _difference(name, positives[c : c + 1], 1, a[:, c], b[:, c], float(p[c]))
        for c, name in enumerate(names)
    )
