"""A comparison of two methods as a table: text for a screen, and the formats of the other tables."""

import math
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pandas as pd
from tabulate import tabulate

from bench.compare.differences import Comparison, Difference
from bench.methods.catalog import PRIOR
from bench.metrics.uncertainty import ALPHA, FEWEST_POSITIVES, LEAST_SEEDS, Interval
from bench.records.groups import Group, data_title, differences, titled
from bench.records.intervals import one_seed
from bench.records.record import Record
from bench.tables.grid import NOTHING, Document, Entry, Grid, PrintedTable, Section
from bench.tables.header import class_statement, header, interval_statement
from bench.tables.render import FORMATS

UNTESTED = f"not tested: a method has fewer than {LEAST_SEEDS} seeds, so there is no p and no winner"


def report(comparison: Comparison) -> PrintedTable:
    """Lay a comparison out: the metrics, the classes by frequency, every class; and all of it as numbers."""
    pair = comparison.pair
    name_a, name_b = comparison.pair.names()
    cells = pair.a[0].cell, pair.b[0].cell
    both = Group((*pair.a, *pair.b))
    title = titled(f"{data_title(both.records)}: {name_a} against {name_b}", [both])
    sections = (
        Section("", _lines(comparison), _grid(comparison, "Metric (%)", comparison.metrics)),
        Section(
            "Mean AP of the classes by frequency",
            ("thirds of the classes by the number of their positive test labels",),
            _grid(comparison, "Classes", comparison.frequencies),
        ),
        Section("AP of every class", _verdict(comparison), _grid(comparison, "Class", comparison.by_class)),
    )
    name = f"{cells[0].data}-{cells[0].method.name}-{cells[1].method.name}"
    return PrintedTable(Document(name, title, sections, pair.notes), _frame(comparison))


def _lines(comparison: Comparison) -> tuple[str, ...]:
    pair = comparison.pair
    sides = list(zip(comparison.pair.names(), (pair.a, pair.b), comparison.seed_maps, strict=True))
    lines = [
        f"{name}: mean of {_many(len(records), 'run')}: "
        + ", ".join(
            f"mAP {100 * value:.1f} at seed {r.cell.seed}" for r, value in zip(records, maps, strict=True)
        )
        for name, records, maps in sides
    ]
    differ = differences(pair.a[0], pair.b[0])
    if differ:
        lines.append(f"WARNING: not the methods alone differ, but also {'; '.join(differ)}")
    if len({_seeds(records) for records in (pair.a, pair.b) if not _is_prior(records)}) > 1:
        lines.append(
            f"seeds: all {len(pair.a)} and {len(pair.b)} runs count, though they are not the same: each is a "
            "draw of its own, and none is paired with another"
        )
    single = [name for name, records, _ in sides if one_seed(records)]
    lines += [f"one seed: images only: {', '.join(single)}"] if single else []
    together = [one for one in (*comparison.metrics, *comparison.frequencies) if not math.isnan(one.p)]
    tested = (
        f"p of metrics and of thirds: two-sided, adjusted for the {len(together)} tested (Holm), while the "
        f"intervals are not; a third with a class of fewer than {FEWEST_POSITIVES} positives is not tested"
    )
    positives = np.array([one.positives[1] for one in comparison.by_class if one.positives])
    return (
        *header(Group((*pair.a, *pair.b)), comparison.store),
        *lines,
        class_statement(pair.a[0], positives),
        interval_statement(comparison.resamples),
        tested if together else UNTESTED,
    )


def _seeds(records: Sequence[Record]) -> frozenset[int]:
    return frozenset(record.cell.seed for record in records)


def _is_prior(records: Sequence[Record]) -> bool:
    return records[0].cell.method.name == PRIOR.name


def _verdict(comparison: Comparison) -> tuple[str, ...]:
    name_a, name_b = comparison.pair.names()
    tested = [one for one in comparison.by_class if not math.isnan(one.p)]
    lines = []
    if tested:
        many = _many(len(tested), "class", "classes")
        lines = [f"p: likewise, adjusted for the {many} tested (Holm)"]
    for name, side in ((name_a, "a"), (name_b, "b")) if tested else ():
        won = [one.name for one in tested if one.winner == side]
        lines.append(f"{name} wins {_many(len(won), 'class', 'classes')}: {', '.join(won) or 'none'}")
    ahead = sum(one.difference.value > 0 for one in comparison.by_class)
    behind = sum(one.difference.value < 0 for one in comparison.by_class)
    total = _many(len(comparison.by_class), "class", "classes")
    lines.append(f"without regard to p, {name_a} is higher in {ahead} and lower in {behind} of {total}")
    few = [one.name for one in comparison.by_class if one.positives and one.positives[1] < FEWEST_POSITIVES]
    if few:
        lines.append(f"no interval and no test, fewer than {FEWEST_POSITIVES} positives: {', '.join(few)}")
    return tuple(lines)


def _many(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"


def _grid(comparison: Comparison, what: str, rows: Sequence[Difference]) -> Grid:
    counted = [] if rows[0].positives is None else ["Positives"]
    head = (what, *counted, *comparison.pair.names(), "Difference", "p")
    lines = []
    for row in rows:
        cells = [Entry(f"{row.name} ({row.classes})" if row.positives and row.classes > 1 else row.name)]
        if row.positives:
            fewest, most = row.positives
            cells.append(Entry(str(fewest) if fewest == most else f"{fewest} to {most}"))
        # The better method is marked where the difference is shown.
        cells += [Entry(_percent(row.a), row.winner == "a"), Entry(_percent(row.b), row.winner == "b")]
        cells += [Entry(_percent(row.difference, signed=True)), Entry(_probability(row.p))]
        lines.append(tuple(cells))
    return Grid(head, ("",) * len(head), 1, (("", tuple(lines)),))


def _percent(interval: Interval, signed: bool = False) -> str:
    if math.isnan(interval.value):
        return NOTHING
    value, low, high = (_signed(100 * part) if signed else f"{100 * part:.1f}" for part in interval)
    return value if math.isnan(interval.low) else f"{value} [{low}, {high}]"


def _signed(value: float) -> str:
    # One decimal more than the values, because a small difference can be shown; 0 has no sign.
    rounded = round(value, 2)
    return f"{rounded:+.2f}".replace("-", "−") if rounded else "0.00"


def _probability(p: float) -> str:
    if math.isnan(p):
        return NOTHING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _frame(comparison: Comparison) -> pd.DataFrame:
    """All numbers, in percent but for p; one row per metric, third and class."""
    pair, first = comparison.pair, comparison.pair.a[0]
    scopes = (
        ("metric", comparison.metrics),
        ("frequency", comparison.frequencies),
        ("class", comparison.by_class),
    )
    described: dict[str, object] = {
        "data": first.cell.data,
        "split": first.cell.split,
        "method_a": first.cell.row(),
        "runs_a": _names(pair.a),
        "method_b": pair.b[0].cell.row(),
        "runs_b": _names(pair.b),
        "protocol": first.cell.protocol.name,
        "resamples": comparison.resamples,
    }
    rows = []
    for scope, found in scopes:
        for one in found:
            fewest, most = one.positives or (None, None)
            row: dict[str, object] = {
                "scope": scope,
                "name": one.name,
                "fewest_positives": fewest,
                "most_positives": most,
            }
            for name, interval in (("a", one.a), ("b", one.b), ("difference", one.difference)):
                for key, value in zip((name, f"{name}_low", f"{name}_high"), interval, strict=True):
                    row[key] = 100 * value
            rows.append({**described, **row, "p": one.p, "winner": one.winner})
    frame = pd.DataFrame(rows)
    counts = ["fewest_positives", "most_positives"]
    return frame.astype(dict.fromkeys(counts, "Int64"))


def _names(records: Sequence[Record]) -> str:
    return " ".join(record.run_id for record in records)


def text(document: Document) -> str:
    """A comparison for a screen."""
    parts = [document.title]
    for section in document.sections:
        parts += [section.heading] if section.heading else []
        parts += ["\n".join(f"- {line}" for line in section.lines)]
        ((_, rows),) = section.grid.groups
        texts = [[f"{cell.text} *" if cell.best else cell.text for cell in row] for row in rows]
        align = ("left", *["right"] * (len(section.grid.head) - 1))
        parts.append(tabulate(texts, section.grid.head, disable_numparse=True, colalign=align))
    return "\n\n".join([*parts, f"* wins: p is at most {ALPHA}", *document.notes]) + "\n"


WRITERS: Final[dict[str, Callable[[PrintedTable], str]]] = {
    "text": lambda table: text(table.document),
    **FORMATS,
}
"""How a comparison is printed, by the name of the format."""
