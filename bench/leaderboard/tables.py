"""The tables of the page; every number knows how it was made."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from bench.datasets.catalog import DATASETS
from bench.figures.palette import styles
from bench.leaderboard.model import PageCell, PageHead, PageLink, PageRow, PageTable, conditions_id
from bench.leaderboard.ranking import MAP, Ranking, Result
from bench.methods.catalog import METHODS
from bench.records.evidence import Evidence
from bench.records.groups import Group, data_title, told_apart
from bench.records.published import PrintedRow, cite, published_rows, references
from bench.records.record import Record
from bench.tables.columns import Column, class_columns, frame
from bench.tables.grid import NOTHING, number_cells
from bench.tables.tuned import COLUMNS as TUNED_COLUMNS

PUBLISHED_METRICS = ("mAP", "CF1", "OF1", "CF1_top3", "OF1_top3")


def data_titles(groups: Mapping[str, Sequence[Group]]) -> dict[str, str]:
    """What the page calls each data set: a user's own by the title that it was given, else by its name."""
    titles = {}
    for data, of_data in groups.items():
        given = data_title(record for group in of_data for record in group.records)
        titles[data] = DATASETS[data].title if data in DATASETS else given
    return told_apart(titles)


def ranking_table(
    found: Ranking,
    sections: Mapping[str, str],
    titles: Mapping[str, str],
    evidence: Mapping[str, Evidence],
) -> PageTable:
    """The overall ranking.

    Args:
        found: the ranking.
        sections: by data set the id of the section with the runs that are ranked.
        titles: of the data sets.
        evidence: by data set what the scores of these runs show.
    """
    looks = styles(standing.label for standing in found.standings)
    labels = [standing.label for standing in found.standings]
    leading = {data: evidence[data].leading(MAP.metric, labels) for data in found.columns}
    ranked = {
        data: [one.label for one in found.standings if one.place is not None and data in one.results]
        for data in found.columns
    }
    heads = (
        PageHead("Place", descending=False),
        PageHead("Mean rank", descending=False),
        PageHead("Mean mAP"),
        *(PageHead(f"{titles[data]} mAP") for data in found.columns),
    )
    rows = []
    for standing in found.standings:
        place = replace(_plain(standing.place, 0), note=standing.completeness if standing.place else "")
        cells = [place, _plain(standing.mean_rank, 2), _plain(standing.mean_map, 1)]
        for data in found.columns:
            result = standing.results.get(data)
            if result is None:
                note = f"#{standing.lacking[data]:g}" if standing.place else ""
                cells.append(PageCell(NOTHING, note=note))
            else:
                ranks = evidence[data].ranks(standing.label, MAP.metric, ranked[data])
                cells.append(_ranked(result, standing.label in leading[data], ranks, sections[data]))
        rows.append(PageRow(standing.title, tuple(cells), looks[standing.label]))
    return PageTable("ranking", "Overall ranking (mAP in %)", "Method", heads, tuple(rows))


def _plain(value: float | None, digits: int) -> PageCell:
    return PageCell("" if value is None else f"{value:.{digits}f}", value=value)


def _ranked(result: Result, best: bool, ranks: tuple[int, int], section: str) -> PageCell:
    return PageCell(
        result.printed + ("" if math.isnan(result.deviation) else f" ± {result.deviation:.1f}"),
        value=result.mean,
        best=best,
        note="" if result.rank is None else f"#{result.rank:g} [{ranks[0]}, {ranks[1]}]",
        conditions=conditions_id(section),
        made=_over(result.seeds),
    )


def methods_table(
    name: str,
    caption: str,
    group: Group,
    columns: Sequence[Column],
    section: str,
    evidence: Evidence | None = None,
    pictures: Mapping[str, tuple[PageLink, ...]] | None = None,
) -> PageTable:
    """A row per method, a column per number; last its pictures, where a method has some."""
    looks = styles(group.by_row())
    by_column = _cells(group, columns, section, evidence=evidence)
    rows = [
        PageRow(title, tuple(cells[position] for cells in by_column), looks[label])
        for position, (label, title) in enumerate(group.titles().items())
    ]
    heads = [PageHead(column.key, descending=column.higher_is_better is not False) for column in columns]
    if pictures and any(pictures.values()):
        heads.append(PageHead("Pictures", number=False))
        rows = [
            replace(row, cells=(*row.cells, PageCell("", links=pictures.get(label, ()))))
            for row, label in zip(rows, group.by_row(), strict=True)
        ]
    return PageTable(name, caption, "Method", tuple(heads), tuple(rows))


def class_table(name: str, group: Group, section: str) -> PageTable:
    """AP: a row per class and a last one for the mean; a column per method."""
    columns = class_columns(group)
    by_column = _cells(group, columns, section, heat=True)
    *rows, mean = [
        PageRow(column.title, tuple(cells)) for column, cells in zip(columns, by_column, strict=True)
    ]
    heads = tuple(map(PageHead, group.titles().values()))
    return PageTable(name, "Average precision per class (%)", "Class", heads, tuple(rows), (mean,))


def _cells(
    group: Group,
    columns: Sequence[Column],
    section: str,
    heat: bool = False,
    evidence: Evidence | None = None,
) -> list[list[PageCell]]:
    """For each column the cell of every method."""
    numbers = frame(group, columns, evidence)
    made = [_over(_seeds(records)) for records in group.by_row().values()]
    values = [[float(value) for value in numbers[column.key]] for column in columns]
    known = [value for of_column in values for value in of_column if not math.isnan(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)

    def cell(text: str, best: bool, value: float, how: str) -> PageCell:
        if math.isnan(value):
            return PageCell(text)
        share = (value - low) / ((high - low) or 1.0) if heat else None
        number, bracket, rest = text.partition(" [")
        return PageCell(
            number,
            f"[{rest}" if bracket else "",
            value,
            best,
            heat=share,
            conditions=conditions_id(section),
            made=how,
        )

    return [
        [
            cell(printed.text, printed.best, value, how)
            for printed, value, how in zip(number_cells(numbers, column), of_column, made, strict=True)
        ]
        for column, of_column in zip(columns, values, strict=True)
    ]


def _seeds(records: Sequence[Record]) -> tuple[int, ...]:
    return tuple(record.cell.seed for record in records)


def _over(seeds: tuple[int, ...]) -> str:
    listed = ", ".join(map(str, seeds))
    return f"mean ± standard deviation over seeds {listed}" if len(seeds) > 1 else f"seed {listed}"


def tuned_beside(frame: pd.DataFrame) -> PageTable:
    """Each method of each tune, untuned and tuned, with what was chosen; from the table `tuned`."""
    words = {"Data set": "data", "Tune": "tune", "Chosen values": "chosen"}
    heads = (
        *(PageHead(word, number=False) for word in words),
        *(PageHead(f"{column.title} mAP") for column in TUNED_COLUMNS),
    )
    by_column = [number_cells(frame, column) for column in TUNED_COLUMNS]
    rows = []
    for position, row in enumerate(frame.to_dict("records")):
        numbers = [
            PageCell(cells[position].text, value=None if math.isnan(row[column.key]) else row[column.key])
            for column, cells in zip(TUNED_COLUMNS, by_column, strict=True)
        ]
        texts = [PageCell(str(row[key])) for key in words.values()]
        rows.append(PageRow(str(row["method"]), (*texts, *numbers)))
    return PageTable("tuned", "Untuned and tuned (%)", "Method", heads, tuple(rows))


def published_table() -> PageTable:
    """What authors print of runs of their own, of the methods here without options; each value once."""
    rows: dict[tuple[object, ...], PrintedRow] = {}
    for row in published_rows():
        facts, value = row.facts, row.values.get("mAP")
        if facts.kind == "own" and facts.method in METHODS and value is not None:
            sizes = (facts.train_size, facts.test_size)
            how = (facts.method, facts.data, facts.backbone, sizes, facts.weights)
            rows.setdefault((facts.source, how, value), row)
    words = ("Data set", "Backbone", "Pixels", "Pre-trained, last, on", "Source")
    heads = (*(PageHead(word, number=False) for word in words), *map(PageHead, PUBLISHED_METRICS))
    return PageTable(
        "published", "As the papers print it", "Method", heads, tuple(map(_published_row, rows.values()))
    )


def _published_row(row: PrintedRow) -> PageRow:
    facts = row.facts
    sizes = dict.fromkeys(str(size) for size in (facts.train_size, facts.test_size) if size is not None)
    year = references()[facts.source].get("year")
    source = cite(facts.source).partition(",")[0] + (f", {year}" if year else "")
    words = (DATASETS[facts.data].title, facts.backbone, " → ".join(sizes), facts.weights, source)
    cells = [PageCell(word or "not stated") for word in words]
    made = f"{cite(facts.source)}: {facts.table}, row {facts.row}; split: {facts.split}"
    for metric in PUBLISHED_METRICS:
        value, note = row.values.get(metric), row.notes.get(metric)
        if value is None:
            cells.append(PageCell(NOTHING))
        else:
            cells.append(PageCell(f"{value:.1f}", value=value, made=f"{made}; {note}" if note else made))
    return PageRow(METHODS[facts.method or ""].title, tuple(cells))
