"""From a matrix to its cells, and which of them are still to be run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.datasets.catalog import DATASETS
from bench.datasets.check import Progress
from bench.datasets.open import DataSet, open_dataset
from bench.files import sha256_of_file
from bench.methods.catalog import PRIOR
from bench.methods.vectors import LABEL_SETS, label_vectors, vectors_digest
from bench.records import Damaged, Record, RecordStore
from bench.resolve import resolve
from bench.schedule import Schedule, load_schedule
from bench.settings import work_folder
from bench.spec import CellSpec, MatrixSpec, MethodChoice, Overwrite, parse_methods, resolve_protocol

State = Literal["to run", "finished", "failed", "damaged"]


@dataclass(frozen=True)
class Cell:
    """One run of the matrix.

    Attributes:
        spec: what is run.
        dataset: the data it is run on.
        weights: the initial weights of the backbone, as given.
        vectors: the source of the label vectors, as given.
        state: what is stored of it, or `to run`.
        fresh: a stored record is replaced, so a checkpoint that lies there is of no use.
        detail: why it failed or is damaged.
    """

    spec: CellSpec
    dataset: DataSet
    weights: str
    vectors: str
    state: State
    fresh: bool
    detail: str = ""

    def steps(self) -> int:
        """Optimiser steps of a whole training."""
        if self.spec.method.name == PRIOR.name:
            return 0
        schedule = self.spec.schedule
        batches = max(1, len(self.dataset.train) // schedule.batch_size)
        return schedule.epochs * -(-batches // schedule.accumulate)


def plan(matrix: MatrixSpec, progress: Callable[[str], Progress] | None = None) -> list[Cell]:
    """Every cell of the matrix, in the order data, seed, method, with the label-frequency prior first.

    The data sets are found and checked here: nothing is trained before everything is known to be there.

    Args:
        matrix: what is asked for.
        progress: makes, from the name of a data set, the callback for the reading of its files.

    Raises:
        UserError: whatever in the matrix does not exist or cannot be used.
    """
    methods = parse_methods(matrix.methods)
    protocol = resolve_protocol(matrix.protocol)
    schedules = {name: _schedule(matrix, name) for name in matrix.data}
    store = RecordStore(matrix.results)
    cells = []
    for name in matrix.data:
        dataset = open_dataset(
            name,
            matrix.data_root,
            matrix.limit_train,
            matrix.limit_eval,
            matrix.skip_bad,
            progress(name) if progress else None,
        )
        schedule_name, schedule = schedules[name]
        weights, weights_digest = schedule.weights, _weights_digest(schedule.weights)
        if weights_digest:
            # A file is identified by its content, so its folder stays out of the record.
            schedule = schedule.model_copy(update={"weights": Path(weights).name})
        vectors = _vectors_identity(matrix.vectors, dataset)
        # The prior draws nothing, so its seed is always 0 and it is run once.
        prior = (MethodChoice(name=PRIOR.name), 0)
        for method, seed in [prior, *((method, seed) for seed in matrix.seeds for method in methods)]:
            spec = CellSpec(
                method=method,
                data=name,
                data_fingerprint=dataset.fingerprint(),
                limit_train=matrix.limit_train,
                limit_eval=matrix.limit_eval,
                seed=seed,
                schedule_name=schedule_name,
                schedule=schedule,
                weights_digest=weights_digest,
                vectors=vectors,
                protocol=protocol,
            )
            stored = store.load(spec.run_id())
            state, detail = _state(stored, matrix.overwrite)
            cells.append(Cell(spec, dataset, weights, matrix.vectors, state, stored is not None, detail))
    return cells


def _schedule(matrix: MatrixSpec, data: str) -> tuple[str, Schedule]:
    name = matrix.schedule or resolve("data set", data, DATASETS).default_schedule
    return Path(name).stem, load_schedule(name, matrix.schedule_overrides())


def _vectors_identity(source: str, dataset: DataSet) -> str:
    if source == LABEL_SETS:
        return LABEL_SETS
    vectors = label_vectors(source, dataset.info.classes, dataset.train.labels, work_folder() / "cache")
    return vectors_digest(vectors)


def _weights_digest(weights: str) -> str | None:
    path = Path(weights)
    return sha256_of_file(path) if path.suffix and path.is_file() else None


def _state(stored: Record | Damaged | None, overwrite: Overwrite) -> tuple[State, str]:
    if stored is None or overwrite == "always":
        return "to run", ""
    if isinstance(stored, Damaged):
        return ("to run", "") if overwrite == "failed" else ("damaged", stored.reason)
    if stored.status == "failed":
        return ("to run", "") if overwrite == "failed" else ("failed", stored.error or "")
    return "finished", ""
