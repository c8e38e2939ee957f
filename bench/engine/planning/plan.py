"""Plan a matrix: find and check everything that it names, list its cells, say which are still to be run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bench.datasets.index import count_batches, smallest_batch
from bench.datasets.open import open_dataset
from bench.datasets.opened import DataSet
from bench.engine.models.find_model import find_model
from bench.engine.planning.schedules import NamedSchedule, schedules_of
from bench.engine.planning.seen import refuse_seen
from bench.errors import UserError
from bench.experiment.cell import CellSpec
from bench.experiment.matrix import MatrixSpec, Overwrite
from bench.experiment.methods import MethodChoice, options_of, parse_methods
from bench.experiment.start import DEFAULT_PARTS, InitFrom
from bench.experiment.tuned import Tuned
from bench.files import sha256_of_file
from bench.loggers.catalog import check_loggers
from bench.methods.backbones.initial_weights import InitialWeights
from bench.methods.catalog import PRIOR
from bench.methods.vectors.label_vectors import label_vectors
from bench.methods.vectors.source import LABEL_SETS, VectorSource, vector_source
from bench.metrics.protocol import Protocol, resolve_protocol
from bench.progress import Steps
from bench.records.groups import class_difference
from bench.records.record import Record
from bench.records.store import Damaged, RecordStore
from bench.settings import work_folder

if TYPE_CHECKING:
    from bench.engine.models.warm_start import StartModel

State = Literal["to run", "finished", "failed", "damaged"]


@dataclass(frozen=True)
class Cell:
    """One run of the matrix.

    Attributes:
        spec: what is run.
        dataset: the data it is run on.
        weights: the initial weights of the backbone.
        start: the model to start from, in place of the weights.
        vectors: the source of the label vectors.
        state: what is stored of it, or `to run`.
        fresh: a stored record is replaced, so a checkpoint that led to it is of no use.
        detail: why it failed or is damaged.
        stamp: of what was stored of it when it was planned, as `RecordStore.stamp` gives it.
    """

    spec: CellSpec
    dataset: DataSet
    weights: InitialWeights
    start: "StartModel | None"
    vectors: VectorSource
    state: State
    fresh: bool
    detail: str = ""
    stamp: str = ""

    def steps(self) -> int:
        """Optimiser steps of a whole training."""
        if self.spec.method.name == PRIOR.name:
            return 0
        schedule = self.spec.schedule
        batches = count_batches(len(self.dataset.train), schedule.batch_size, schedule.drop_last)
        return schedule.epochs * -(-batches // schedule.accumulate)


@dataclass(frozen=True)
class _Asked:
    """What a matrix names, found: all but the data."""

    methods: list[MethodChoice]
    protocol: Protocol
    schedules: dict[str, list[NamedSchedule]]  # by data set, one for each backbone
    vectors: VectorSource
    start: "StartModel | None"


def plan(
    matrix: MatrixSpec,
    task: Steps = lambda name: lambda done, total: None,
    tuned: Tuned | None = None,
    as_given: bool = True,
) -> list[Cell]:
    """Every cell of the matrix, in the order data, seed, method, with the label-frequency prior first.

    The data sets are found and checked here: nothing is trained before everything is known to be there.

    Args:
        matrix: what is asked for.
        task: gives, for what begins to be read, the callback that it reports to.
        tuned: the tune that chose the values of the matrix, if one did.
        as_given: a person set the fields of the schedule, and not a draw or a record; as `load_schedule`.

    Raises:
        UserError: whatever in the matrix does not exist or cannot be used.
    """
    asked = _find(matrix, as_given)  # before any data is read, so that a typo is answered at once
    store = RecordStore(matrix.results)
    cells = []
    for name in matrix.data:
        chooses = asked.schedules[name][0].schedule.chooses_on == "validation"
        dataset = open_dataset(
            name,
            matrix.root_of(name),
            matrix.limit_train,
            matrix.limit_eval,
            matrix.skip_bad,
            task(f"reading {name}"),
            matrix.split,
            choose=chooses,
        )
        if asked.start:
            on_validation = matrix.split == "validation"
            refuse_seen(asked.start, dataset, chooses or on_validation, not on_validation)
        for method in asked.methods:
            options_of(method).check_classes(len(dataset.info.classes))
        for named in asked.schedules[name]:
            _check_labels(name, named, dataset)
            for spec in _specs(matrix, asked, named, dataset, task, tuned):
                stamp = store.stamp(spec.run_id())
                stored = store.load(spec.run_id())
                state, detail = _state(stored, matrix.overwrite)
                if state == "finished" and isinstance(stored, Record):
                    _refuse_renamed(stored, dataset)
                kept = (state, stored is not None, detail, stamp)
                cells.append(Cell(spec, dataset, named.weights, asked.start, asked.vectors, *kept))
    _check_parts(cells, matrix.processes)
    return cells


def _check_parts(cells: list[Cell], processes: int) -> None:
    """UserError where a batch has no image for one of several processes."""
    for cell in cells:
        if cell.state != "to run" or cell.spec.method.name == PRIOR.name:
            continue
        schedule, images = cell.spec.schedule, len(cell.dataset.train)
        size = smallest_batch(images, schedule.batch_size, schedule.drop_last)
        if size < processes:
            raise UserError(
                f"A batch of {cell.spec.run_id()} has {size} images, fewer than the {processes} processes "
                "that are to share it: use fewer processes, or another batch size."
            )


def _find(matrix: MatrixSpec, as_given: bool) -> _Asked:
    """Resolve every name and file of a matrix but its data."""
    check_loggers(matrix.log)
    methods = parse_methods(matrix.methods)
    protocol = resolve_protocol(matrix.protocol)
    schedules = schedules_of(matrix, as_given)
    vectors = vector_source(matrix.vectors, matrix.data_root)
    return _Asked(methods, protocol, schedules, vectors, _start(matrix))


def _start(matrix: MatrixSpec) -> "StartModel | None":
    if matrix.init_from is None:
        return None
    # Here, because it imports torch, which takes seconds.
    from bench.engine.models.warm_start import StartModel

    return StartModel(find_model(matrix.init_from, matrix.results))


def _refuse_renamed(stored: Record, dataset: DataSet) -> None:
    """UserError where a run is stored of the same images and labels whose classes had other names."""
    renamed = class_difference(stored.data.classes, dataset.info.classes)
    if renamed:
        raise UserError(
            f"{stored.run_id} is stored with other {renamed[0]}: name them as they were, or keep the new "
            "runs apart with --results FOLDER; `bench run --overwrite always` replaces the stored ones."
        )


def _check_labels(name: str, asked: NamedSchedule, dataset: DataSet) -> None:
    """UserError where a schedule looks at scores that only a server can give."""
    if asked.schedule.chooses_on == "test" and not dataset.eval_is_labelled:
        raise UserError(
            f"Schedule {asked.name} needs scores on the split {dataset.info.eval_split} of {name}, "
            "whose labels are held by the evaluation server; choose on a validation split instead, with "
            "--set select_on=validation."
        )


def _specs(
    matrix: MatrixSpec,
    asked: _Asked,
    named: NamedSchedule,
    dataset: DataSet,
    task: Steps,
    tuned: Tuned | None,
) -> Iterator[CellSpec]:
    """The identity of every cell on one data set under one schedule."""
    schedule, digest = named.schedule, None
    if named.weights.file:
        # A file is identified by its content, so its folder stays out of the record.
        digest = sha256_of_file(named.weights.file)
        schedule = schedule.model_copy(update={"weights": named.weights.file.name})
    task(f"label vectors from {asked.vectors}")
    vectors = _identity(asked.vectors, dataset)
    starts = _starts(matrix, asked, dataset)
    # The prior draws nothing, so its seed is always 0 and it is run once for each table of comparison.
    prior = MethodChoice(name=PRIOR.name)
    runs = [(prior, 0, start) for start in dict.fromkeys(starts)]
    runs += [
        (method, seed, start)
        for seed in matrix.seeds
        for method, start in zip(asked.methods, starts, strict=True)
    ]
    for method, seed, start in runs:
        yield CellSpec(
            method=method,
            data=dataset.info.name,
            data_fingerprint=dataset.fingerprint(),
            limit_train=matrix.limit_train,
            limit_eval=matrix.limit_eval,
            split=matrix.split,
            tuned=tuned,
            seed=seed,
            schedule_name=named.name,
            schedule=schedule,
            weights_digest=digest,
            init_from=start,
            vectors=vectors,
            protocol=asked.protocol,
        )


def _starts(matrix: MatrixSpec, asked: _Asked, dataset: DataSet) -> list[InitFrom | None]:
    """What each method starts from, other than the weights of its schedule."""
    if asked.start is None:
        return [None] * len(asked.methods)
    from bench.engine.models.warm_start import plan_init

    return [*plan_init(asked.start, matrix.init_parts or DEFAULT_PARTS, asked.methods, dataset.info.classes)]


def _identity(source: VectorSource, dataset: DataSet) -> str:
    """What a run records of its label vectors; those trained on the label sets follow from the data."""
    if source == LABEL_SETS:
        return source.origin
    vectors = label_vectors(source, dataset.info.classes, dataset.train.labels, work_folder() / "cache")
    return vectors.identity()


def _state(stored: Record | Damaged | None, overwrite: Overwrite) -> tuple[State, str]:
    if stored is None or overwrite == "always":
        return "to run", ""
    if isinstance(stored, Damaged):
        return ("to run", "") if overwrite == "failed" else ("damaged", stored.reason)
    if stored.status == "failed":
        return ("to run", "") if overwrite == "failed" else ("failed", stored.error or "")
    return "finished", ""
