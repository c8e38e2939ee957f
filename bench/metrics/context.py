"""Mean AP in and out of context: positives with the most frequent companion of their class, and without it.

- The companion of class i is the class j with the largest P(j | i) in the labels that are measured on, of
  equals the first; a class that is never together with another has none.
- In context are the positives of i in images where j is positive, out of context those where it is negative.
  Where j is difficult they are neither.
- AP of i in context ranks the positives in context against all negatives of i; AP out of context ranks those
  out of context against the same negatives. The other positives are left out, as difficult ones are.
- The more positives, the higher the AP, even of a guess. So precision is counted as if either side had as
  many positives as i has in all: scores that do not depend on the companion have the same AP on both sides.
- Both means are over the same classes: those with at least `FEWEST` positives on either side.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.labels import count_labels
from bench.metrics.average_precision import FloatArray, IntArray, positives
from bench.metrics.bootstrap import DECIMALS, draws, in_blocks
from bench.metrics.protocol import Protocol
from bench.metrics.ranked_scores import RankedScores

FEWEST: Final = 5
"""Positives that a class must have in context, and out of it, to be measured."""


@dataclass(frozen=True)
class Context:
    """Which positives are in context and which out of it.

    Attributes:
        companions: `(C,)`, the companion of each class; -1 for a class that has none.
        positive: `(N, C)`, all positives.
        inside: `(N, C)`, those in context.
        outside: `(N, C)`, those out of it.
        negative: `(N, C)`, what they are ranked against.
        measured: the K classes with at least `FEWEST` positives on either side, and a negative.
    """

    companions: NDArray[np.int64]
    positive: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    negative: NDArray[np.bool_]
    measured: NDArray[np.intp]


def context_of(labels: IntArray, protocol: Protocol) -> Context:
    """Divide the positives of `labels`, `(N, C)` in {1, 0, -1}; what is one is the protocol's."""
    _, together = count_labels(labels)
    companions = np.where(together.any(axis=1), together.argmax(axis=1), -1)
    positive = positives(labels, protocol.difficult_in_ap)
    negative = ~positive & ((labels == -1) | (protocol.difficult_in_ap != "ignored"))
    beside = np.where(companions >= 0, labels[:, companions], 0)
    inside, outside = positive & (beside == 1), positive & (beside == -1)
    enough = np.minimum(inside.sum(axis=0), outside.sum(axis=0)) >= FEWEST
    measured = np.flatnonzero(enough & negative.any(axis=0))
    return Context(companions, positive, inside, outside, negative, measured)


def replicate_context(
    scores: FloatArray, labels: IntArray, protocol: Protocol, resamples: int, seed: int
) -> NDArray[np.float64]:
    """Measure both means on the test images (row 0) and on resamples of them.

    The resamples are those of `bootstrap.replicate`. A class that has no positive on one side of a resample
    is in neither of its means.

    Args:
        scores: `(N, C)` finite logits.
        labels: `(N, C)` in {1, 0, -1}.
        protocol: its rule of AP, and what difficult labels are.
        resamples: B.
        seed: of the draws.

    Returns:
        `(B + 1, 2)`, in context and out of it; NaN where no class can be measured.

    Raises:
        ValueError: the shapes or values of scores or labels are bad.
    """
    context = context_of(labels, protocol)
    kept = context.measured
    if not len(kept):
        return np.full((resamples + 1, 2), np.nan)
    ignoring = protocol.model_copy(update={"difficult_in_ap": "ignored"})
    rest = np.where(context.negative[:, kept], -1, 0)
    sides = [
        RankedScores(scores[:, kept], np.where(side[:, kept], 1, rest), ignoring)
        for side in (context.inside, context.outside)
    ]
    weights = context.positive[:, kept].astype(np.float32)  # a matrix product, exact up to 2**24 images

    def measure(rows: range) -> NDArray[np.float64]:
        counts = draws(len(scores), seed, rows)
        there = (counts.astype(np.float32) @ weights).astype(np.int64)
        return _means(np.stack([side.average_precision(counts, there) for side in sides], axis=-1))

    return np.concatenate(in_blocks(measure, len(scores), resamples)).round(DECIMALS)


def _means(class_ap: NDArray[np.float64]) -> NDArray[np.float64]:
    """The means `(R, 2)` of `(R, K, 2)` over the classes that have a positive on both sides."""
    known = ~np.isnan(class_ap).any(axis=2, keepdims=True)
    count = known.sum(axis=1)
    total = np.where(known, class_ap, 0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))
