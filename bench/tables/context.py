"""The table `context`: mAP in and out of context, a section for each data set and set of conditions."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from bench.datasets.catalog import OUT_OF_CONTEXT
from bench.errors import UserError
from bench.metrics.context import FEWEST, context_of
from bench.records.context import InAndOut, by_companions, by_splits
from bench.records.groups import Group, titled
from bench.records.numerics import beside_statements
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tables.columns import WORDS, with_conditions
from bench.tables.grid import Document, Numbers, PrintedTable, Section, grid_of
from bench.tables.header import header, interval_statements, trained_alike

CONTEXT = "context"
COLUMNS = (
    # Nothing is bold: the methods are not tested against each other here.
    Numbers("in context", True, span="mAP", tested=True),
    Numbers("out of context", True, span="mAP", tested=True),
    Numbers("gap", None, span="mAP", signed=True),
)
COMPANIONS = (
    "in context: positives in images with the most frequent companion of their class in the test labels; "
    "out of context: positives without it; both are ranked against the same negatives, and precision is "
    "counted as of equally many positives"
)
SPLITS = (
    "in context: the runs of the same seeds on {inside}, trained alike; "
    "out of context: those on {outside}, where {because}"
)
# Classes that a header names with their companions.
NAMED = 5

Measure = Callable[[list[Record]], tuple[list[Record], InAndOut]]
"""The runs of one method that can be measured, and what they give."""


def context_table(
    groups: Mapping[str, Sequence[Group]], store: RecordStore, notes: dict[str, str]
) -> PrintedTable:
    """Make the table.

    Args:
        groups: the runs that may stand in one table, by data set.
        store: holds their scores.
        notes: by run a line on what is left out; those of runs that cannot be measured are added.

    Returns:
        The text, and a frame with `data`, `split`, `schedule`, `protocol`, `conditions`, `method`,
        `seeds`, then mean, `std`, `low` and `high` of the columns.
    """
    sections, frames = [], []
    for data, several in groups.items():
        for group in several:
            lines, measure = _comparison(group, groups, store)
            numbers = _frame(group, measure, notes)
            heading = titled(f"{data}, {group.subtitle()}" if len(several) > 1 else data, [group])
            grid = grid_of(numbers, WORDS, COLUMNS, left=1)
            said = (*header(group, store), *lines, *interval_statements(group))
            sections.append(Section(heading, said, grid))
            frames.append(with_conditions(group, numbers))
    document = Document(CONTEXT, "mAP in and out of context (%)", tuple(sections), tuple(notes.values()))
    return PrintedTable(document, pd.concat(frames, ignore_index=True))


def _comparison(
    group: Group, groups: Mapping[str, Sequence[Group]], store: RecordStore
) -> tuple[list[str], Measure]:
    """What is compared for a group: the lines on it, and how the runs of a method are measured."""
    outside = group.first.cell.data
    less = OUT_OF_CONTEXT.get(outside)
    if less is None:
        return [COMPANIONS, _measured(group, store)], lambda runs: (runs, by_companions(store, runs))
    others = [record for other in groups.get(less.than, ()) for record in other.records]
    twins = {_but_for_the_test_split(record): record for record in others}

    def inside_of(runs: Sequence[Record]) -> list[tuple[Record, Record]]:
        pairs = [(twins.get(_but_for_the_test_split(run)), run) for run in runs]
        return [(twin, run) for twin, run in pairs if twin is not None and trained_alike((twin, run))]

    def measure(runs: list[Record]) -> tuple[list[Record], InAndOut]:
        both = inside_of(runs)
        if not both:
            raise UserError(f"there is no run on {less.than} that was fed alike and differs in nothing else")
        kept = [run for _, run in both]
        return kept, by_splits(store, [twin for twin, _ in both], kept)

    inside = [twin for twin, _ in inside_of(group.records)]
    said = SPLITS.format(inside=less.than, outside=outside, because=less.because)
    return [said, *beside_statements(group, inside, store)], measure


def _but_for_the_test_split(record: Record) -> str:
    """A hash of all that makes a run but its test split: equal for runs that trained alike."""
    train = record.cell.data_fingerprint.partition("-")[0]
    return record.cell.model_copy(update={"data": "", "data_fingerprint": train}).key()


def _measured(group: Group, store: RecordStore) -> str:
    """Which classes are in the means, the first of them with their companions."""
    classes = group.first.data.classes
    for record in group.records:
        try:
            context = context_of(store.scores(record).labels, record.cell.protocol)
        except UserError:
            continue  # noted where the run itself is measured
        named = [f"{classes[c]} ({classes[context.companions[c]]})" for c in context.measured[:NAMED]]
        more = ", ..." if len(context.measured) > NAMED else ""
        return (
            f"{len(context.measured)} of {len(classes)} classes are in the means, those with at least "
            f"{FEWEST} positives in context and out of it" + (f": {', '.join(named)}{more}" if named else "")
        )
    return "no run has scores that can be read"


def _frame(group: Group, measure: Measure, notes: dict[str, str]) -> pd.DataFrame:
    """Mean, standard deviation and interval of every column, in percent, one row per method."""
    rows = []
    titles = group.titles()
    for label, records in group.by_row().items():
        row: dict[str, object] = {"method": titles[label], "seeds": len(records)}
        row |= dict.fromkeys((key for column in COLUMNS for key in _keys(column)), math.nan)
        try:
            kept, found = measure(records)
        except UserError as error:
            run = records[0].run_id
            notes[run] = f"not measured in and out of context: {run}: {error}"
        else:
            row["seeds"] = len(kept)
            for column, values, interval in zip(COLUMNS, found.values().T, found.intervals(), strict=True):
                spread = values.std(ddof=1) if len(values) > 1 else np.nan
                numbers = (values.mean(), spread, interval.low, interval.high)
                row |= {key: 100 * float(number) for key, number in zip(_keys(column), numbers, strict=True)}
        rows.append(row)
    return pd.DataFrame(rows)


def _keys(column: Numbers) -> tuple[str, str, str, str]:
    return column.key, column.part("std"), column.part("low"), column.part("high")
