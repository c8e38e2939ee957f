"""Confidence intervals and tests over test images, of one run or of the mean over the seeds of a method.

What is uncertain here is the choice of the test images: they are resampled, once for all seeds and methods,
while the trained models stay as they are. The spread over seeds is another uncertainty and stands beside it.

- Interval: percentiles of the bootstrap (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13)
  around their mean, moved to the value. AP of a resample tends to be higher than that of the test set,
  because the copies of a positive are ranked together, and a class of which no positive is drawn is in no
  mean. Both come from resampling alone; with a handful of positives per class, the percentiles themselves
  may lie wholly above the value.
- p-value of one difference: this interval is inverted, so p is the smallest 1 - level at which the
  interval excludes 0 (ibid., section 15.4). The field's other test swaps the outputs of two methods image by
  image. It is not used: AP ranks the images of one method among each other, and after a swap the scores of
  two methods, each on its own scale, would stand in one ranking.
- p-values of the classes: adjusted together by the step-down maximum of studentised differences (Romano &
  Wolf 2005, Exact and approximate stepdown methods for multiple hypothesis testing, JASA 100; computed as in
  Romano & Wolf 2016, Statistics & Probability Letters 113). It is Holm's procedure with the joint
  distribution of the classes in the place of Bonferroni's bound. Holm's own would need p-values below
  0.05 / 80, which 1000 resamples cannot give.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.arrays import ZLIB, read_arrays
from bench.errors import UserError
from bench.files import atomic_path, canonical_json
from bench.metrics.bootstrap import DECIMALS, NAMES, Replicates, replicate
from bench.metrics.protocol import Protocol
from bench.records.store import Record, RecordStore, Scores
from bench.settings import work_folder

ALPHA: Final = 0.05
"""A difference is called significant where its p-value is at most this."""
LEVEL: Final = 1 - ALPHA
RESAMPLES: Final = 1000
FEWEST_POSITIVES: Final = 5
"""A class with fewer positive test images is not tested: resamples of so few images are too much alike."""

SHARE: Final = (0.0, 1.0)
DIFFERENCE: Final = (-1.0, 1.0)

# Raised when the same scores would give other replicates, so that stored ones are not taken for them.
_VERSION = 1

FloatArray = NDArray[np.float64]


class Interval(NamedTuple):
    """A value with its confidence interval, as fractions; NaN where there is nothing to measure."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ResampledRun:
    """The replicates of one run, with what tells whether another run's are of the same images.

    Attributes:
        replicates: of the run's images in the order of their ids.
        positives: `(C,)`, the positive test labels of each class.
        test_set: a hash of the ids of the images and their labels.
    """

    replicates: Replicates
    positives: NDArray[np.int64]
    test_set: str


def percentile_interval(values: FloatArray, within: tuple[float, float] = (-np.inf, np.inf)) -> Interval:
    """The interval of `LEVEL` of a statistic: `(B + 1,)`, on the test images and on B resamples of them.

    It is cut off where the statistic cannot lie: `SHARE` for a metric, `DIFFERENCE` for that of two.
    """
    known = _centred(values)
    if np.isnan(values[0]) or not len(known):
        return Interval(np.nan, np.nan, np.nan)
    low, high = np.quantile(known, [ALPHA / 2, 1 - ALPHA / 2])
    least, greatest = within
    return Interval(float(values[0]), max(float(low), least), min(float(high), greatest))


def _centred(values: FloatArray) -> FloatArray:
    """A statistic on those resamples that have it, moved so that its mean is the value on the test images."""
    known = values[1:][~np.isnan(values[1:])]
    if not len(known):
        return known
    moved: FloatArray = (known - known.mean() + values[0]).round(DECIMALS)
    return moved


def p_value(differences: FloatArray) -> float:
    """Two-sided p-value of a paired difference: `(B + 1,)`, on the test images and on B resamples of them.

    Twice the share of resamples on the rarer side of 0, where the test set itself counts as one on either
    side, so that p is never 0 (Davison & Hinkley 1997, Bootstrap Methods and their Application, eq. 4.11).
    """
    known = _centred(differences)
    rarer = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (1 + rarer) / (1 + len(known)))


def holm(p: FloatArray) -> FloatArray:
    """p-values adjusted for how many there are (Holm 1979, A simple sequentially rejective procedure).

    Args:
        p: `(K,)`; NaN for what is not tested, which counts as none.
    """
    adjusted = np.full(len(p), np.nan)
    order = [int(k) for k in np.argsort(p, kind="stable") if not np.isnan(p[k])]
    least = 0.0
    for rank, k in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * float(p[k])))
        adjusted[k] = least
    return adjusted


def adjusted_p_values(differences: FloatArray) -> FloatArray:
    """p-values of K differences that are tested together, adjusted for K comparisons.

    Args:
        differences: `(B + 1, K)`, on the test images and on B resamples of them. NaN in a resample that lacks
            the class, which then counts as no deviation.

    Returns:
        `(K,)`: rejecting those of at most 0.05 keeps the chance of any false one at about 0.05.
    """
    observed, resampled = differences[0], differences[1:]
    spread = np.nanstd(resampled, axis=0, ddof=1)
    # A difference that does not vary is that of equal scores, or of too few images to say anything.
    scale = np.where(spread > 1e-9, spread, np.inf)
    statistic = np.abs(observed) / scale
    deviation = np.nan_to_num(np.abs(resampled - observed) / scale)
    order = np.argsort(-statistic, kind="stable")
    # The largest deviation among a class and all with a smaller statistic, in every resample.
    largest = np.maximum.accumulate(deviation[:, order[::-1]], axis=1)[:, ::-1]
    reached = (largest >= statistic[order]).sum(axis=0)
    adjusted = np.empty(len(observed))
    adjusted[order] = np.maximum.accumulate((1 + reached) / len(differences))
    return adjusted


def interval(
    store: RecordStore,
    records: Sequence[Record],
    metric: str,
    protocol: Protocol | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """A metric of a method with its interval over test images: the mean over its records, one per seed.

    Args:
        store: holds the scores of the records.
        records: runs on the same test images.
        metric: one of `NAMES`.
        protocol: how the scores are measured; that of the first record where it is None.
        resamples: B.
        seed: of the draws.

    Raises:
        UserError: the runs do not share their test images, or the scores of one are not its own.
    """
    samples = [
        sample_of(store, record, protocol or records[0].cell.protocol, resamples, seed) for record in records
    ]
    for record, sample in zip(records, samples, strict=True):
        if sample.test_set != samples[0].test_set:
            raise UserError(
                f"{records[0].run_id} and {record.run_id} do not share their test images and labels."
            )
    return percentile_interval(mean_over_seeds(samples).metrics[:, NAMES.index(metric)], SHARE)


def mean_over_seeds(samples: Sequence[ResampledRun]) -> Replicates:
    """The mean of the metrics of several runs on each resample; the runs share their test images."""
    return Replicates(
        np.mean([sample.replicates.metrics for sample in samples], axis=0),
        np.mean([sample.replicates.class_ap for sample in samples], axis=0),
    )


def sample_of(
    store: RecordStore, record: Record, protocol: Protocol, resamples: int = RESAMPLES, seed: int = 0
) -> ResampledRun:
    """The replicates of a run; they are kept in the work folder, by the hash of its scores.

    The images are taken in the order of their ids, so that runs that list the same images in another order
    meet the same resamples.

    Raises:
        UserError: the scores are not those that the record was written with, an image stands twice in them,
            or they cannot be measured.
    """
    choices = protocol.model_dump(mode="json", exclude={"name"})
    key = canonical_json([_VERSION, record.scores_sha256, choices, resamples, seed])
    path = work_folder() / "bootstrap" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    sample = _read(path)
    if sample is None:
        sample = _sample(store.scores(record), record, protocol, resamples, seed)
        with atomic_path(path) as temporary:
            np.savez(
                temporary,
                metrics=sample.replicates.metrics,
                class_ap=sample.replicates.class_ap,
                positives=sample.positives,
                test_set=np.array(sample.test_set),
                allow_pickle=False,
            )
    return sample


def _read(path: Path) -> ResampledRun | None:
    """Stored replicates; None where there are none or the file is not whole."""
    try:
        stored = read_arrays(path, ZLIB)
        replicates = Replicates(stored["metrics"], stored["class_ap"])
        return ResampledRun(replicates, stored["positives"], str(stored["test_set"]))
    except (OSError, ValueError, KeyError):
        return None


def _sample(scores: Scores, record: Record, protocol: Protocol, resamples: int, seed: int) -> ResampledRun:
    order = np.argsort(scores.ids, kind="stable")
    ids, labels = scores.ids[order], np.ascontiguousarray(scores.labels[order])
    twice = ids[1:][ids[1:] == ids[:-1]]
    if len(twice):
        raise UserError(f"The scores of {record.run_id} have the image {twice[0]} twice.")
    try:
        replicates = replicate(scores.logits[order], labels, protocol, resamples, seed)
    except ValueError as error:
        raise UserError(f"The scores of {record.run_id} cannot be measured: {error}.") from error
    digest = hashlib.sha256("\n".join(ids).encode())
    digest.update(labels.tobytes())
    return ResampledRun(replicates, (labels == 1).sum(axis=0, dtype=np.int64), digest.hexdigest())
