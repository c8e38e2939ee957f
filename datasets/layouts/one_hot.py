"""A table with a column per class: which columns those are, and what their cells mean."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from bench.datasets.layout import Table
from bench.datasets.layouts.table_file import TableFile
from bench.datasets.listing import refuse_control_characters
from bench.errors import UserError, cut

LABELS = {"positive": 1, "difficult": 0, "negative": -1}
"""What a cell can mean, as labels have it."""

KNOWN = {
    **dict.fromkeys(("1", "true", "yes"), LABELS["positive"]),
    **dict.fromkeys(("0", "false", "no", ""), LABELS["negative"]),
}
"""What cells mean where nothing is said. Not -1: some write it for negative, some for uncertain."""
ANSWERS = frozenset({*KNOWN, "-1"})
"""What the cells of a column hold that says whether something is so."""

SAYS_SPLIT = re.compile(
    r"(is[ _-]?)?(train|training|val|valid|validation|test|eval|dev|fold|split)([ _-]?set)?"
)
"""What a column is called that may say of which split an image is."""


def split_notes(columns: Iterable[str], layout: Table) -> tuple[str, ...]:
    """A question on each class whose column may say a split, unless somebody has listed the columns."""
    if isinstance(layout.one_hot, tuple):
        return ()
    return tuple(
        f"the column '{cut(column, 40)}' is a class: if it says of which split an image is, name it as "
        "'split' in the csv section and its cells as the names of the splits, and if not, list the columns "
        "of the classes as 'one_hot'"
        for column in columns
        if SAYS_SPLIT.fullmatch(column.strip().casefold())
    )


def class_columns(table: TableFile, layout: Table) -> tuple[str, ...]:
    """The columns of the classes, in the order of the description or else of the table.

    Raises:
        UserError: one is absent, there twice, or has no name, or there is none.
    """
    columns = layout.one_hot if isinstance(layout.one_hot, tuple) else other_columns(table, layout)
    if not columns:
        raise UserError(
            f"{table.path} has no column of a class; its columns are: {table.listed()}, and each class is to "
            "have one."
        )
    times = Counter(table.columns)
    for column in columns:
        if not column:
            raise UserError(
                f"{table.path}: the column {table.columns.index('', 1) + 1} has no name; name its class, or "
                "list the columns of the classes as 'one_hot' in the csv section."
            )
        refuse_control_characters(column, f"{table.path}, header")
        if times[column] != 1:
            table.require(column, "one_hot")
    return columns


def other_columns(table: TableFile, layout: Table) -> tuple[str, ...]:
    """All columns but those of image and split, and a first one without a name: numbers of rows."""
    named = table.columns[1:] if table.columns[:1] == ("",) else table.columns
    others = {layout.image, *([layout.split] if layout.split else [])}
    return tuple(column for column in named if column not in others)


def looks_one_hot(table: TableFile, columns: Sequence[str]) -> bool:
    """Whether every cell of the columns is one that is known, or -1, and none of them is empty all down."""
    seen: set[str] = set()
    for _, cells in table.rows():
        for column in columns:
            cell = cells.get(column, "")
            if cell not in ANSWERS and plain_cell(cell) not in ANSWERS:
                return False
            if cell:
                seen.add(column)
    return bool(columns) and seen == set(columns)


class Meanings:
    """What the cells of a table mean: what is known, and what the description says."""

    def __init__(self, layout: Table) -> None:
        said = {plain_cell(cell): LABELS[meaning] for cell, meaning in layout.values.items()}
        self._known = {**KNOWN, **said}
        # Where the form was found, nothing can be said of its cells before the form is.
        self._first = "" if layout.one_hot or layout.value else "one_hot: true and "

    def labels(self, cells: Mapping[str, str], columns: Iterable[str], where: str) -> dict[str, int]:
        """The labels of a row that are not negative: 1 positive, 0 difficult.

        Raises:
            UserError: a cell that means nothing; `where` names its file and line.
        """
        found = {}
        for column in columns:
            label = self.label(cells, column, where)
            if label >= 0:
                found[column] = label
        return found

    def label(self, cells: Mapping[str, str], column: str, where: str) -> int:
        """What a cell means; raises as `labels`."""
        label = self._known.get(cells[column])
        return self._label(cells[column], f"{where}, column '{cut(column)}'") if label is None else label

    def _label(self, cell: str, where: str) -> int:
        label = self._known.get(plain_cell(cell))
        if label is None:
            known, shown = ", ".join(cut(name, 20) for name in [*self._known][:20] if name), cut(repr(cell))
            raise UserError(
                f"{where}: {shown} is none of {known} and empty; say what it means, positive, negative or "
                f"difficult (not known), in the csv section, as {self._first}values: {{{shown}: negative}}."
            )
        return label


def plain_cell(cell: str) -> str:
    """A cell without what programs add: capitals, and the decimals that a column with gaps gets."""
    text = cell.strip().casefold()
    number = re.fullmatch(r"([+-]?\d+)\.0*", text)
    return number[1] if number else text
