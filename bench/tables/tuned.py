"""The table `tuned`: each method untuned beside tuned, with what was chosen and what it gained."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from bench.errors import UserError
from bench.methods.catalog import PRIOR
from bench.metrics.bootstrap import NAMES
from bench.metrics.uncertainty import DIFFERENCE, LEAST_SEEDS, SHARE, Interval, estimate
from bench.records.groups import Group, titled
from bench.records.intervals import enough_seeds, metrics_of, samples_of
from bench.records.numerics import beside_statements
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.records.tunes import DESIGN, untuned_schedule
from bench.tables.grid import Document, Numbers, PrintedTable, Section, grid_of
from bench.tables.header import header, interval_statements

TUNED: Final = "tuned"
UNTUNED_COLUMN = Numbers("untuned", True, span="mAP", tested=True)
TUNED_COLUMN = Numbers("tuned", True, span="mAP", tested=True)
GAIN = Numbers("gain", None, span="mAP", signed=True)
COLUMNS: Final = (UNTUNED_COLUMN, TUNED_COLUMN, GAIN)
WORDS: Final = {"Method": "method", "Chosen values": "chosen"}
MAP: Final = NAMES.index("mAP")
GAINED: Final = (
    "gain: tuned less untuned, with its interval; nothing is bold, because no method is tested against "
    "another here: the comparison of the data set does that, untuned and tuned apart"
)


def tuned_groups(
    groups: Mapping[str, Sequence[Group]], store: RecordStore
) -> list[tuple[Group, Group | None]]:
    """The tuned groups, each with the untuned one that the tune began with, where its runs are there."""
    return [
        (group, next((one for one in several if _began_with(group, one, store)), None))
        for several in groups.values()
        for group in several
        if group.first.cell.tuned
    ]


def _began_with(tuned: Group, other: Group, store: RecordStore) -> bool:
    """Whether a group has the values that nothing was drawn for, and differs in nothing else."""
    cell, untuned = tuned.first.cell, other.first.cell
    drawn = cell.tuned.fields if cell.tuned else ()
    if cell.tuned is None or untuned.tuned or untuned.but_for(drawn) != cell.but_for(drawn):
        return False
    before = untuned_schedule(store.folder.parent, cell.tuned.name)
    return before is not None and all(
        getattr(untuned.schedule, field) == getattr(before, field) for field in drawn
    )


def tuned_table(
    pairs: Sequence[tuple[Group, Group | None]], store: RecordStore, notes: dict[str, str]
) -> PrintedTable:
    """Make the table.

    Args:
        pairs: of `tuned_groups`.
        store: holds the scores.
        notes: by run a line on what is left out; those of runs that cannot be measured are added.

    Returns:
        The text, and a frame with `data`, `split`, `tune`, `method`, `chosen`, then mean, `std`, `low` and
        `high` of mAP untuned, tuned and of the gain.
    """
    sections, frames = [], []
    for tuned, untuned in pairs:
        cell = tuned.first.cell
        assert cell.tuned is not None, "of tuned_groups"
        tunes = sorted({one.cell.tuned.name for one in tuned.records if one.cell.tuned})
        numbers = _frame(tuned, untuned, store, notes)
        lines = (
            *header(tuned, store),
            _untuned(tuned, untuned),
            *(beside_statements(tuned, untuned.records, store) if untuned else ()),
            *interval_statements(tuned),
            *_few_seeds(tuned),
            GAINED,
            f"trials, tuning curves and what mattered: {_reports(tunes)}",
        )
        heading = f"{cell.data}, {' and '.join(tunes)}, {cell.tuned.trials} trials each"
        grid = grid_of(numbers, WORDS, COLUMNS, left=len(WORDS))
        sections.append(Section(titled(heading, [tuned]), lines, grid))
        described = numbers.assign(data=cell.data, split=cell.split, tune=" and ".join(tunes))
        frames.append(described[["data", "split", "tune", *numbers.columns]])
    document = Document(TUNED, "Untuned and tuned (%)", tuple(sections), tuple(notes.values()))
    return PrintedTable(document, pd.concat(frames, ignore_index=True))


def _reports(tunes: Sequence[str]) -> str:
    return " and ".join(f"`bench tune --report --name {name}`" for name in tunes)


def _frame(tuned: Group, untuned: Group | None, store: RecordStore, notes: dict[str, str]) -> pd.DataFrame:
    titles = tuned.titles()
    before = untuned.by_row() if untuned else {}
    rows = []
    for label, records in tuned.by_row().items():
        if records[0].cell.method.name == PRIOR.name:
            continue  # nothing tunes it
        row: dict[str, object] = {"method": titles[label], "chosen": _described(records[0].cell.chosen())}
        row |= dict.fromkeys((column.part(part) for column in COLUMNS for part in _PARTS), math.nan)
        try:
            row |= _measured(store, before.get(label, []), records)
        except UserError as error:
            notes[records[0].run_id] = f"not measured: {records[0].run_id}: {error}"
        rows.append(row)
    return pd.DataFrame(rows)


_PARTS: Final = ("", "std", "low", "high")


def _measured(store: RecordStore, untuned: list[Record], tuned: list[Record]) -> dict[str, float]:
    """The numbers of a method, in percent."""
    after = metrics_of(samples_of(store, tuned))[..., [MAP]]
    found = _numbers(TUNED_COLUMN, estimate(after).intervals(SHARE)[0], after[:, 0, 0])
    if untuned:
        before = metrics_of(samples_of(store, untuned))[..., [MAP]]
        found |= _numbers(UNTUNED_COLUMN, estimate(before).intervals(SHARE)[0], before[:, 0, 0])
        found |= _numbers(GAIN, estimate(after, before).intervals(DIFFERENCE)[0], np.array([]))
    return found


def _numbers(column: Numbers, interval: Interval, values: np.ndarray) -> dict[str, float]:
    spread = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    numbers = (interval.value, spread, interval.low, interval.high)
    return {column.part(part): 100 * number for part, number in zip(_PARTS, numbers, strict=True)}


def _untuned(tuned: Group, untuned: Group | None) -> str:
    """What the untuned runs are, or that there are none."""
    cell = tuned.first.cell
    assert cell.tuned is not None, "of tuned_groups"
    if untuned is None:
        return (
            f"untuned: no run with the values that the tune {cell.tuned.name} began with is stored, or its "
            f"{DESIGN}, which says what they are, is not"
        )
    before = {field: getattr(untuned.first.cell.schedule, field) for field in cell.tuned.fields}
    return f"untuned: trial 0, {_described(before)}"


def _few_seeds(tuned: Group) -> list[str]:
    """Of which methods no test can say that they are ahead."""
    titles = tuned.titles()
    few = [titles[label] for label, records in tuned.by_row().items() if not enough_seeds(records)]
    return [f"fewer than {LEAST_SEEDS} seeds, so not tested, and no winner: {', '.join(few)}"] if few else []


def _described(values: Mapping[str, object]) -> str:
    short = {
        name: f"{value:.3g}" if isinstance(value, float) else str(value) for name, value in values.items()
    }
    return ", ".join(f"{name} {value}" for name, value in short.items()) or "as the schedule is"
