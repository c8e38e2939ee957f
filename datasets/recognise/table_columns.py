"""Which columns of a CSV file hold the labels, and how, where nobody has said it."""

import re
from collections.abc import Sequence

from bench.datasets.layout import Table
from bench.datasets.layouts.one_hot import ANSWERS, looks_one_hot, other_columns
from bench.datasets.layouts.table_file import TableFile
from bench.datasets.layouts.table_values import HOLD, answering, is_value
from bench.datasets.recognise.signs import LABELS, words_of
from bench.errors import UserError, cut

SEPARATORS = ("|", ";", ",")
_WORD = r"""\s*(?:"[^"]*"|'[^']*')\s*"""
WRITTEN_LIST = re.compile(rf"[\[({{](?:{_WORD},)*(?:{_WORD})?[\])}}]")
"""A cell as JSON and Python write a list of words, or a set of them."""


class WithoutLabelsError(UserError):
    """A table names pictures and holds nothing else, as that of a contest's test pictures."""


def unused(columns: Sequence[str], labels: str) -> str:
    """The columns beside that of the labels, for a person."""
    names = ", ".join(f"'{cut(column, 40)}'" for column in columns if column != labels)
    return f" (not used: {cut(names, 400)})" if names else ""


def value_column(table: TableFile, columns: Sequence[str]) -> str:
    """The only column that says by its name and its cells whether the label of a row holds; else empty.

    Where there may be another, the reader of the table asks.
    """
    found = answering(table, [column for column in columns if is_value(column)])
    telling = [column for column, cells in found.items() if cells <= ANSWERS and not cells <= HOLD]
    return telling[0] if len(telling) == 1 else ""


def labelled_column(table: TableFile, columns: Sequence[str]) -> str:
    """The column of the labels by its name, or by a word that no other has; empty where there is none."""
    named = [column for name in LABELS for column in columns if column.lower() == name]
    worded = [column for column in columns if not words_of(column).isdisjoint(LABELS)]
    if named or len(worded) != 1:
        return next(iter(named), "")
    # A class may be called so too: no_label.
    return "" if looks_one_hot(table, worded) else worded[0]


def of_labels(table: TableFile, rest: Sequence[str], layout: Table, valued: bool) -> str:
    """The column of the labels where none is called so; empty where each class has one.

    Args:
        table: the table.
        rest: the columns that it may be.
        layout: what is known of it: the columns of image and split.
        valued: whether another column says if the label of a row holds.

    Raises:
        UserError: it cannot be told.
    """
    if not valued and looks_one_hot(table, other_columns(table, layout)):
        return ""
    if len(rest) != 1:
        refused = UserError if rest else WithoutLabelsError
        there = cut(", ".join(rest), 400) or "none"
        raise refused(
            f"Which column holds the labels cannot be told of {table.path}; those beside "
            f"'{layout.image}' are: {there}{_advice(table, rest)}."
        )
    return rest[0]


def _advice(table: TableFile, rest: Sequence[str]) -> str:
    """How a YAML file says what cannot be told: a part of the columns may be classes."""
    yes_no = [column for column, cells in answering(table, rest).items() if cells <= ANSWERS]
    classes = f", or one_hot: [{', '.join(yes_no)}]" if len(yes_no) > 1 else ""
    return f"; say labels: COLUMN{classes} in the csv section of a YAML file" if rest else ""


def repeats(table: TableFile, image: str) -> bool:
    """Whether an image has several rows."""
    seen: set[str] = set()
    for count, (_, cells) in enumerate(table.rows()):
        seen.add(cells.get(image, ""))
        if len(seen) <= count:
            return True
    return False


def separator(table: TableFile, labels: str) -> str:
    """The first of the known ones in the column of the labels; empty where there is none."""
    separators: set[str] = set()
    lists: list[str] = []
    labelled = 0
    for _, cells in table.rows():
        cell = cells.get(labels, "")
        labelled += bool(cell)
        lists += [cell] if WRITTEN_LIST.fullmatch(cell) else []
        separators |= {one for one in SEPARATORS if one in cell}
    if lists and len(lists) == labelled:
        words = "|".join(word[1:-1] for word in re.findall(r""""[^"]*"|'[^']*'""", max(lists, key=len)))
        raise UserError(
            f"{table.path}: its column '{labels}' has lists in brackets and quotes, such as "
            f"{cut(max(lists, key=len))}: write the labels alone with | between them, as {cut(words)}."
        )
    return next((one for one in SEPARATORS if one in separators), "")
