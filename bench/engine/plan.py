"""From a matrix to its cells, and which of them are still to be run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.datasets.index import count_batches
from bench.datasets.locate import dataset_info
from bench.datasets.open import DataSet, open_dataset
from bench.errors import UserError
from bench.experiment.cell import CellSpec
from bench.experiment.matrix import MatrixSpec, Overwrite
from bench.experiment.methods import MethodChoice, parse_methods
from bench.experiment.schedule import Schedule, load_schedule
from bench.experiment.start import InitFrom
from bench.files import sha256_of_file
from bench.methods.catalog import PRIOR
from bench.methods.vectors.label_vectors import LABEL_SETS, find_source, label_vectors
from bench.metrics.protocol import resolve_protocol
from bench.progress import Steps
from bench.records.store import Damaged, Record, RecordStore
from bench.settings import work_folder

State = Literal["to run", "finished", "failed", "damaged"]


@dataclass(frozen=True)
class Cell:
    """One run of the matrix.

    Attributes:
        spec: what is run.
        dataset: the data it is run on.
        weights: the initial weights of the backbone, as given.
        init_from: the file of the model to start from, as given.
        vectors: the source of the label vectors, its file found.
        state: what is stored of it, or `to run`.
        fresh: a stored record is replaced, so a checkpoint that lies there is of no use.
        detail: why it failed or is damaged.
    """

    spec: CellSpec
    dataset: DataSet
    weights: str
    init_from: Path | None
    vectors: str
    state: State
    fresh: bool
    detail: str = ""

    def steps(self) -> int:
        """Optimiser steps of a whole training."""
        if self.spec.method.name == PRIOR.name:
            return 0
        schedule = self.spec.schedule
        batches = count_batches(len(self.dataset.train), schedule.batch_size, schedule.drop_last)
        return schedule.epochs * -(-batches // schedule.accumulate)


def plan(matrix: MatrixSpec, task: Steps = lambda name: lambda done, total: None) -> list[Cell]:
    """Every cell of the matrix, in the order data, seed, method, with the label-frequency prior first.

    The data sets are found and checked here: nothing is trained before everything is known to be there.

    Args:
        matrix: what is asked for.
        task: gives, for what begins to be read, the callback that it reports to.

    Raises:
        UserError: whatever in the matrix does not exist or cannot be used.
    """
    methods = parse_methods(matrix.methods)
    protocol = resolve_protocol(matrix.protocol)
    schedules = {name: _schedule(matrix, name) for name in matrix.data}
    source = find_source(matrix.vectors, matrix.data_root)
    store = RecordStore(matrix.results)
    cells = []
    for name in matrix.data:
        dataset = open_dataset(
            name,
            matrix.data_root,
            matrix.limit_train,
            matrix.limit_eval,
            matrix.skip_bad,
            task(f"reading {name}"),
        )
        schedule_name, schedule = schedules[name]
        if (schedule.select == "best" or schedule.follows_scores) and not dataset.eval_is_labelled:
            raise UserError(
                f"Schedule {schedule_name} needs scores on the split {dataset.info.eval_split} of {name}, "
                "whose labels are held by the evaluation server; use one with 'select: last' and without "
                "'decay: plateau' and stop_after."
            )
        weights, weights_digest = schedule.weights, _weights_digest(schedule.weights)
        if weights_digest:
            # A file is identified by its content, so its folder stays out of the record.
            schedule = schedule.model_copy(update={"weights": Path(weights).name})
        vectors = _vectors_identity(source, dataset)
        starts = _starts(matrix, methods, dataset)
        # The prior draws nothing, so its seed is always 0 and it is run once for each table of comparison.
        prior = MethodChoice(name=PRIOR.name)
        runs = [(prior, 0, start) for start in dict.fromkeys(starts)]
        runs += [
            (method, seed, start)
            for seed in matrix.seeds
            for method, start in zip(methods, starts, strict=True)
        ]
        for method, seed, start in runs:
            spec = CellSpec(
                method=method,
                data=dataset.info.name,
                data_fingerprint=dataset.fingerprint(),
                limit_train=matrix.limit_train,
                limit_eval=matrix.limit_eval,
                seed=seed,
                schedule_name=schedule_name,
                schedule=schedule,
                weights_digest=weights_digest,
                init_from=start,
                vectors=vectors,
                protocol=protocol,
            )
            stored = store.load(spec.run_id())
            state, detail = _state(stored, matrix.overwrite)
            fresh = stored is not None
            cells.append(Cell(spec, dataset, weights, matrix.init_from, source, state, fresh, detail))
    return cells


def _schedule(matrix: MatrixSpec, data: str) -> tuple[str, Schedule]:
    name = matrix.schedule or dataset_info(data).default_schedule
    schedule = load_schedule(name, matrix.schedule_overrides())
    if matrix.init_from:
        if matrix.weights not in (None, "none"):
            raise UserError("Give --weights or --init-from, not both: the file has weights for the backbone.")
        schedule = schedule.model_copy(update={"weights": "none"})
    return Path(name).stem, schedule


def _starts(matrix: MatrixSpec, methods: list[MethodChoice], dataset: DataSet) -> list[InitFrom | None]:
    """What each method starts from, other than the weights of its schedule."""
    if matrix.init_from is None:
        return [None] * len(methods)
    # Here, because it imports torch, which takes seconds.
    from bench.engine.warm_start import plan_init

    return [*plan_init(matrix.init_from, matrix.init_parts, methods, dataset.info.classes)]


def _vectors_identity(source: str, dataset: DataSet) -> str:
    if source == LABEL_SETS:
        return LABEL_SETS
    vectors = label_vectors(source, dataset.info.classes, dataset.train.labels, work_folder() / "cache")
    return vectors.identity()


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
