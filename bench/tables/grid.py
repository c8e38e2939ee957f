"""A table as text in cells, before it is written in any format."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

# A table with more columns of numbers than this has them as rows, because it would not fit a page.
WIDEST = 24
NOTHING = "–"


@dataclass(frozen=True)
class Numbers:
    """A column of numbers.

    Attributes:
        title: its heading.
        higher_is_better: which value is the best; None where none is.
        digits: decimals that are printed.
        span: a heading over it and its neighbours.
        signed: whether a plus is printed.
        measure: what is measured, where the heading is a name that a user gives, such as that of a class.
        name: that name; the heading is another one where a reader would take it for a column of the table's.
        tested: whether values are bold that the `best` of the frame says, and none without it; else the best.
    """

    title: str
    higher_is_better: bool | None
    digits: int = 1
    span: str = ""
    signed: bool = False
    measure: str = ""
    name: str = ""
    tested: bool = False

    def part(self, part: str) -> str:
        """The key of its `std`, `low`, `high` or `best` in a data frame.

        A user's name stands behind a colon (`AP:cat`, `AP std:cat`), and the table's own keys have none, so
        that no name that somebody gives is taken for a key of the table's, or for a part of another name's.
        """
        if self.measure:
            return f"{self.measure} {part}".strip() + f":{self.name}"
        return f"{self.span} {self.title} {part}".strip()

    @property
    def key(self) -> str:
        """Its key in a data frame, which has its `std` too, and `low` and `high` of an interval."""
        return self.part("")


@dataclass(frozen=True)
class Entry:
    """What stands in one place of a table."""

    text: str
    best: bool = False


Row = tuple[Entry, ...]


@dataclass(frozen=True)
class Grid:
    """Head and rows of a table.

    Attributes:
        head: the heading of each column.
        spans: for each column the heading over it and its neighbours; empty where there is none.
        left: how many columns of words stand first; they are set left, the others right.
        groups: the rows by the name of their group; the name is empty where there is one group only.
    """

    head: tuple[str, ...]
    spans: tuple[str, ...]
    left: int
    groups: tuple[tuple[str, tuple[Row, ...]], ...]

    def span_widths(self) -> list[tuple[str, int]]:
        """The upper row of the head: each heading with the number of columns that it is over."""
        widths: list[tuple[str, int]] = []
        for span in self.spans:
            if widths and span and widths[-1][0] == span:
                widths[-1] = (span, widths[-1][1] + 1)
            else:
                widths.append((span, 1))
        return widths


@dataclass(frozen=True)
class Section:
    """A grid with its heading and the lines above it."""

    heading: str
    lines: tuple[str, ...]
    grid: Grid


@dataclass(frozen=True)
class Document:
    """All of a table as text: what one file holds."""

    name: str
    title: str
    sections: tuple[Section, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class PrintedTable:
    """A table: as text, and as numbers."""

    document: Document
    frame: pd.DataFrame


def grid_of(
    frame: pd.DataFrame,
    words: dict[str, str],
    columns: Sequence[Numbers],
    left: int,
    group: str | None = None,
    unmarked: Sequence[str] = (),
) -> Grid:
    """Lay a frame out as text; in each group the best value of a column is marked, or those that a test says.

    Args:
        frame: one row per method, with the keys of `columns`, of their `std`, and maybe `low` and `high`.
        words: heading and column of the frame of each column of words.
        columns: the columns of numbers.
        left: how many columns of words are set left.
        group: the column of the frame that names the group of a row.
        unmarked: the groups in which nothing is marked.
    """
    parts = [("", frame)] if group is None else list(frame.groupby(group, sort=False))
    groups = []
    for name, part in parts:
        texts = [[Entry(str(text)) for text in part[column]] for column in words.values()]
        numbers = [number_cells(part, column) for column in columns]
        if name in unmarked:
            numbers = [[replace(cell, best=False) for cell in cells] for cells in numbers]
        groups.append((str(name), tuple(zip(*texts, *numbers, strict=True))))
    head = (*words, *(column.title for column in columns))
    spans = (*[""] * len(words), *(column.span for column in columns))
    grid = Grid(head, spans, left, tuple(groups))
    return _turned(grid) if len(columns) > WIDEST else grid


def number_cells(frame: pd.DataFrame, column: Numbers) -> list[Entry]:
    """The cells of one column: `mean ± std [low, high]`, a dash where there is nothing.

    The deviation stands there where there are several seeds, the interval where the frame has one.
    """
    means, deviations = frame[column.key].tolist(), frame[column.part("std")].tolist()
    nothing = [math.nan] * len(means)
    bounds = zip(*(frame.get(column.part(end), nothing) for end in ("low", "high")), strict=True)
    # Compared as printed: rounding a float otherwise may part two means that read the same.
    rounded = [float(f"{mean:.{column.digits}f}") for mean in means]
    known = [shown for shown in rounded if not math.isnan(shown)]
    best = (max if column.higher_is_better else min)(known, default=math.nan)
    marks = [column.higher_is_better is not None and shown == best for shown in rounded]
    if column.tested:
        marks = [bool(mark) for mark in frame.get(column.part("best"), [False] * len(means))]
    cells = []
    for mean, deviation, shown, (low, high), mark in zip(
        means, deviations, rounded, bounds, marks, strict=True
    ):
        if math.isnan(mean):
            cells.append(Entry(NOTHING))
            continue
        if column.signed:  # without a negative zero, and with a true minus
            text = f"{shown + 0.0:+.{column.digits}f}".replace("-", "−")
        else:
            text = f"{mean:.{column.digits}f}"
        if not math.isnan(deviation):
            text += f" ± {deviation:.{column.digits}f}"
        if not math.isnan(low):
            text += f" [{low:.{column.digits}f}, {high:.{column.digits}f}]"
        cells.append(Entry(text, best=mark))
    return cells


def _turned(grid: Grid) -> Grid:
    """Rows and columns exchanged: the first column of words becomes the head, with the groups over it."""
    rows = [row for _, rows in grid.groups for row in rows]
    head = ("", *(row[0].text for row in rows))
    turned = tuple(
        (Entry(f"{grid.spans[position]} {title}".strip()), *(row[position] for row in rows))
        for position, title in enumerate(grid.head)
        if position > 0
    )
    spans = ("", *(name for name, rows in grid.groups for _ in rows))
    return replace(grid, head=head, spans=spans, left=1, groups=(("", turned),))
