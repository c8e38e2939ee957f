"""Columns of a table that may say whether a label holds, beside the one that is named for it."""

import re
from collections.abc import Iterable

from bench.datasets.layout import Table
from bench.datasets.layouts.one_hot import ANSWERS, KNOWN, LABELS, plain_cell
from bench.datasets.layouts.table_file import TableFile
from bench.errors import UserError, cut

VALUES = frozenset(
    (
        *("value", "values", "score", "scores", "confidence", "conf", "probability", "prob"),
        *("present", "presence", "is_present", "ispresent", "exists", "holds"),
    )
)
"""What columns are called that say whether the label of a row holds, or how sure somebody is of it."""
HOLD = frozenset(cell for cell, label in KNOWN.items() if label == LABELS["positive"])
"""Cells that say so: a column that has no others changes nothing."""


def answering(table: TableFile, columns: Iterable[str]) -> dict[str, set[str]]:
    """The different filled cells of the columns that only say yes and no.

    Of those that are called as in `VALUES` also the ones of other numbers, of which the first is given.
    """
    found: dict[str, set[str]] = {column: set() for column in columns if column}
    for _, cells in table.rows():
        for column in tuple(found):
            cell = cells.get(column, "")
            plain = cell if cell in ANSWERS else plain_cell(cell)
            if plain in ANSWERS or (is_value(column) and _is_number(plain)):
                found[column] |= {plain} if plain in ANSWERS or found[column] <= ANSWERS else set()
            else:
                del found[column]
        if not found:
            break
    return {column: cells - {""} for column, cells in found.items() if cells - {""}}


def is_value(column: str) -> bool:
    """Whether a column is called as one that says whether a label holds."""
    return column.strip().casefold() in VALUES


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", cell) is not None


def unread_notes(table: TableFile, file: str, layout: Table) -> tuple[str, ...]:
    """A sentence on the columns of 0 and 1 that stand beside one of labels, and are not read.

    Args:
        table: the table.
        file: what it is called.
        layout: what is read of it.

    Raises:
        UserError: one is called as if it said whether the labels hold, and the description does not say
            whether it does: labels that are marked as absent would be read as present.
    """
    if layout.value == "":
        return ()
    named = {layout.image, layout.labels, layout.split, layout.value}
    found = answering(table, [column for column in table.columns if column not in named])
    for column, cells in found.items():
        if layout.value is None and is_value(column) and not cells <= HOLD:
            raise _unsaid(table, column, min(cells - HOLD, key=lambda cell: (cell in ANSWERS, cell)))
    left = [column for column, cells in found.items() if cells <= ANSWERS and not is_value(column)]
    if not left:
        return ()
    names = cut(", ".join(left), 200)
    return (
        f"columns of 0 and 1 in {file} that are not read: {names}; list them as 'one_hot' in the "
        "csv section if they are classes, and name one as 'value' if it says whether the label of its row "
        "holds",
    )


def _unsaid(table: TableFile, column: str, cell: str) -> UserError:
    first = "" if cell in ANSWERS else "write 0 or 1 for it, by what is sure enough for you, and "
    return UserError(
        f"{table.path}: its column {cut(repr(column))} has {cut(cell)}, and may say whether the label of its "
        f"row holds: {first}name it as 'value', beside rows: label, in the csv section of a YAML file, or "
        "say value: '' there if every label holds."
    )
