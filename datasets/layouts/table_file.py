"""The cells of a CSV file: what stands between them, its header, and its rows with their lines."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bench.errors import UserError, cut
from bench.files import open_text

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab"}
"""What is looked for between the cells where nothing is said, and how it is called."""
_SAID = re.compile(r'"?sep=([^"\r\n])"?\s*', re.IGNORECASE)
"""A first line that says it, as Excel writes and reads it."""
_DAMAGE = (ValueError, csv.Error, EOFError, gzip.BadGzipFile, zlib.error)
"""What is raised of a file that is no CSV in UTF-8."""


@dataclass(frozen=True)
class TableFile:
    """A CSV file whose header was read.

    Attributes:
        path: the file.
        delimiter: what stands between two cells.
        columns: their names, stripped, without nameless ones at the end.
    """

    path: Path
    delimiter: str
    columns: tuple[str, ...]

    def require(self, column: str, option: str, otherwise: str = "") -> None:
        """UserError unless there is exactly one column of that name.

        Args:
            column: its name.
            option: what names it in the description.
            otherwise: what else can be done where it is absent.
        """
        called = cut(repr(column))
        if column not in self.columns:
            # All in one cell: perhaps it is divided by something else.
            divided = "" if len(self.columns) > 1 else ", or what stands between its cells as 'delimiter',"
            raise UserError(
                f"{self.path} has no column {called}; its columns are: {self.listed()}; name it as "
                f"'{option}'{divided} in the csv section{otherwise}."
            )
        if self.columns.count(column) > 1:
            raise UserError(
                f"{self.path} has {self.columns.count(column)} columns {called}; only one can be read."
            )

    def listed(self) -> str:
        """The columns, for a message."""
        shown = (column if column.isprintable() else repr(column) for column in self.columns)
        return cut(", ".join(shown), 400) or "none"

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """The line and the stripped cells by column of every row that is not blank.

        A row that is too short lacks its last columns.

        Raises:
            UserError: it is no CSV in UTF-8, or a row has more cells than the header.
        """
        with _reading(self.path):
            rows = _filled(self.path, self.delimiter)
            next(rows, None)
            for line, cells in rows:
                self._refuse_extra_cells(cells, line)
                yield line, dict(zip(self.columns, cells, strict=False))

    def _refuse_extra_cells(self, cells: list[str], line: int) -> None:
        """A label would be lost. Empty cells may follow."""
        if any(cells[len(self.columns) :]):
            raise UserError(
                f"{self.path}, line {line}: there are {len(cells)} cells, but the header names "
                f"{len(self.columns)} columns; put a cell that holds {called(self.delimiter)} in double "
                "quotes, or name the label separator as 'separator' and put it between the labels of one "
                "cell."
            )


def called(delimiter: str) -> str:
    """A delimiter in words."""
    return DELIMITERS.get(delimiter, repr(delimiter))


def delimiters(path: Path) -> tuple[str, ...]:
    """What may stand between the cells of a file: what its first line says, or else what is looked for."""
    with suppress(*_DAMAGE, OSError), open_text(path, newline="") as file:  # told where it is read
        said = _SAID.fullmatch(file.readline(20))
        if said is not None:
            return (said[1],)
    return tuple(DELIMITERS)


def open_table(path: Path, delimiter: str, image: str) -> TableFile:
    """Read the header of a CSV file.

    Args:
        path: the file; `.gz` is unpacked.
        delimiter: what stands between two cells; empty where the file is to tell, by a first line
            or by its header.
        image: the column that there must be. Where the header has several cells, it is one of them under
            one delimiter alone.

    Raises:
        UserError: it is no CSV in UTF-8, or cannot be told.
    """
    headers: dict[str, tuple[str, ...]] = {}
    failed: csv.Error | None = None
    with _reading(path):
        for one in [delimiter] if delimiter else delimiters(path):
            try:
                headers[one] = _header(path, one)
            except csv.Error as error:  # quotes that something else stands behind, or that are never closed
                failed = failed or error
        if failed is not None and not any(image in names or len(names) > 1 for names in headers.values()):
            raise failed
    found = delimiter or _delimiter(headers, image, path)
    return TableFile(path, found, headers[found])


def _delimiter(headers: dict[str, tuple[str, ...]], image: str, path: Path) -> str:
    for one, names in headers.items():
        if image in names:
            return one
    dividing = [one for one, names in headers.items() if len(names) > 1]
    if len(dividing) > 1:
        either = " or ".join(called(one) for one in dividing)
        raise UserError(
            f"{path} has no column {cut(repr(image))}, whether {either} stands between its cells; name the "
            "column of the images as 'image', or what stands there as 'delimiter', in the csv section."
        )
    return dividing[0] if dividing else next(iter(headers))


def _header(path: Path, delimiter: str) -> tuple[str, ...]:
    """The columns that have a name: what stands in a nameless one at the end is a cell too many."""
    _, names = next(_filled(path, delimiter), (0, []))
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _filled(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The line and the stripped cells of every row that has one: spreadsheets write rows of empty ones."""
    with open_text(path, newline="") as file:
        head = file.readline()
        # What says the delimiter is no row, but a line.
        lines = chain(["\n" if _SAID.fullmatch(head) else head], file)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        first = 1
        try:
            for row in reader:
                cells = [cell.strip() for cell in row]
                if any(cells):
                    yield reader.line_num, cells
                first = reader.line_num + 1
        except csv.Error as error:  # a quote that is never closed shows at the end of the file
            raise csv.Error(f"{error}, in the row that begins in line {first}") from error


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        how = "; save it as UTF-8" if isinstance(error, UnicodeDecodeError) else ""
        raise UserError(f"{path} cannot be read as CSV in UTF-8: {error}{how}.") from error
