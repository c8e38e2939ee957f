"""Metrics of many resamples of the test images: what intervals and tests are computed from.

A resample draws as many images as there are, with repetition. It is held as the number of times that each
image was drawn, so the images are ranked once. The draws depend on the number of images, the seed and the
resample alone: the runs of one test set meet the same resamples, which makes their differences paired.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.metrics.average_precision import BoolArray, FloatArray, IntArray
from bench.metrics.precision_recall import PrecisionRecall, decisions, mean_of, summarise_rows
from bench.metrics.protocol import Protocol
from bench.metrics.ranked_scores import RankedScores
from bench.processors import processors

T = TypeVar("T")

NAMES: Final = ("mAP", "CF1", "OF1")
"""The metrics that are resampled."""

# Resamples that one thread measures at a time, unless images are few: the draws of one image fill a line of a
# cache.
_BLOCK = 32
# Draws of images at a time where they are few: what fits a cache.
_AT_ONCE = 2**18
# Draws that are kept for the next run on as many images, 64 times as many at most.
_REMEMBERED = _AT_ONCE
# Beyond this many decimals there is only the order of a sum, which must not decide the sign of a difference.
DECIMALS: Final = 12


@dataclass(frozen=True)
class Replicates:
    """Metrics of the test images (row 0) and of B resamples of them (rows 1 to B), as fractions.

    Attributes:
        metrics: `(B + 1, 3)`, the metrics of `NAMES`; NaN where no class has a positive.
        class_ap: `(B + 1, C)`; NaN where the class has no positive. It is then in no mean over classes.
    """

    metrics: NDArray[np.float64]
    class_ap: NDArray[np.float64]


def draw(images: int, seed: int, resample: int) -> NDArray[np.uint8]:
    """How often each image is in a resample, `(images,)`; resample 0 is every image once.

    Made of the raw bits of PCG64, which never change, while NumPy may change how it draws whole numbers.
    An image's share of the 2**32 values differs from another's by one value at most.
    """
    if resample == 0:
        return np.ones(images, dtype=np.uint8)
    bits = np.random.PCG64([seed, resample]).random_raw(images)
    drawn = (bits >> np.uint64(32)) * np.uint64(images) >> np.uint64(32)
    return np.bincount(drawn.astype(np.intp), minlength=images).astype(np.uint8)


def draws(images: int, seed: int, resamples: range) -> NDArray[np.uint8]:
    """How often each image is in each of some resamples, `(R, images)`; not to be written to."""
    if len(resamples) * images > _REMEMBERED:
        return np.stack([draw(images, seed, resample) for resample in resamples])
    return _remembered_draws(images, seed, resamples)


@lru_cache(maxsize=64)
def _remembered_draws(images: int, seed: int, resamples: range) -> NDArray[np.uint8]:
    """The same for every run on the same test images, so drawn once: half the time of a small test set."""
    counts = np.stack([draw(images, seed, resample) for resample in resamples])
    counts.setflags(write=False)
    return counts


def replicate(
    scores: FloatArray,
    labels: IntArray,
    protocol: Protocol,
    resamples: int = 1000,
    seed: int = 0,
    left_out: BoolArray | None = None,
) -> Replicates:
    """Measure the test images and `resamples` resamples of them.

    Args:
        scores: `(N, C)` finite logits.
        labels: `(N, C)` in {1, 0, -1}.
        protocol: how they are measured.
        resamples: B.
        seed: of the draws.
        left_out: `(N, C)`, labels that are in no metric.

    Raises:
        ValueError: the shapes or values of scores or labels are bad.
    """
    ranking = RankedScores(scores, labels, protocol, left_out)
    decided = _decisions(scores, labels, protocol, left_out)

    def measure(rows: range) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        counts = draws(len(scores), seed, rows)
        class_ap = ranking.average_precision(counts)
        # Sums of whole numbers: float32 holds them exactly up to 2**24 images, in whatever order.
        sums = (counts.astype(np.float32) @ decided).astype(np.int64)
        return _metrics(class_ap, sums, protocol), class_ap

    blocks = in_blocks(measure, len(scores), resamples)
    metrics, class_ap = (np.concatenate(block).round(DECIMALS) for block in zip(*blocks, strict=True))
    return Replicates(metrics, class_ap)


def in_blocks(measure: Callable[[range], T], images: int, resamples: int) -> list[T]:
    """What `measure` makes of resamples 0 to `resamples` of so many images, some at a time, on all cores."""
    cores = processors()
    block = min(max(_BLOCK, _AT_ONCE // images), -(-(resamples + 1) // cores))
    starts = range(0, resamples + 1, block)
    with ThreadPoolExecutor(cores) as pool:
        return list(pool.map(measure, (range(one, min(one + block, resamples + 1)) for one in starts)))


def replicate_sums(values: IntArray, resamples: int = 1000, seed: int = 0) -> NDArray[np.float64]:
    """Sums over the test images (row 0) and over the same resamples of them that `replicate` measures.

    Args:
        values: `(N, K)` whole numbers of each image, whose sums stay below 2**24.
        resamples: B.
        seed: of the draws.

    Returns:
        `(B + 1, K)`.
    """
    exact = values.astype(np.float32)
    starts = range(0, resamples + 1, _BLOCK)
    blocks = (draws(len(values), seed, range(one, one + _BLOCK)) for one in starts)
    sums = [block.astype(np.float32) @ exact for block in blocks]
    return np.concatenate(sums)[: resamples + 1].astype(np.float64)


def _decisions(
    scores: FloatArray, labels: IntArray, protocol: Protocol, left_out: BoolArray | None
) -> NDArray[np.float32]:
    """Of each image the right predictions, all predictions and positives of every class, `(N, 3 C)`."""
    true, predicted = decisions(scores, labels, protocol, left_out=left_out)
    return np.concatenate([predicted & true, predicted, true], axis=1).astype(np.float32)


def _metrics(
    class_ap: NDArray[np.float64], sums: NDArray[np.int64], protocol: Protocol
) -> NDArray[np.float64]:
    """The metrics of `NAMES`, `(R, 3)`, from the AP of each class, `(R, C)`, and the sums, `(R, 3 C)`."""
    known = ~np.isnan(class_ap)
    hits, guesses, wanted = np.split(sums, 3, axis=1)
    values = summarise_rows(hits, guesses, wanted, protocol)
    chosen = [PrecisionRecall._fields.index(name) for name in NAMES[1:]]
    found = np.column_stack([mean_of(class_ap, known), values[:, chosen]])
    found[~known.any(axis=1) | ~wanted.any(axis=1)] = np.nan
    return found
