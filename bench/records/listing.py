"""The stored runs as rows: one for each, with what a list of them shows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.datasets.locate import name_of
from bench.experiment.methods import label_of
from bench.methods.catalog import METHOD_CATALOGUE
from bench.metrics.evaluate import METRICS
from bench.records.groups import method_place
from bench.records.record import Record
from bench.records.store import Damaged, RecordStore
from bench.resolve import unknown_name

Status = Literal["finished", "failed", "damaged"]
STATUSES: tuple[Status, ...] = ("finished", "failed", "damaged")


@dataclass(frozen=True)
class RunRow:
    """A stored run; of a damaged one only its name and what is wrong are known.

    Attributes:
        run: its name.
        status: what became of it.
        detail: why it failed or is damaged, or why it has no metrics.
        data: the data set.
        split: what it was measured on, `test` or `validation`.
        method: the method with its options.
        seed: of the run.
        schedule: the name of the schedule.
        protocol: the name of the protocol.
        conditions: a hash of all that a comparison holds the same.
        metrics: in percent by name; empty where nothing was measured.
        seconds: wall time.
        created: when it ended, UTC.
        version: of the project that made it.
    """

    run: str
    status: Status
    detail: str = ""
    data: str = ""
    split: str = ""
    method: str = ""
    seed: int | None = None
    schedule: str = ""
    protocol: str = ""
    conditions: str = ""
    metrics: Mapping[str, float] | None = None
    seconds: float | None = None
    created: str = ""
    version: str = ""


def run_rows(
    store: RecordStore,
    data: Collection[str] = (),
    methods: Collection[str] = (),
    statuses: Collection[str] = (),
) -> list[RunRow]:
    """The stored runs by data set, schedule, method and seed; damaged ones last.

    Args:
        store: the records.
        data: data sets, by their names or YAML files; all if empty.
        methods: with options (`resnet/pool=max`), or without for all variants; all if empty.
        statuses: some of `STATUSES`; all if empty.

    Raises:
        UserError: nothing stored has a data set, a method or a status that is asked for.
    """
    rows = sorted(map(_row, store.all()), key=_order)
    data = [name_of(one) for one in data]
    methods = [_label(one, {row.method for row in rows}) for one in methods]
    filters: Sequence[tuple[str, Collection[str], Callable[[RunRow], Collection[str]]]] = (
        ("data set of the stored runs", data, lambda row: (row.data,)),
        ("method of the stored runs", methods, lambda row: (row.method, row.method.partition("/")[0])),
        ("status", statuses, lambda row: (row.status,)),
    )
    kept = rows
    for kind, asked, names_of in filters:
        known = {name for row in rows for name in names_of(row) if name} if kind != "status" else STATUSES
        for name in asked:
            if rows and name not in known:
                raise unknown_name(kind, name, known)
        kept = [row for row in kept if not asked or set(asked) & set(names_of(row))]
    return kept


def _label(method: str, stored: Collection[str]) -> str:
    """A method as its runs have it where options are given; a bare name stands for all its variants."""
    name, slash, _ = method.partition("/")
    return label_of(method, stored) if slash and name in METHOD_CATALOGUE.names() else method


def _row(record: Record | Damaged) -> RunRow:
    if isinstance(record, Damaged):
        return RunRow(record.run_id, "damaged", record.reason)
    cell, metrics = record.cell, record.metrics
    detail = record.error or ("" if metrics else "scored; a server has the labels")
    return RunRow(
        run=record.run_id,
        status=record.status,
        detail=detail,
        data=cell.data,
        split=cell.split,
        method=cell.method.label(),
        seed=cell.seed,
        schedule=cell.schedule_name,
        protocol=cell.protocol.name,
        conditions=cell.conditions(),
        metrics={name: 100 * metrics.value(name) for name in METRICS} if metrics else None,
        seconds=record.cost.wall_seconds if record.cost else None,
        created=record.created,
        version=record.environment.versions.get("mlr-bench", ""),
    )


def _order(row: RunRow) -> tuple[object, ...]:
    place = method_place(row.method.partition("/")[0])
    return (row.status == "damaged", row.data, row.schedule, row.conditions, place, row.method, row.seed or 0)
