"""The stored scores that thresholds of a run may be fitted on: of images that were not trained on."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.experiment.cell import CellSpec
from bench.records.groups import differences
from bench.records.record import Record
from bench.records.store import RecordStore


class ValidationScores(NamedTuple):
    """Scores of a validation split.

    Attributes:
        logits: `(N, C)`.
        labels: `(N, C)` in {1, 0, -1}.
        source: whose they are, in words.
    """

    logits: NDArray[np.float32]
    labels: NDArray[np.int8]
    source: str


def scores_of_named(record: Record, store: RecordStore, name: str) -> ValidationScores:
    """Those of the run that a user names by the beginning or end of its name; its seed may be another.

    Raises:
        UserError: no such run, or its scores say nothing of this one.
    """
    other = store.find(name)
    if other.status == "failed":
        raise UserError(f"{other.run_id} did not finish, so it has no scores: name another with --from.")
    if other.cell.split != "validation":
        raise UserError(
            f"{other.run_id} is a run on the test split, on which nothing is fitted: name with --from a run "
            "with `--split validation`."
        )
    if apart := _apart(record, other):
        raise UserError(
            f"{other.run_id} is not the same on the validation split; it differs from {record.run_id} in: "
            f"{'; '.join(apart)}."
        )
    return _scores(other, store)


def stored_scores(record: Record, stores: Sequence[RecordStore]) -> ValidationScores | None:
    """Those of a run on the validation split, or of the same run there; None where none is stored.

    Args:
        record: of the run.
        stores: where its like are looked for; the first holds the run itself.

    Raises:
        UserError: the scores cannot be read.
    """
    if record.cell.split == "validation":
        return _scores(record, stores[0])
    same = (found for store in stores for found in _same(record, store))
    return next(same, None)


def _same(record: Record, store: RecordStore) -> Iterator[ValidationScores]:
    for other in store.all():
        if (
            isinstance(other, Record)
            and other.status == "finished"
            and other.cell.split == "validation"
            and other.cell.seed == record.cell.seed
            and not _apart(record, other)
        ):
            yield _scores(other, store)


def _scores(record: Record, store: RecordStore) -> ValidationScores:
    found = store.scores(record)
    return ValidationScores(found.logits, found.labels, f"validation scores of {record.run_id}")


def _apart(record: Record, other: Record) -> list[str]:
    """In what a run on the validation split differs from a run, but for the split and the seed, in words."""
    cell, theirs = record.cell, other.cell
    found = []
    if cell.method != theirs.method:
        found.append(f"method ({cell.method.label()}, {theirs.method.label()})")
    sizes = record.data.model_copy(update={"classes": other.data.classes})
    alike = other.model_copy(update={"cell": _on_the_test_split(theirs, cell), "data": sizes})
    found += differences(record.model_copy(update={"cell": cell.model_copy(update={"tuned": None})}), alike)
    return found or (["images or labels of the data"] if _other_data(record, other) else [])


def _on_the_test_split(cell: CellSpec, like: CellSpec) -> CellSpec:
    """A cell on the validation split with what follows from the split taken from one on the test split."""
    names = ("split", "data_fingerprint", "limit_eval", "protocol")
    # What a tune chose stands in the schedule and the method; its trials do not say that a tune chose it.
    return cell.model_copy(update={"tuned": None, **{name: getattr(like, name) for name in names}})


def _other_data(record: Record, other: Record) -> bool:
    """Whether a validation split, and what it leaves, are not the two parts of a run's training split."""
    mine, theirs = record.cell.data_fingerprint.split("-"), other.cell.data_fingerprint.split("-")
    if record.cell.split == "validation":
        return mine != theirs
    if record.data.chosen_on_images is not None:
        return [mine[0], mine[-1]] != theirs
    if record.cell.limit_train or other.cell.limit_eval:
        return False  # only parts of the two were used
    whole, parts = record.data, other.data
    return (whole.train_images, whole.train_labels, whole.train_difficult) != (
        parts.train_images + parts.eval_images,
        parts.train_labels + parts.eval_labels,
        parts.train_difficult + parts.eval_difficult,
    )
