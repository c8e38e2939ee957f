"""The table `beyond`: every mAP of every source on MS-COCO, VOC2007 and NUS-WIDE, a line each.

The papers' numbers differ in backbone, input size, pre-training, averaged weights and loss by as much as they
claim to gain. Here what is stated of each stands beside it. Nothing is averaged over lines, and nothing is
bold, because no two lines need have anything but the data set in common.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from bench.records.groups import title_of
from bench.records.published import PrintedRow, cite, published_rows
from bench.records.record import Record
from bench.records.runs import Runs
from bench.tables.columns import METRIC_COLUMNS, averages
from bench.tables.grid import Document, PrintedTable, Section, grid_of
from bench.tables.papers.eligible import fitting
from bench.tables.papers.literals import PaperTable, columns_of
from bench.tables.papers.recipes import those_chosen_on_test
from bench.tables.papers.rows import (
    MEASURED,
    WEIGHTS,
    chosen_on,
    computed_otherwise,
    measured_rows,
    printed_name,
    tuned_by,
)

BEYOND: Final = "beyond"
PROTOCOL: Final = "bench"
# The sections, each with the splits of its data set that are in it.
DATA: Final = {
    "MS-COCO": ("coco2014", "coco2014-all"),
    "VOC2007": ("voc2007",),
    "NUS-WIDE": ("nuswide", "nuswide-70-30"),
}
SPLIT_NOTES: Final = {"yes": "", "no": ", another split", "not stated": ", split not stated"}
METRICS: Final = ("mAP", "CF1", "OF1")
COLUMNS: Final = tuple(column for column in METRIC_COLUMNS if column.metric in METRICS)
WORDS: Final = {
    "Method": "row",
    "Backbone": "backbone",
    "Train px": "train_size",
    "Test px": "test_size",
    "Pre-training": "weights",
    "EMA": "ema",
    "Loss": "loss",
    "Run": "kind",
    "Split": "data",
    "Source": "source",
}
LINES: Final = (
    "one line for each row of a source that prints mAP, and for each method and setting measured here; – "
    "where the source does not state it",
    "Run: the source's own run, somebody else's method reproduced, or quoted from elsewhere; EMA best: the "
    "better of averaged and plain weights was reported; Loss bce: a mean or a sum, over classes or images",
    f"each line is under the protocol of its source; measured here: {PROTOCOL}, runs on the whole data set, "
    "mean ± standard deviation over seeds",
    "sorted by mAP, which is no ranking: two lines may differ in all that stands beside them",
)


def beyond_table(runs: Runs) -> PrintedTable:
    """Make the table.

    Returns:
        The text, and a frame with a row per line: `on` (the section), `row`, `method`, `backbone`,
        `train_size`, `test_size`, `weights`, `ema`, `loss`, `kind`, `data`, `source`, `source_table`, then
        mean and `std` of mAP, CF1 and OF1.
    """
    sections, frames, otherwise = [], [], []
    for heading, splits in DATA.items():
        rows = [_printed(row) for row in published_rows() if _concerns(row, splits)]
        measured = [row for split in splits for row in _measured_on(split, runs)]
        rows += [_measured(records) for records in measured]
        otherwise += computed_otherwise(measured, runs.store)
        numbers = pd.DataFrame(rows).sort_values("mAP", ascending=False, kind="stable", ignore_index=True)
        text = numbers.assign(row=[_named(row) for _, row in numbers.iterrows()])
        text = text.replace({column: {"": "–"} for column in WORDS.values()})
        sections.append(Section(heading, (), grid_of(text, WORDS, COLUMNS, left=len(WORDS))))
        frames.append(numbers.assign(on=heading)[["on", *numbers.columns]])
    chosen = f"{those_chosen_on_test()}; lines measured here say so behind their method"
    sections[0] = Section(sections[0].heading, (*LINES, chosen), sections[0].grid)
    frame = pd.concat(frames, ignore_index=True)
    sources = dict.fromkeys(source for source in frame["source"] if source)
    notes = (*(f"{source}: {cite(source)}" for source in sources), *otherwise)
    title = "All methods of all sources (%)"
    return PrintedTable(Document(BEYOND, title, tuple(sections), notes), frame)


def _concerns(row: PrintedRow, splits: Sequence[str]) -> bool:
    return row.facts.data in splits and row.values.get("mAP") is not None


def _named(row: "pd.Series[Any]") -> str:
    return str(row["row"]) if row["kind"] == MEASURED else printed_name(row["row"], row["method"])


def _printed(row: PrintedRow) -> dict[str, object]:
    facts = row.facts
    return {
        "row": facts.row,
        "method": facts.method or "",
        "backbone": facts.backbone or "",
        "train_size": str(facts.train_size or ""),
        "test_size": str(facts.test_size or ""),
        "weights": WEIGHTS[facts.weights] if facts.weights else "",
        "ema": facts.ema or "",
        "loss": facts.loss or "",
        "kind": facts.kind,
        "data": facts.data + SPLIT_NOTES[facts.same_split],
        "source": facts.source,
        "source_table": facts.table,
        **_numbers({name: row.values.get(name) for name in METRICS}),
    }


def _measured_on(split: str, runs: Runs) -> list[list[Record]]:
    """The runs on the whole of a data set, by method and settings."""
    methods = tuple(sorted({record.cell.method.label() for record in runs.records}))
    table = PaperTable(BEYOND, "", "", "", PROTOCOL, columns_of(split, "", METRICS), methods)
    return measured_rows(table, fitting(table, runs).records)


def _measured(records: list[Record]) -> dict[str, object]:
    cell = records[0].cell
    schedule = cell.schedule
    return {
        "row": title_of(records[0]) + tuned_by(cell) + chosen_on(schedule),
        "method": cell.method.label(),
        "backbone": schedule.backbone,
        "train_size": str(schedule.image_size),
        "test_size": str(schedule.test_size),
        "weights": cell.init_from.describe() if cell.init_from else schedule.weights,
        "ema": "best" if schedule.ema_or_weights else "yes" if schedule.ema_decay else "no",
        "loss": schedule.loss.name,
        "kind": MEASURED,
        "data": cell.data,
        "source": "",
        "source_table": f"schedule {cell.schedule_title()}, {len(records)} seeds",
        **averages(records, COLUMNS),
    }


def _numbers(values: Mapping[str, float | None]) -> dict[str, float]:
    means = {name: math.nan if values[name] is None else float(values[name] or 0) for name in METRICS}
    return means | {column.part("std"): math.nan for column in COLUMNS}
