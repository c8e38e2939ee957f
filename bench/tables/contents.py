"""The list of the tables in a folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from bench.tables.grid import Entry, Grid, PrintedTable
from bench.tables.papers.rows import MEASURED
from bench.tables.render import markdown_grid

_HEAD = ("Table", "Files", "Rows", "Measured here")
# What tells rows measured here from printed ones, in the tables of papers and in that of all sources.
_WHERE_MEASURED = ("group", "kind")
_INTRODUCTION = """\
# Tables

Written by `bench tables` from the records and the published values. A row is a method under one set of
conditions, or a line that a paper prints."""


@dataclass(frozen=True)
class Listed:
    """A table that was written, and the name of its files without their endings."""

    stem: str
    table: PrintedTable


def index(tables: Sequence[Listed], formats: Sequence[str], left_out: Sequence[str]) -> str:
    """What was written, as Markdown: the title of each table, its rows, and links to its files.

    Args:
        tables: in their order.
        formats: the endings of the files of each.
        left_out: the tables of papers that are on other data than the records.
    """
    rows = tuple(tuple(map(Entry, _row(one, formats))) for one in tables)
    parts = [_INTRODUCTION, markdown_grid(Grid(_HEAD, ("",) * len(_HEAD), 2, (("", rows),)))]
    if left_out:
        parts.append(
            "The tables of papers are on other data than the records, and left out; `bench tables NAME` "
            f"writes one: {', '.join(left_out)}."
        )
    return "\n\n".join(parts) + "\n"


def _row(one: Listed, formats: Sequence[str]) -> tuple[str, ...]:
    frame = one.table.frame
    told = next((column for column in _WHERE_MEASURED if column in frame), None)
    measured = len(frame) if told is None else int((frame[told] == MEASURED).sum())
    links = ", ".join(f"[{form}]({quote(one.stem)}.{form})" for form in formats)
    return one.table.document.title, links, str(len(frame)), str(measured)
