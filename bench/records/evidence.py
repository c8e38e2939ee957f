"""What the scores of a table's runs show: intervals, and which methods are better than which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import nan

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.metrics.bootstrap import NAMES
from bench.metrics.protocol import Protocol
from bench.metrics.uncertainty import ALPHA, SHARE, Interval, estimate, holm
from bench.records.groups import Group
from bench.records.intervals import ResampledRun, enough_seeds, metrics_of, samples_of
from bench.records.store import RecordStore

FloatArray = NDArray[np.float64]

UNKNOWN = Interval(nan, nan, nan)


@dataclass(frozen=True)
class Evidence:
    """What is known of the methods of a group; a method is named by its label.

    Attributes:
        intervals: by method, those of the metrics of `NAMES`; a method whose scores cannot be read has none.
        tested: the methods that are compared with each other: those with enough seeds.
        better: metric, better and worse method of every difference that is shown, with p adjusted for all
            pairs of tested methods and all metrics (Holm).
        positives: `(C,)`, the test images of each class that count as positive in AP; None if no scores are
            there.
        notes: by run, why its method has no interval.
    """

    intervals: Mapping[str, Sequence[Interval]] = field(default_factory=dict)
    tested: tuple[str, ...] = ()
    better: frozenset[tuple[str, str, str]] = frozenset()
    positives: NDArray[np.int64] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    def interval(self, label: str, metric: str) -> Interval:
        """The interval of a metric of a method; NaN where there is none."""
        return self.intervals[label][NAMES.index(metric)] if label in self.intervals else UNKNOWN

    def leading(self, metric: str, among: Sequence[str]) -> frozenset[str]:
        """Of these methods, the tested ones that cannot be told from the best; none if fewer than two are."""
        tested = [label for label in among if label in self.tested]
        if len(tested) < 2:
            return frozenset()
        best = max(tested, key=lambda label: self.interval(label, metric).value)
        return frozenset(label for label in tested if (metric, best, label) not in self.better)

    def ranks(self, label: str, metric: str, among: Sequence[str]) -> tuple[int, int]:
        """Between which ranks a method lies among others.

        Those that are shown to be better stand before it, those shown to be worse behind it. As the chance of
        any false finding is kept, all these ranges hold together (Mogstad et al. 2024, Inference for ranks
        with applications to mobility across neighbourhoods, Review of Economic Studies 91).
        """
        before = sum((metric, other, label) in self.better for other in among)
        behind = sum((metric, label, other) in self.better for other in among)
        return 1 + before, len(among) - behind


def evidence_of(store: RecordStore, group: Group, protocol: Protocol | None = None) -> Evidence:
    """Measure the runs of a group on the resamples of their test images, and test every pair of methods.

    Args:
        store: holds the scores.
        group: the runs.
        protocol: how the scores are measured; the group's own where it is None.
    """
    values: dict[str, FloatArray] = {}
    notes: dict[str, str] = {}
    first: ResampledRun | None = None
    methods = group.by_row()
    for label, records in methods.items():
        try:
            samples = samples_of(store, records, protocol)
            first = first or samples[0]
            if samples[0].test_set != first.test_set:
                raise UserError("its test images and labels are not those of the other methods.")
        except UserError as error:
            notes[records[0].run_id] = f"without an interval: {records[0].run_id}: {error}"
        else:
            values[label] = metrics_of(samples)
    tested = tuple(label for label in values if enough_seeds(methods[label]))
    intervals = {label: estimate(value).intervals(SHARE) for label, value in values.items()}
    better = _better({label: values[label] for label in tested})
    return Evidence(intervals, tested, better, first.positives if first else None, notes)


def _better(values: Mapping[str, FloatArray]) -> frozenset[tuple[str, str, str]]:
    """The differences that are shown; the values of each method are `(S, B + 1, 3)`."""
    pairs = list(combinations(values, 2))
    found = [estimate(values[one], values[other]) for one, other in pairs]
    if not found:
        return frozenset()
    adjusted = holm(np.concatenate([difference.p_values() for difference in found]))
    shown = adjusted.reshape(len(pairs), len(NAMES)) <= ALPHA
    return frozenset(
        (metric, one, other) if difference.value[column] > 0 else (metric, other, one)
        for (one, other), difference, of_pair in zip(pairs, found, shown, strict=True)
        for column, metric in enumerate(NAMES)
        if of_pair[column]
    )
