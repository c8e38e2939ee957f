"""Two methods on the same test images: their stored scores side by side, image for image."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.compare.choose import Pair, Records, different_test_sets
from bench.errors import UserError
from bench.metrics.average_precision import BoolArray
from bench.metrics.precision_recall import decisions
from bench.metrics.protocol import Protocol
from bench.records.record import Record
from bench.records.store import RecordStore, Scores

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """One of the two methods.

    Attributes:
        name: what it is called.
        records: its S runs.
        logits: `(S, N, C)`.
        true: `(N, C)`, what counts as positive in precision and recall.
        predicted: `(S, N, C)`, what it predicts there.
    """

    name: str
    records: Records
    logits: NDArray[np.float32]
    true: BoolArray
    predicted: BoolArray

    @cached_property
    def missed(self) -> BoolArray:
        """`(S, N, C)`: positives that are not predicted."""
        return self.true & ~self.predicted

    @cached_property
    def false(self) -> BoolArray:
        """`(S, N, C)`: predictions that are no positives."""
        return self.predicted & ~self.true

    @cached_property
    def probabilities(self) -> Floats:
        """`(N, C)`, the mean over runs of the sigmoid of the logits."""
        total = np.zeros(self.true.shape)
        for logits in self.logits:  # one after the other, because a large data set has many
            total += 0.5 + 0.5 * np.tanh(logits / 2)
        return total / len(self.logits)


@dataclass(frozen=True)
class Sides:
    """Both methods, on N images in the order of their ids.

    Attributes:
        ids: N image ids.
        labels: `(N, C)` in {1, 0, -1}.
        classes: C names.
        protocol: how the scores are measured.
        a: the one.
        b: the other.
    """

    ids: tuple[str, ...]
    labels: NDArray[np.int8]
    classes: tuple[str, ...]
    protocol: Protocol
    a: Side
    b: Side

    @property
    def true(self) -> BoolArray:
        """`(N, C)`, what counts as positive in precision and recall."""
        return self.a.true

    @property
    def negative(self) -> BoolArray:
        """`(N, C)`, what would be a false alarm there if it were predicted."""
        counted = self.labels != 0 if self.protocol.difficult_in_pr == "ignored" else True
        negative: BoolArray = ~self.true & counted
        return negative


def read_sides(store: RecordStore, pair: Pair) -> Sides:
    """Read the scores of both methods.

    Raises:
        UserError: scores that are not the record's own, or that are not of the same images and labels.
    """
    protocol = pair.a[0].cell.protocol
    names = pair.names()
    first = _ordered(pair.a[0], store.scores(pair.a[0]))

    def side(name: str, records: Records) -> Side:
        logits = np.stack([one.logits for one in _checked(store, pair.a[0], first, records)])
        decided = [decisions(one, first.labels, protocol) for one in logits]
        return Side(name, records, logits, decided[0][0], np.stack([predicted for _, predicted in decided]))

    ids = tuple(map(str, first.ids))
    a, b = side(names[0], pair.a), side(names[1], pair.b)
    return Sides(ids, first.labels, pair.a[0].data.classes, protocol, a, b)


def _checked(store: RecordStore, of: Record, first: Scores, records: Records) -> Iterator[Scores]:
    """The scores of runs in the order of the ids; all are of the images and labels of the first."""
    for record in records:
        scores = _ordered(record, store.scores(record))
        if not np.array_equal(scores.ids, first.ids) or not np.array_equal(scores.labels, first.labels):
            raise different_test_sets(store, of, record)
        yield scores


def _ordered(record: Record, scores: Scores) -> Scores:
    order = np.argsort(scores.ids, kind="stable")
    ids = scores.ids[order]
    twice = ids[1:][ids[1:] == ids[:-1]]
    if len(twice):
        raise UserError(f"The scores of {record.run_id} have the image {twice[0]} twice.")
    return Scores(ids, scores.logits[order], np.ascontiguousarray(scores.labels[order]))
