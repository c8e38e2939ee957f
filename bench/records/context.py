"""mAP of stored runs in and out of context, with intervals: of chosen test images, or of two test splits."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.arrays import ZLIB, read_arrays
from bench.files import atomic_path, canonical_json
from bench.metrics.bootstrap import NAMES
from bench.metrics.context import replicate_context
from bench.metrics.protocol import Protocol
from bench.metrics.uncertainty import DIFFERENCE, SHARE, Interval, estimate
from bench.records.intervals import RESAMPLES, sample_of, samples_of
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.settings import work_folder

# Raised when the same scores would give other replicates, so that stored ones are not taken for them.
_VERSION: Final = 2

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class InAndOut:
    """mAP in and out of context of one method, as fractions; NaN where nothing can be measured.

    Attributes:
        replicates: `(S, B + 1, 2)`, of each seed, on the test images and on B resamples, in context and out.
    """

    replicates: FloatArray

    def values(self) -> FloatArray:
        """In context, out of it, and the gap, by seed: `(S, 3)`."""
        return self._with_gap()[:, 0]

    def intervals(self) -> tuple[Interval, Interval, Interval]:
        """Of the same three, of the mean over seeds."""
        # One model is measured on both sides, so the gap is that of each seed, and varies over seeds as one.
        found = estimate(self._with_gap())
        inside, outside, _ = found.intervals(SHARE)
        return inside, outside, found.intervals(DIFFERENCE)[2]

    def _with_gap(self) -> FloatArray:
        gap = self.replicates[..., :1] - self.replicates[..., 1:]
        return np.concatenate([self.replicates, gap], axis=-1)


def by_companions(store: RecordStore, records: Sequence[Record]) -> InAndOut:
    """Positives with the most frequent companion of their class, and without it: see `bench.metrics.context`.

    Args:
        store: holds the scores.
        records: runs of one method on the same test images, one for each seed.

    Raises:
        UserError: as `samples_of`.
    """
    samples_of(store, records)
    return InAndOut(np.stack([_replicates(store, record, record.cell.protocol) for record in records]))


def by_splits(store: RecordStore, inside: Sequence[Record], outside: Sequence[Record]) -> InAndOut:
    """The mAP of a method on one test split, and on another one, each on all its images.

    Args:
        store: holds the scores.
        inside: runs on the one, one for each seed.
        outside: runs of the same seeds on the other, in the same order.

    Raises:
        UserError: as `sample_of`.
    """
    # Other draws for the other images, because nothing pairs the images of the two.
    sides = [
        [sample_of(store, record, record.cell.protocol, RESAMPLES, draws) for record in records]
        for draws, records in enumerate((inside, outside))
    ]
    column = NAMES.index("mAP")
    return InAndOut(
        np.stack([[one.replicates.metrics[:, column] for one in side] for side in sides], axis=-1)
    )


def _replicates(store: RecordStore, record: Record, protocol: Protocol) -> FloatArray:
    """`(B + 1, 2)` of one run; they are kept in the work folder, by the hash of its scores."""
    choices = protocol.model_dump(mode="json", exclude={"name"})
    key = canonical_json(["context", _VERSION, record.scores_sha256, choices, RESAMPLES])
    path = work_folder() / "bootstrap" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    try:
        kept = read_arrays(path, ZLIB)["context"]
        if kept.shape == (RESAMPLES + 1, 2) and kept.dtype == np.float64:
            return kept
    except (OSError, ValueError, KeyError):
        pass  # made again
    scores = store.scores(record)
    order = np.argsort(scores.ids, kind="stable")
    found = replicate_context(scores.logits[order], scores.labels[order], protocol, RESAMPLES, 0)
    with atomic_path(path, lasting=False) as temporary:
        np.savez(temporary, context=found, allow_pickle=False)
    return found
