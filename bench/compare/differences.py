"""Two methods on the same test images: how they differ, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.compare.choose import Pair, different_test_sets
from bench.errors import UserError
from bench.metrics.bootstrap import NAMES
from bench.metrics.uncertainty import (
    ALPHA,
    DIFFERENCE,
    FEWEST_POSITIVES,
    SHARE,
    Interval,
    estimate,
    holm,
    mean_over,
)
from bench.progress import Progress
from bench.records.intervals import class_ap_of, enough_seeds, metrics_of, sample_of
from bench.records.store import RecordStore

FREQUENCIES = ("rare", "medium", "frequent")
# A p of 0.07 moves by 0.01 from one draw of 1,000 resamples to the next, and by 0.002 from one of 10,000.
RESAMPLES: Final = 10_000
LEAST_RESAMPLES: Final = 100
# Of many labels, images times classes, 10,000 take minutes a run: of MS-COCO's, say.
RESAMPLES_OF_MANY: Final = 1_000
MANY_LABELS: Final = 200_000

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """One metric of two methods, as fractions; NaN where there is nothing to measure.

    Attributes:
        name: the metric, the third of the classes, or the class.
        positives: of a class or a third of them, the positive test labels: of its class with the fewest and
            of that with the most.
        classes: the number of classes in it.
        a: of the first method, the mean over its seeds; without an interval for a class with fewer positives
            than `FEWEST_POSITIVES`.
        b: of the second.
        difference: a - b.
        p: two-sided p-value of the difference, adjusted for all metrics and thirds that are tested, or for
            all classes; NaN for a class with fewer positives than `FEWEST_POSITIVES`, for a third that has
            one, and for everything where a method has fewer than `LEAST_SEEDS` seeds: they are not tested.
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
        """`a` or `b`, where the difference is shown to be one; else nothing."""
        if not self.p <= ALPHA or self.difference.value == 0:
            return ""
        return "a" if self.difference.value > 0 else "b"


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        store: holds the runs.
        pair: the runs.
        resamples: of the test images.
        seed_maps: mAP of each run of a, and of each of b.
        metrics: mAP, CF1 and OF1.
        frequencies: mean AP of each third of the classes by their number of positive test labels.
        by_class: AP of every class.
    """

    store: RecordStore
    pair: Pair
    resamples: int
    seed_maps: tuple[tuple[float, ...], tuple[float, ...]]
    metrics: tuple[Difference, ...]
    frequencies: tuple[Difference, ...]
    by_class: tuple[Difference, ...]


def usual_resamples(pair: Pair) -> int:
    """How many resamples a comparison takes that is not told: fewer where each takes long."""
    sizes = pair.a[0].data
    labels = sizes.eval_images * len(sizes.classes)
    return RESAMPLES if labels <= MANY_LABELS else RESAMPLES_OF_MANY


def compare(
    store: RecordStore,
    pair: Pair,
    resamples: int | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> Comparison:
    """Compare two methods, each by the mean of its seeds.

    Args:
        store: holds the scores.
        pair: the runs.
        resamples: of the test images, the same ones for all runs; None for `usual_resamples`.
        seed: of the draws.
        progress: called with (done, total) runs as their resamples are measured.

    Raises:
        UserError: the runs do not share their test images and labels, the scores of one are not its own, or
            there are too few resamples for an interval.
    """
    resamples = usual_resamples(pair) if resamples is None else resamples
    if resamples < LEAST_RESAMPLES:
        raise UserError(f"{resamples} resamples tell no interval: take {LEAST_RESAMPLES} or more.")
    samples = []
    runs = (*pair.a, *pair.b)
    for record in runs:
        samples.append(sample_of(store, record, record.cell.protocol, resamples, seed))
        if samples[-1].test_set != samples[0].test_set:
            raise different_test_sets(store, pair.a[0], record)
        progress(len(samples), len(runs))
    sides = samples[: len(pair.a)], samples[len(pair.a) :]
    maps = [tuple(float(sample.replicates.metrics[0, 0]) for sample in side) for side in sides]
    positives = samples[0].positives
    metrics = _differences(NAMES, *map(metrics_of, sides))
    metrics = [replace(one, classes=int((positives > 0).sum())) for one in metrics]
    a, b = map(class_ap_of, sides)
    thirds = _by_frequency(positives, a, b)
    tested = enough_seeds(pair.a) and enough_seeds(pair.b)
    together = _adjusted([*metrics, *thirds], tested)
    return Comparison(
        store,
        pair,
        resamples,
        (maps[0], maps[1]),
        together[: len(NAMES)],
        together[len(NAMES) :],
        _adjusted(_by_class(pair.a[0].data.classes, positives, a, b), tested),
    )


def _differences(names: Sequence[str], a: FloatArray, b: FloatArray) -> list[Difference]:
    """One statistic per name, each on its own: of two methods, `(S, B + 1, K)` each with its own S."""
    alone = (estimate(side).intervals(SHARE) for side in (a, b))
    apart = estimate(a, b)
    found = zip(names, *alone, apart.intervals(DIFFERENCE), apart.p_values(), strict=True)
    return [Difference(name, None, 1, one, other, less, float(p)) for name, one, other, less, p in found]


def _by_frequency(positives: NDArray[np.int64], a: FloatArray, b: FloatArray) -> list[Difference]:
    """The mean AP of the classes in each third."""
    thirds = thirds_of(positives)
    means = (np.stack([mean_over(side[..., third]) for third in thirds.values()], axis=-1) for side in (a, b))
    return [
        replace(one, classes=len(third), positives=(int(positives[third].min()), int(positives[third].max())))
        for one, third in zip(_differences(tuple(thirds), *means), thirds.values(), strict=True)
    ]


def thirds_of(positives: NDArray[np.int64]) -> dict[str, NDArray[np.intp]]:
    """The classes with a positive, in thirds by how many; of equally many the first class is rarer."""
    present = [int(c) for c in np.argsort(positives, kind="stable") if positives[c] > 0]
    split = np.array_split(np.array(present, dtype=np.intp), len(FREQUENCIES))
    return {name: third for name, third in zip(FREQUENCIES, split, strict=True) if len(third)}


def _by_class(
    names: tuple[str, ...], positives: NDArray[np.int64], a: FloatArray, b: FloatArray
) -> list[Difference]:
    """Every class; of one with few positives the values alone."""
    found = []
    for one, count in zip(_differences(names, a, b), positives.tolist(), strict=True):
        one = replace(one, positives=(count, count))
        if count < FEWEST_POSITIVES:
            one = replace(one, a=_alone(one.a), b=_alone(one.b), difference=_alone(one.difference))
        found.append(one)
    return found


def _alone(interval: Interval) -> Interval:
    return interval._replace(low=np.nan, high=np.nan)


def _adjusted(together: Sequence[Difference], tested: bool) -> tuple[Difference, ...]:
    """Differences that are tested together, with p adjusted; what has a rare class is not tested."""
    p = [
        one.p if tested and (one.positives is None or one.positives[0] >= FEWEST_POSITIVES) else np.nan
        for one in together
    ]
    return tuple(replace(one, p=float(value)) for one, value in zip(together, holm(np.array(p)), strict=True))
