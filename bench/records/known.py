"""What stored scores say where a share of the labels of each test image is known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.metrics.known import evaluate_unknown, known_labels
from bench.metrics.protocol import Protocol
from bench.records.record import Known, Record
from bench.records.store import Scores


def measure_known(scores: Scores, percents: Sequence[int], protocol: Protocol) -> tuple[Known, ...]:
    """Measure the scores of a head that was told labels, which has some for each of these shares."""
    assert scores.known is not None
    ids = scores.ids.tolist()
    found = []
    for percent, logits in zip(percents, scores.known, strict=True):
        known = known_labels(ids, scores.labels, percent)
        metrics = evaluate_unknown(logits, scores.labels, known, protocol)
        found.append(Known(percent=percent, metrics=metrics))
    return tuple(found)


def known_of(record: Record, scores: Scores, protocol: Protocol) -> tuple[Known, ...]:
    """What its scores give for the shares of a record; nothing where it has none."""
    return measure_known(scores, [one.percent for one in record.known], protocol) if record.known else ()


def logits_told(record: Record, scores: Scores, percent: int) -> NDArray[np.float32]:
    """The logits `(N, C)` where that share is known: as told, or the only ones of a head that cannot be."""
    percents = [one.percent for one in record.known]
    if scores.known is None or percent not in percents:
        return scores.logits
    told: NDArray[np.float32] = scores.known[percents.index(percent)]
    return told
