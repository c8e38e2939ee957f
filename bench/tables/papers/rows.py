"""The rows of a paper's table: as published, as reproduced elsewhere, as measured here."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from bench.datasets.catalog import DATASETS
from bench.experiment.cell import CellSpec
from bench.experiment.methods import spelled_out
from bench.experiment.schedule import Schedule
from bench.records.groups import Group, title_of
from bench.records.numerics import computed_statements
from bench.records.published import AP, PrintedRow, PublishedRow, published_rows
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tables.columns import Column, averages, class_percent_of, percent_of
from bench.tables.papers.literals import PaperColumn, PaperTable

PUBLISHED, REPRODUCED, MEASURED = "published", "reproduced elsewhere", "measured here"

WEIGHTS = {
    "imagenet": "ImageNet",
    "imagenet-v2": "ImageNet (V2)",
    "imagenet-22k": "ImageNet-22k",
    "coco": "ImageNet and MS-COCO",
}


@dataclass(frozen=True)
class Facts:
    """What a row was made with on one data set; empty or None where it is not stated."""

    backbone: str
    train_size: int | None
    test_size: int | None
    weights: str
    split: str = ""


@dataclass(frozen=True)
class Line:
    """A row.

    Attributes:
        group: one of the three.
        row: its name as printed.
        method: the method here that it is, with options.
        source: key of the source that it comes from; empty for the table itself and for runs made here.
        source_table: the table there.
        facts: by data set.
        values: percent by the keys of a column and its `std`; what is missing is not in it.
        schedule: of runs made here.
        seeds: of runs made here, how many on each data set.
        images: of runs made here, how many test images of each data set.
    """

    group: str
    row: str
    method: str | None
    source: str
    source_table: str
    facts: Mapping[str, Facts]
    values: Mapping[str, float]
    schedule: str = ""
    seeds: Mapping[str, int] = field(default_factory=dict)
    images: Mapping[str, int] = field(default_factory=dict)


def column_of(column: PaperColumn) -> Column:
    """The column of a paper's table as one that records can be read into."""
    if column.metric.startswith(AP):
        value = class_percent_of(DATASETS[column.data].classes.index(column.metric.removeprefix(AP)))
    else:
        value = percent_of(column.metric)
    return Column(column.title, True, span=column.span, value=value)


def printed_name(row: str, method: str | None) -> str:
    """The name of a printed row; of a variant of a method, with the options that make it here."""
    label = spelled_out(method) if method else ""
    return f"{row} ({label})" if "/" in label else row


@cache
def rows_of(table: PaperTable) -> tuple[PrintedRow, ...]:
    """What the source prints in this table."""
    return tuple(row for row in published_rows() if _is_of(row, table))


def _is_of(row: PrintedRow, table: PaperTable) -> bool:
    return row.facts.source == table.source and row.facts.table == table.table


def published_lines(table: PaperTable) -> list[Line]:
    """The rows of the source in its order; one row where it prints several data sets beside each other."""
    lines: dict[tuple[str, int], list[PrintedRow]] = defaultdict(list)
    count: dict[tuple[str, str], int] = defaultdict(int)
    for printed in rows_of(table):
        name = printed.facts.row
        # A name may stand there twice, for two input sizes or backbones.
        lines[name, count[printed.facts.data, name]].append(printed)
        count[printed.facts.data, name] += 1
    return [_line(PUBLISHED, group, table.columns) for group in lines.values()]


def reproduced_lines(table: PaperTable) -> list[Line]:
    """What others report of the table's methods, on its splits and with its backbones."""
    backbones = {row.facts.backbone for row in rows_of(table)}
    comparable = comparable_columns(table)
    found = [
        _line(REPRODUCED, [row], comparable)
        for row in published_rows()
        if row.facts.kind == "reproduced"
        and not _is_of(row, table)
        and row.facts.method in table.methods
        and row.facts.same_split != "no"
        and row.facts.backbone in backbones
    ]
    return sorted(
        (line for line in found if line.values), key=lambda line: table.methods.index(str(line.method))
    )


def comparable_columns(table: PaperTable) -> list[PaperColumn]:
    """The columns that others may fill: those whose source uses the split of the data set here."""
    splits: dict[str, set[str]] = defaultdict(set)
    for row in rows_of(table):
        splits[row.facts.data].add(row.facts.same_split)
    return [column for column in table.columns if splits[column.data] <= {"yes"}]


def measured_lines(table: PaperTable, records: Sequence[Record]) -> list[Line]:
    """The runs made here, one row per method and settings, averaged over their seeds."""
    columns = comparable_columns(table)
    return [_measured_line(runs, columns) for runs in measured_rows(table, records)]


def computed_otherwise(rows: Sequence[Sequence[Record]], store: RecordStore) -> list[str]:
    """What is to be said of rows whose runs were not computed alike, a line each."""
    return [
        f"{title_of(runs[0])}: {said}"
        for runs in rows
        for said in computed_statements(Group(tuple(runs)), store)
    ]


def measured_rows(table: PaperTable, records: Sequence[Record]) -> list[list[Record]]:
    """The runs made here by method and settings, in the order of the table's methods."""
    rows: dict[tuple[int, str], list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.run_id):
        rows[table.methods.index(record.cell.method.label()), _settings(record)].append(record)
    names = {key: _schedule_name(runs) for key, runs in rows.items()}
    return [rows[key] for key in sorted(rows, key=lambda key: (key[0], names[key], key[1]))]


def _line(group: str, rows: list[PrintedRow], columns: Sequence[PaperColumn]) -> Line:
    first = rows[0].facts
    source = (first.source, first.table) if group == REPRODUCED else ("", "")
    values = {
        column_of(column).key: value
        for row in rows
        for column in columns
        if column.data == row.facts.data and (value := row.values.get(column.metric)) is not None
    }
    facts = {row.facts.data: _facts(row.facts) for row in rows}
    return Line(group, first.row, first.method, *source, facts, values)


def _facts(row: PublishedRow) -> Facts:
    return Facts(
        backbone=row.backbone or "",
        train_size=row.train_size,
        test_size=row.test_size,
        weights=WEIGHTS[row.weights] if row.weights else "",
        split="" if row.same_split == "yes" else row.split,
    )


def _measured_line(records: list[Record], columns: Sequence[PaperColumn]) -> Line:
    wanted = dict.fromkeys(column.data for column in columns)
    runs_on = {data: [record for record in records if record.cell.data == data] for data in wanted}
    by_data = {data: runs for data, runs in runs_on.items() if runs}
    values: dict[str, float] = {}
    for column in columns:
        if column.data in by_data:
            values |= averages(by_data[column.data], [column_of(column)])
    first = records[0].cell
    schedule = first.schedule
    start = first.init_from.describe() if first.init_from else schedule.weights
    facts = Facts(schedule.backbone, schedule.image_size, schedule.test_size, start)
    return Line(
        MEASURED,
        title_of(records[0]),
        first.method.label(),
        "",
        "",
        dict.fromkeys(by_data, facts),
        values,
        f"{_schedule_name(records)}{tuned_by(first)}, {schedule.epochs} epochs, {schedule.select} reported"
        f"{chosen_on(schedule)}",
        {data: len(runs) for data, runs in by_data.items()},
        {data: runs[0].data.eval_images for data, runs in by_data.items()},
    )


def tuned_by(cell: CellSpec) -> str:
    """That a tune chose the values of a run, behind its name or its schedule's; nothing where none did."""
    return f", tuned, {cell.tuned.trials} trials" if cell.tuned else ""


def chosen_on(schedule: Schedule) -> str:
    """On what the epoch of a run was chosen, or its training steered, behind other words; or nothing."""
    if schedule.chooses_on is None:
        return ""
    return f", {'chosen on' if schedule.select == 'best' else 'steered by'} {schedule.chooses_on} images"


def _schedule_name(records: list[Record]) -> str:
    """Equal schedules may have several names; the same of them is printed always."""
    return min(record.cell.schedule_name for record in records)


def _settings(record: Record) -> str:
    """A hash of all that is the same for the seeds of a row, whose data sets stand beside each other."""
    return record.cell.model_copy(update={"data": "", "data_fingerprint": ""}).conditions()
