"""What the column of the images is called: where as a picture, it is the first row, which would be lost."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path, PurePosixPath

from bench.datasets.layouts.table_file import TableFile
from bench.datasets.layouts.walk import kind_of
from bench.datasets.pictures.read import SUFFIXES
from bench.errors import UserError, cut

MEANT = frozenset(
    (
        *("image", "images", "image_id", "image_name", "imagename", "image_file", "image_path"),
        *("img", "img_id", "img_name", "img_path", "file", "filename", "file_name"),
    )
)
"""Columns that only a table of images has: what is wrong with one is said."""
IMAGES = MEANT | {"imageid", "id", "name", "path", "photo"}
"""What columns are called whose cells may be names without suffix: other numbers may look like these."""

ENOUGH = 5
"""Rows that are looked at."""


def is_picture(name: str) -> bool:
    """Whether a name ends as those of pictures do."""
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def require_header(table: TableFile, columns: Iterable[str], folder: Path) -> None:
    """UserError where one of some columns is called as a picture.

    Args:
        table: the table.
        columns: those that may name pictures.
        folder: that of the pictures.
    """
    between = " [tab] " if table.delimiter == "\t" else table.delimiter
    for column in columns:
        if is_picture(column) or _is_a_stem(table, column, folder):
            raise UserError(
                f"{table.path}: its first row, {cut(', '.join(table.columns))}, names a picture, "
                f"{cut(column)}: write a header such as image{between}labels above it."
            )


def _is_a_stem(table: TableFile, column: str, folder: Path) -> bool:
    """Whether a column is called as a picture without its suffix, as its first cells are.

    A table with a header has a cell for that picture too.
    """
    if not column or column.lower() in IMAGES or not _is_there(folder, column):
        return False
    first = [cells.get(column, "") for _, cells in islice(table.rows(), ENOUGH)]
    named = (cell for _, cells in table.rows() for cell in cells.values())
    are_pictures = bool(first) and all(_is_there(folder, name) for name in first)
    return are_pictures and not any(column in (cell, PurePosixPath(cell).stem) for cell in named)


def _is_there(folder: Path, name: str) -> bool:
    """Whether a folder has a picture of a name without suffix; it is not listed, which may take long."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts:
        return False
    endings = (end for suffix in SUFFIXES for end in (suffix, suffix.upper()))
    return any(kind_of(folder / f"{name}{end}") == "file" for end in endings)
