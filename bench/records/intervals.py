"""What the intervals of stored runs are made of: the seeds of a method on the same resamples of their images.

What an interval covers and how it is computed stands in `bench.metrics.uncertainty`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.arrays import ZLIB, read_arrays
from bench.errors import UserError
from bench.files import atomic_path, canonical_json
from bench.methods.catalog import PRIOR
from bench.metrics.average_precision import positives
from bench.metrics.bootstrap import Replicates, replicate
from bench.metrics.known import known_labels
from bench.metrics.operating_point import OperatingPoint
from bench.metrics.protocol import Protocol
from bench.metrics.uncertainty import LEAST_SEEDS
from bench.records.known import logits_told
from bench.records.record import Record
from bench.records.store import RecordStore, Scores
from bench.settings import work_folder

RESAMPLES: Final = 1000

# Raised when the same scores would give other replicates, so that stored ones are not taken for them.
_VERSION = 3
# A logit that is over every protocol's threshold, and its negative below.
_YES: Final = np.float32(20)

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ResampledRun:
    """The replicates of one run, with what tells whether another run's are of the same images.

    Attributes:
        replicates: of the run's images in the order of their ids.
        positives: `(C,)`, the test images of each class that count as positive in AP.
        test_set: a hash of the ids of the images and their labels.
    """

    replicates: Replicates
    positives: NDArray[np.int64]
    test_set: str


def enough_seeds(records: Sequence[Record]) -> bool:
    """Whether a difference to the method of these runs can count as shown; the prior has no seed to vary."""
    return len(records) >= LEAST_SEEDS or records[0].cell.method.name == PRIOR.name


def one_seed(records: Sequence[Record]) -> bool:
    """Whether the interval of a method lacks its seeds, because there is one alone; the prior has none."""
    return len(records) == 1 and records[0].cell.method.name != PRIOR.name


def samples_of(
    store: RecordStore,
    records: Sequence[Record],
    protocol: Protocol | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    known: int = 0,
    points: Sequence[OperatingPoint | None] | None = None,
) -> list[ResampledRun]:
    """The replicates of the runs of a method.

    Args:
        store: holds the scores of the records.
        records: runs on the same test images, one per seed.
        protocol: how the scores are measured; that of the first record where it is None.
        resamples: B.
        seed: of the draws.
        known: percent of the labels of an image that are known and not measured.
        points: of each run what predicts its labels in the place of the protocol's threshold, if anything.

    Raises:
        UserError: the runs do not share their test images, or the scores of one are not its own.
    """
    samples = [
        sample_of(store, record, protocol or records[0].cell.protocol, resamples, seed, known, point)
        for record, point in zip(records, points or [None] * len(records), strict=True)
    ]
    for record, sample in zip(records, samples, strict=True):
        if sample.test_set != samples[0].test_set:
            raise UserError(
                f"{records[0].run_id} and {record.run_id} do not share their test images and labels."
            )
    return samples


def metrics_of(samples: Sequence[ResampledRun]) -> FloatArray:
    """The metrics of `NAMES` of each run on the test images and their resamples, `(S, B + 1, 3)`."""
    return np.stack([sample.replicates.metrics for sample in samples])


def class_ap_of(samples: Sequence[ResampledRun]) -> FloatArray:
    """AP of each class likewise, `(S, B + 1, C)`."""
    return np.stack([sample.replicates.class_ap for sample in samples])


def sample_of(
    store: RecordStore,
    record: Record,
    protocol: Protocol,
    resamples: int = RESAMPLES,
    seed: int = 0,
    known: int = 0,
    point: OperatingPoint | None = None,
) -> ResampledRun:
    """The replicates of a run; they are kept in the work folder, by the hash of its scores.

    The images are taken in the order of their ids, so that runs that list the same images in another order
    meet the same resamples. Where labels are `known`, in percent, the others are measured, with the scores of
    a head that was told them if the run has such scores. Where a `point` predicts labels, there is nothing of
    the scores but these decisions: CF1 and OF1 are those at its thresholds, and AP says nothing.

    Raises:
        UserError: the scores are not those that the record was written with, an image stands twice in them,
            or they cannot be measured.
    """
    choices = protocol.model_dump(mode="json", exclude={"name"})
    told: list[object] = [known] if known else []
    told += [point.temperature, *point.thresholds()] if point else []
    key = canonical_json([_VERSION, record.scores_sha256, choices, resamples, seed, *told])
    path = work_folder() / "bootstrap" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    sample = _read(path)
    if sample is None:
        sample = _sample(store.scores(record), record, protocol, resamples, seed, known, point)
        with atomic_path(path, lasting=False) as temporary:
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


def _sample(
    scores: Scores,
    record: Record,
    protocol: Protocol,
    resamples: int,
    seed: int,
    known: int,
    point: OperatingPoint | None,
) -> ResampledRun:
    order = np.argsort(scores.ids, kind="stable")
    ids, labels = scores.ids[order], np.ascontiguousarray(scores.labels[order])
    twice = ids[1:][ids[1:] == ids[:-1]]
    if len(twice):
        raise UserError(f"The scores of {record.run_id} have the image {twice[0]} twice.")
    try:
        left_out = known_labels(list(ids), labels, known) if known else None
        logits = logits_told(record, scores, known)[order]
        if point:
            logits = np.where(point.predicted(logits), _YES, -_YES)
        replicates = replicate(logits, labels, protocol, resamples, seed, left_out)
    except ValueError as error:
        raise UserError(f"The scores of {record.run_id} cannot be measured: {error}.") from error
    digest = hashlib.sha256("\n".join(ids).encode())
    digest.update(labels.tobytes())
    counted = positives(labels, protocol.difficult_in_ap).sum(axis=0, dtype=np.int64)
    return ResampledRun(replicates, counted, digest.hexdigest())
