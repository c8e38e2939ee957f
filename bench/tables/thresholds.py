"""The table `thresholds`: CF1 and OF1 at the protocol's threshold and at fitted ones, calibration error."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from bench.errors import UserError
from bench.metrics.bootstrap import NAMES
from bench.metrics.calibration import BINS
from bench.metrics.operating_point import OperatingPoint
from bench.metrics.uncertainty import SHARE, estimate
from bench.records.groups import Group, titled
from bench.records.intervals import metrics_of, samples_of
from bench.records.record import Record, Thresholds
from bench.records.store import RecordStore
from bench.records.thresholds import measure, thresholds_of
from bench.tables.columns import WORDS, with_conditions
from bench.tables.grid import Document, Numbers, PrintedTable, Section, grid_of
from bench.tables.header import header, interval_statements

THRESHOLDS: Final = "thresholds"
METRICS: Final = ("CF1", "OF1")
BEFORE = Numbers("before", None, 2, span="ECE")
AFTER = Numbers("after", None, 2, span="ECE")
BOLD: Final = "nothing is bold: the methods are not tested against each other here"
ECE: Final = (
    f"ECE: expected calibration error over all labels, {BINS} bins of equal width, before and after the "
    "temperature; it has no interval"
)

# Which predictions a column is of: None for those at the protocol's threshold.
_POINTS: Final[Mapping[str, Callable[[OperatingPoint], OperatingPoint | None]]] = {
    "fixed": lambda point: None,
    "one for all": lambda point: point.deciding_by(own=False),
    "per class": lambda point: point.deciding_by(own=True),
}


def fitted_in(group: Group, store: RecordStore, notes: dict[str, str]) -> dict[str, list[Record]]:
    """The runs of a group that have fitted thresholds, by their target; a note on each that is damaged."""
    found: dict[str, list[Record]] = {}
    for record in group.records:
        try:
            thresholds = thresholds_of(store, record)
        except UserError as error:
            notes[record.run_id] = f"thresholds left out: {record.run_id}: {error}"
            continue
        if thresholds:
            found.setdefault(thresholds.point.target, []).append(record)
    return found


def thresholds_table(
    groups: Mapping[str, Sequence[Group]], store: RecordStore, notes: dict[str, str]
) -> PrintedTable:
    """Make the table, a section for each data set, set of conditions and target.

    Args:
        groups: the runs that may stand in one table, by data set; some have thresholds.
        store: holds their scores and thresholds.
        notes: by run a line on what is left out; those of runs that cannot be measured are added.

    Returns:
        The text, and a frame with `data`, `split`, `schedule`, `protocol`, `conditions`, `target`,
        `method`, `seeds`, then mean, `std`, `low` and `high` of CF1 and OF1 by threshold, and mean and `std`
        of ECE.
    """
    sections, frames = [], []
    for data, several in groups.items():
        for group in several:
            for target, records in fitted_in(group, store, notes).items():
                fitted = Group(tuple(records))
                columns = _columns(fitted.first.cell.protocol.threshold)
                numbers = _frame(fitted, columns, store, notes)
                heading = f"{data}, for {target}" + (f", {group.subtitle()}" if len(several) > 1 else "")
                said = (*header(fitted, store), *_statements(group, fitted, target))
                grid = grid_of(numbers, WORDS, columns, left=1)
                sections.append(Section(titled(heading, [group]), said, grid))
                numbers.insert(0, "target", target)
                frames.append(with_conditions(group, numbers))
    title = "Thresholds fitted on validation scores (%)"
    document = Document(THRESHOLDS, title, tuple(sections), tuple(notes.values()))
    return PrintedTable(document, pd.concat(frames, ignore_index=True))


def _columns(fixed: float) -> list[Numbers]:
    titles = {**{name: name for name in _POINTS}, "fixed": f"at {fixed:g}"}
    metrics = [
        Numbers(title, True, span=metric, tested=True) for metric in METRICS for title in titles.values()
    ]
    return [*metrics, BEFORE, AFTER]


def _statements(group: Group, fitted: Group, target: str) -> tuple[str, ...]:
    seen = fitted.first.cell.split == "validation"
    left = [title for row, title in group.titles().items() if row not in fitted.by_row()]
    return (
        f"thresholds: fitted for {target} on validation scores, one for all classes and one per class",
        *(("measured on the validation images that they were fitted on",) if seen else ()),
        ECE,
        *interval_statements(fitted),
        BOLD,
        *((f"no thresholds for {target} were fitted for: {', '.join(left)}",) if left else ()),
    )


def _frame(
    group: Group, columns: Sequence[Numbers], store: RecordStore, notes: dict[str, str]
) -> pd.DataFrame:
    """One row per method; all numbers in percent."""
    titles = group.titles()
    rows: list[dict[str, object]] = []
    for label, records in group.by_row().items():
        row: dict[str, object] = {"method": titles[label], "seeds": len(records)}
        try:
            rows.append({**row, **_numbers(records, columns, store)})
        except UserError as error:
            run = records[0].run_id
            notes[run] = f"not measured with thresholds: {run}: {error}"
    keys = [column.part(part) for column in columns for part in ("", "std", "low", "high")]
    return pd.DataFrame(rows, columns=["method", "seeds", *keys])


def _numbers(records: list[Record], columns: Sequence[Numbers], store: RecordStore) -> dict[str, float]:
    """Mean, deviation and interval of every column over the runs of one method."""
    fitted = [_required(store, record) for record in records]
    places = [NAMES.index(metric) for metric in METRICS]
    # (P, S, B + 1, M): by threshold, the test images and their resamples.
    found = np.stack(
        [
            metrics_of(samples_of(store, records, points=[choose(one.point) for one in fitted]))[..., places]
            for choose in _POINTS.values()
        ]
    )
    numbers: dict[str, float] = {}
    for place, column in enumerate(columns[: len(METRICS) * len(_POINTS)]):
        metric, which = divmod(place, len(_POINTS))
        interval = estimate(found[which]).intervals(SHARE)[metric]
        numbers |= _spread(column, found[which, :, 0, metric])
        numbers |= {column.part("low"): 100 * interval.low, column.part("high"): 100 * interval.high}
    pairs = zip(fitted, records, strict=True)
    measured = [measure(one.point, store.scores(record), record.cell.protocol) for one, record in pairs]
    errors = np.array([(one.before.overall, one.after.overall) for one in measured if one])
    return numbers | _spread(BEFORE, errors[:, 0]) | _spread(AFTER, errors[:, 1])


def _required(store: RecordStore, record: Record) -> Thresholds:
    found = thresholds_of(store, record)
    assert found is not None, "of fitted_in"
    return found


def _spread(column: Numbers, values: np.ndarray) -> dict[str, float]:
    spread = values.std(ddof=1) if len(values) > 1 else np.nan
    return {column.key: 100 * float(values.mean()), column.part("std"): 100 * float(spread)}
