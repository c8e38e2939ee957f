"""What a run's history says about learning. Imports nothing that draws."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from bench.records.record import Record

Curve = dict[int, float]


def loss_curve(record: Record) -> Curve:
    """The training loss by epoch, from 1."""
    return {epoch.epoch + 1: epoch.loss for epoch in record.history}


def map_curve(record: Record) -> Curve:
    """The mAP in percent by epoch, from 1, where it was measured."""
    return {epoch.epoch + 1: 100 * epoch.metrics.mAP for epoch in record.history if epoch.metrics}


CURVES: Final[Mapping[str, Callable[[Record], Curve]]] = {"training loss": loss_curve, "mAP (%)": map_curve}
"""What is drawn over the epochs, by its name."""


def common_epochs(seeds: Sequence[Curve]) -> list[int]:
    """The epochs that every seed has a value of."""
    return sorted(set.intersection(*(set(seed) for seed in seeds)))
