"""All metrics of one set of scores, as a record that goes to JSON and back."""

from typing import Annotated, Final, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from bench.metrics.average_precision import BoolArray, FloatArray, IntArray, average_precision
from bench.metrics.precision_recall import PrecisionRecall, precision_recall
from bench.metrics.protocol import Protocol

Fraction = Annotated[float, Field(ge=0, le=1)]


class Metrics(BaseModel):
    """What `evaluate` returns; all values are fractions of 1.

    The names of the numbers are those of `METRICS`. A class without positives has AP None and is in
    no mean over classes. The AP of the classes is left out of what is kept of a tune's trials.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mAP: Fraction  # noqa: N815 - the field's spelling
    CP: Fraction
    CR: Fraction
    CF1: Fraction
    OP: Fraction
    OR: Fraction
    OF1: Fraction
    CP_top3: Fraction
    CR_top3: Fraction
    CF1_top3: Fraction
    OP_top3: Fraction
    OR_top3: Fraction
    OF1_top3: Fraction
    per_class_ap: tuple[Fraction | None, ...]
    classes_without_positives: tuple[int, ...]
    num_images: int

    def without_classes(self) -> "Metrics":
        """The same without the AP of each class, which is as long as there are classes."""
        return self.model_copy(update={"per_class_ap": ()})

    def value(self, name: str) -> float:
        """The value of the metric `name`, one of `METRICS`."""
        return float(getattr(self, METRICS[name].name))


class MetricInfo(NamedTuple):
    """What a table has to know about a metric."""

    name: str
    title: str
    higher_is_better: bool
    range: tuple[float, float]


def _fraction(name: str, title: str) -> MetricInfo:
    """A metric in [0, 1] where 1 is perfect."""
    return MetricInfo(name, title, higher_is_better=True, range=(0.0, 1.0))


_PR = PrecisionRecall._fields
METRICS: Final[dict[str, MetricInfo]] = {
    info.name: info
    for info in (
        _fraction("mAP", "mAP"),
        *(_fraction(name, name) for name in _PR),
        *(_fraction(f"{name}_top3", f"{name} top-3") for name in _PR),
    )
}
"""Every metric by name, in the order of a table's columns."""


def measure(scores: FloatArray, labels: IntArray, protocol: Protocol) -> Metrics | None:
    """As `evaluate`; None where every label is 0, because a server holds them and nothing can be measured."""
    return evaluate(scores, labels, protocol) if np.asarray(labels).any() else None


def evaluate(
    scores: FloatArray, labels: IntArray, protocol: Protocol, left_out: BoolArray | None = None
) -> Metrics:
    """Measure `scores` (N, C), finite logits, on `labels` (N, C) in {1, 0, -1} under `protocol`.

    ValueError if shapes or values are bad, or if no class has a positive. Which classes have none is
    decided by what counts as positive in AP. Labels that are `left_out` (N, C) are in no metric.
    """
    ap = average_precision(scores, labels, protocol, left_out)
    missing = np.isnan(ap)
    if missing.all():
        raise ValueError("no class has a positive label: there is nothing to measure")
    everything = precision_recall(scores, labels, protocol, left_out=left_out)
    top3 = precision_recall(scores, labels, protocol, top_k=3, left_out=left_out)
    return Metrics(
        mAP=float(ap[~missing].mean()),
        **everything._asdict(),
        **{f"{name}_top3": value for name, value in top3._asdict().items()},
        per_class_ap=tuple(None if np.isnan(value) else float(value) for value in ap),
        classes_without_positives=tuple(int(index) for index in np.flatnonzero(missing)),
        num_images=len(scores),
    )
