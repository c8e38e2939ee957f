"""What a model card is about: the model, its run, its scores, and what lies beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from numpy.typing import NDArray

from bench.datasets.catalog import DATASET_CATALOGUE
from bench.datasets.info import DataSetInfo
from bench.engine.models.model_file import ModelCard
from bench.experiment.methods import MethodChoice, find_method
from bench.metrics.uncertainty import SHARE, Interval, estimate
from bench.records.intervals import metrics_of, sample_of
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.settings import MODEL

NO_LICENCE: Final = "unknown"
"""What hubs call a licence that nobody has stated."""


@dataclass(frozen=True)
class Measured:
    """What a run's scores say, beside the metrics of its record.

    Attributes:
        intervals: of the metrics of `bench.metrics.bootstrap.NAMES`, over test images.
        positives: `(C,)`, the test images of each class that count as positive.
    """

    intervals: tuple[Interval, ...]
    positives: NDArray[Any]


@dataclass(frozen=True)
class Described:
    """All that a model card says.

    Attributes:
        card: the header of the model's file.
        record: of its run; None where the model was not trained here, or its record is not.
        measured: None where there is no label to measure with.
        files: what lies beside the model, each with what it is.
        licence: of the weights, an identifier of the hubs'.
        name: of the model's file.
    """

    card: ModelCard
    record: Record | None = None
    measured: Measured | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    licence: str = NO_LICENCE
    name: str = MODEL


def measured(store: RecordStore, record: Record) -> Measured | None:
    """The intervals and counts of a finished run; None where the labels are held by a server.

    Raises:
        UserError: its scores are not those that the record was written with.
    """
    if record.metrics is None:
        return None
    sample = sample_of(store, record, record.cell.protocol)
    return Measured(tuple(estimate(metrics_of([sample])).intervals(SHARE)), sample.positives)


def method_title(choice: MethodChoice) -> str:
    """As tables print it, where the method is here."""
    known = find_method(choice.name)
    return known.title if known else choice.name


def known_data(record: Record | None) -> DataSetInfo | None:
    """The data set of a run, where it is one that is published."""
    return None if record is None else DATASET_CATALOGUE.find(record.cell.data)
