"""A paper's table: what it prints, what others report and what was measured here, with the differences."""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Final

import pandas as pd

from bench.datasets.catalog import DATASETS
from bench.metrics.protocol import PROTOCOLS
from bench.records.published import cite, references
from bench.records.runs import Runs, notes_on
from bench.tables.grid import Document, Numbers, PrintedTable, Section, grid_of
from bench.tables.papers.eligible import Fitting, fitting
from bench.tables.papers.literals import PaperColumn, PaperTable
from bench.tables.papers.recipes import chosen_on_test
from bench.tables.papers.rows import (
    MEASURED,
    PUBLISHED,
    Facts,
    Line,
    column_of,
    comparable_columns,
    computed_otherwise,
    measured_lines,
    measured_rows,
    printed_name,
    published_lines,
    reproduced_lines,
    rows_of,
)

CHOSEN: Final = (
    "chosen on test images: the source's code reports the epoch that was best on its test images; rows "
    "measured here do so where they say so"
)


def paper_table(table: PaperTable, runs: Runs) -> PrintedTable:
    """Make the table of a paper.

    Returns:
        The text, and a frame with one row per line: `group`, `row`, `method`, `source`, `source_table`,
        `backbone`, `train_size`, `test_size`, `weights`, `schedule`, `seeds`, `test_images` (several, in
        the order of the columns, where the table is on several data sets), then mean and `std` of every
        column, then the differences to the published value, of every mAP.
    """
    fit = fitting(table, runs)
    comparable = comparable_columns(table)
    published = published_lines(table)
    lines = [*published, *reproduced_lines(table), *measured_lines(table, fit.records)]
    columns: list[Numbers] = [column_of(column) for column in table.columns]
    deltas = [(one, _delta(one, table)) for one in comparable if one.metric == "mAP"]
    rows = []
    for line in lines:
        row: dict[str, object] = _described(line)
        for column in columns:
            row[column.key] = line.values.get(column.key, math.nan)
            row[column.part("std")] = line.values.get(column.part("std"), math.nan)
        for of, delta in deltas:
            row[delta.key], row[delta.part("std")] = _difference(line, published, of), math.nan
        rows.append(row)
    frame = pd.DataFrame(rows)
    shown = [*columns, *(delta for _, delta in deltas)]
    text = frame.assign(Method=[_named(line) for line in lines], Setting=[_setting(line) for line in lines])
    words = {"Method": "Method", "Setting": "Setting"}
    # What was measured here is tested in the comparison of its data set.
    grid = grid_of(text, words, shown, left=2, group="group", unmarked=(MEASURED,))
    section = Section("", _header(table, comparable), grid)
    document = Document(table.name, table.title, (section,), _notes(table, lines, fit, runs))
    return PrintedTable(document, frame.drop(columns=[delta.part("std") for _, delta in deltas]))


def _delta(column: PaperColumn, table: PaperTable) -> Numbers:
    span = column.span if len(table.data()) > 1 else ""
    return Numbers(f"Δ {column.title}", None, span=span, signed=True)


def _difference(line: Line, published: Sequence[Line], column: PaperColumn) -> float:
    """The value less the published one of the same method; of several, of the row made most alike."""
    key = column_of(column).key
    same = [one for one in published if one.method == line.method and key in one.values]
    if line.group == PUBLISHED or key not in line.values or line.method is None or not same:
        return math.nan
    mine = line.facts[column.data]

    def alike(other: Line) -> tuple[bool, ...]:
        facts = other.facts[column.data]
        return (
            _plain(facts.backbone) == _plain(mine.backbone),
            facts.backbone == "ResNet-101",  # what is common to the papers, where the backbone is another
            facts.test_size == mine.test_size,
            facts.weights == _published_weights(mine),
        )

    return line.values[key] - max(same, key=alike).values[key]


def _plain(name: str) -> str:
    """A backbone's name without its library, its weights and its punctuation: `resnet101`."""
    return re.sub(r"[^a-z0-9]", "", name.lower().rpartition("/")[2].partition(".")[0])


def _published_weights(facts: Facts) -> str:
    """Initial weights as the published rows name them."""
    return "ImageNet" if facts.weights.startswith("imagenet1k") else facts.weights


def _described(line: Line) -> dict[str, object]:
    facts = list(line.facts.values())
    return {
        "group": line.group,
        "row": line.row,
        "method": line.method or "",
        "source": line.source,
        "source_table": line.source_table,
        "backbone": _each(one.backbone for one in facts),
        "train_size": _each(one.train_size for one in facts),
        "test_size": _each(one.test_size for one in facts),
        "weights": _each(one.weights for one in facts),
        "schedule": line.schedule,
        "seeds": _each(line.seeds.values()),
        "test_images": _each(line.images.values()),
    }


def _each(values: Iterable[object]) -> str:
    """The values that are stated, each once."""
    return "; ".join(dict.fromkeys(str(value) for value in values if value not in (None, "")))


def _named(line: Line) -> str:
    """The name of a row; a published variant of a method with the options that make it here."""
    return line.row if line.group == MEASURED else printed_name(line.row, line.method)


def _setting(line: Line) -> str:
    """What a row was made with, in the words of a table."""
    facts = list(line.facts.values())
    seeds = _each(line.seeds.values())
    parts = (
        _each(one.backbone for one in facts),
        _each(_size(one) for one in facts),
        ("weights " if line.group == MEASURED else "") + _each(one.weights for one in facts),
        line.schedule and f"schedule {line.schedule}",
        seeds and f"{seeds} seed{'' if seeds == '1' else 's'}",
        line.images and f"N = {_each(line.images.values())}",
        line.source and _each(f"split: {one.split}" for one in facts if one.split),
        f"{line.source} {line.source_table}".strip(),
    )
    return ", ".join(part for part in parts if part) or "–"


def _size(facts: Facts) -> str:
    if facts.test_size is None:
        return ""
    train = facts.train_size or facts.test_size
    return f"{facts.test_size} px" if train == facts.test_size else f"{train}/{facts.test_size} px"


def _header(table: PaperTable, comparable: Sequence[PaperColumn]) -> tuple[str, ...]:
    protocol = PROTOCOLS[table.protocol]
    sizes = []
    for name in table.data():
        info = DATASETS[name]
        train, test = (info.counts[split].images for split in (info.train_split, info.eval_split))
        sizes.append(f"{name}, {train} training and {test} test images")
    closed = [column.title for column in table.columns if column not in comparable]
    lines = (
        f"source: {cite(table.source)}",
        f"data: {'; '.join(sizes)}",
        f"protocol of the source, and of the rows measured here: {protocol.name} — {protocol.describe()}",
        "the other rows are as their sources print them, each under its own protocol; sizes are those of "
        "training/test inputs",
        CHOSEN if chosen_on_test(table.recipe or table.protocol) else "",
        "measured here: runs on the whole data set only, mean ± standard deviation over seeds",
        "Δ: less the published value of the same method; of several, of the row with the same backbone "
        "(else ResNet-101), then test size, then initial weights",
        closed and f"{', '.join(closed)}: the source has another split or states none; nothing is beside it",
        table.remark,
    )
    return tuple(line for line in lines if line)


def _notes(table: PaperTable, lines: Sequence[Line], fit: Fitting, runs: Runs) -> tuple[str, ...]:
    printed = dict.fromkeys(
        f"{row.facts.row}: {note}" for row in rows_of(table) for note in row.notes.values()
    )
    sources = dict.fromkeys(line.source for line in lines if line.source)
    cited = [
        f"{key}: {cite(key)}" + (f" ({note})" if (note := references()[key].get("note")) else "")
        for key in sources
    ]
    data = table.data()
    nothing = [] if fit.records else [f"measured here: no run on the whole of {' or '.join(data)} is stored"]
    known = {*DATASETS, *(record.cell.data for record in runs.records)}
    otherwise = computed_otherwise(measured_rows(table, fit.records), runs.store)
    return (*printed, *cited, *nothing, *otherwise, *fit.left_out, *notes_on(data, runs.notes, known))
