"""The table `known`: metrics where a share of each test image's labels is known, and not measured."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from bench.errors import UserError
from bench.metrics.bootstrap import NAMES
from bench.metrics.protocol import Protocol
from bench.metrics.uncertainty import SHARE, estimate
from bench.records.groups import Group, titled
from bench.records.intervals import metrics_of, samples_of
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tables.columns import WORDS, with_conditions
from bench.tables.grid import Document, Numbers, PrintedTable, Section, grid_of
from bench.tables.header import header, interval_statements

KNOWN = "known"
TOLD = "told the labels that are known"
UNTOLD = "told nothing, and measured on the same labels"
WHICH = (
    "N %: so many of the labels of each test image are known, drawn from its id, the same for every method "
    "and seed, those of a smaller share among those of a larger; metrics are of the other labels, so the "
    "methods that are told nothing show what leaving those out changes by itself"
)
BOLD = "nothing is bold: the methods are not tested against each other here"


def can_be_told(group: Group) -> bool:
    """Whether some run of a group has scores of a head that was told labels."""
    return any(record.known for record in group.records)


def known_table(
    groups: Mapping[str, Sequence[Group]],
    store: RecordStore,
    notes: dict[str, str],
    protocol: Protocol | None = None,
) -> PrintedTable:
    """Make the table, a section for each data set and set of conditions under which a method was told labels.

    Args:
        groups: the runs that may stand in one table, by data set.
        store: holds their scores.
        notes: by run a line on what is left out; those of runs that cannot be measured are added.
        protocol: how the scores are measured; as they were recorded where it is None.

    Returns:
        The text, and a frame with `data`, `split`, `schedule`, `protocol`, `conditions`, `told`,
        `method`, `seeds`, then mean, `std`, `low` and `high` of the columns.
    """
    sections, frames = [], []
    for data, several in groups.items():
        for group in filter(can_be_told, several):
            percents = sorted({0, *(one.percent for record in group.records for one in record.known)})
            columns = [
                Numbers(f"{percent} %", True, span=metric, tested=True)
                for metric in NAMES
                for percent in percents
            ]
            numbers = _frame(group, percents, columns, store, notes, protocol)
            heading = titled(f"{data}, {group.subtitle()}" if len(several) > 1 else data, [group])
            grid = grid_of(numbers, WORDS, columns, left=1, group="told")
            said = (*header(group, store), WHICH, *interval_statements(group), BOLD)
            sections.append(Section(heading, said, grid))
            frames.append(with_conditions(group, numbers))
    title = "With a share of the labels known (%)"
    document = Document(KNOWN, title, tuple(sections), tuple(notes.values()))
    return PrintedTable(document, pd.concat(frames, ignore_index=True))


def _frame(
    group: Group,
    percents: Sequence[int],
    columns: Sequence[Numbers],
    store: RecordStore,
    notes: dict[str, str],
    protocol: Protocol | None,
) -> pd.DataFrame:
    """One row per method, those that were told labels first; all numbers in percent."""
    titles = group.titles()
    rows: list[dict[str, object]] = []
    for label, records in group.by_row().items():
        told = all(record.known for record in records)
        row: dict[str, object] = {"told": TOLD if told else UNTOLD, "method": titles[label]}
        row["seeds"] = len(records)
        try:
            rows.append({**row, **_numbers(records, percents, columns, store, protocol)})
        except UserError as error:
            run = records[0].run_id
            notes[run] = f"not measured with known labels: {run}: {error}"
    rows.sort(key=lambda row: row["told"] != TOLD)
    words = ["told", "method", "seeds"]
    keys = [column.part(part) for column in columns for part in ("", "std", "low", "high")]
    return pd.DataFrame(rows, columns=[*words, *keys])


def _numbers(
    records: list[Record],
    percents: Sequence[int],
    columns: Sequence[Numbers],
    store: RecordStore,
    protocol: Protocol | None,
) -> dict[str, float]:
    """Mean, deviation and interval of every column over the runs of one method."""
    # (P, S, B + 1, M): the test images and their resamples, with each share known.
    found = np.stack([metrics_of(samples_of(store, records, protocol, known=one)) for one in percents])
    intervals = [estimate(values).intervals(SHARE) for values in found]
    numbers: dict[str, float] = {}
    for place, column in enumerate(columns):
        metric, share = divmod(place, len(percents))
        values, interval = found[share, :, 0, metric], intervals[share][metric]
        spread = values.std(ddof=1) if len(values) > 1 else np.nan
        parts = {"": values.mean(), "std": spread, "low": interval.low, "high": interval.high}
        numbers |= {column.part(part): 100 * float(value) for part, value in parts.items()}
    return numbers
