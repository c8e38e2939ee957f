"""A CSV file with one line per image: its file, its labels, and its split."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from bench.datasets.layout import ALL, Table
from bench.datasets.listing import Listing, label_matrix, missing_tree, refuse_control_characters
from bench.errors import UserError
from bench.files import open_text
from bench.progress import Progress


class TableRow(NamedTuple):
    """One image of the table."""

    line: int
    image: str
    labels: tuple[str, ...]
    split: str


def find(root: Path, layout: Table) -> Path:
    """The data root itself, which must hold the table and the folder of the images."""
    if not (root / layout.file).is_file():
        raise missing_tree(root, layout, layout.file)
    if not (root / layout.images).is_dir():
        raise UserError(f"{root} has no folder {layout.images} for the images of {layout.file}.")
    return root


def class_names(folder: Path, layout: Table) -> tuple[str, ...]:
    """Every label of the table, also of splits that are not used, in alphabetical order."""
    return tuple(sorted({label for row in _rows(folder / layout.file, layout) for label in row.labels}))


def class_sources(folder: Path, layout: Table) -> tuple[str, ...]:
    """The table."""
    return (layout.file,)


def read(
    folder: Path, layout: Table, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The rows of a split, in the order of the table."""
    path = folder / layout.file
    rows = list(_rows(path, layout))
    chosen = rows if split == ALL else [row for row in rows if row.split == split]
    if not chosen:
        there = ", ".join(sorted({row.split for row in rows})) or "none, the table has no rows"
        raise UserError(f"{path} has no image of the split '{split}'; the splits there are: {there}.")
    column = {name: position for position, name in enumerate(classes)}
    labels = label_matrix(len(chosen), classes)
    for position, row in enumerate(chosen):
        for label in row.labels:
            if label not in column:
                raise UserError(f"{path}, line {row.line}: the label '{label}' is not in the class list.")
            labels[position, column[label]] = 1
    files = tuple((PurePosixPath(layout.images) / row.image).as_posix() for row in chosen)
    return Listing(tuple(row.image for row in chosen), files, labels, (layout.file,))


def _rows(path: Path, layout: Table) -> Iterator[TableRow]:
    """Every row, checked.

    Raises:
        UserError: a column is missing, a row is too short or too long, or an image is named twice; with the
            line.
    """
    wanted = [column for column in (layout.image, layout.labels, layout.split) if column]
    first_line: dict[str, int] = {}
    try:
        with open_text(path, newline="") as file:
            table = csv.DictReader(file, strict=True)
            header = _header(table.fieldnames or (), wanted, path)
            table.fieldnames = header
            for cells in table:
                line = table.line_num
                _refuse_extra_cells(cells, header, path, line)
                empty = [column for column in wanted if cells[column] is None]
                if empty or not cells[layout.image].strip():
                    raise UserError(f"{path}, line {line}: '{(empty or [layout.image])[0]}' is missing.")
                image = cells[layout.image].strip()
                refuse_control_characters(image, f"{path}, line {line}")
                refuse_control_characters(cells[layout.labels].strip(), f"{path}, line {line}")
                if image in first_line:
                    raise UserError(f"{path}, line {line}: image {image} is in line {first_line[image]} too.")
                first_line[image] = line
                labels = (label.strip() for label in cells[layout.labels].split(layout.separator))
                split = cells[layout.split].strip() if layout.split else ""
                yield TableRow(line, image, tuple(label for label in labels if label), split)
    except (ValueError, csv.Error, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} cannot be read as CSV in UTF-8: {error}.") from error


def _header(names: Sequence[str], wanted: list[str], path: Path) -> list[str]:
    """The columns that have a name: what stands in a nameless one at the end is a cell too many."""
    header = list(names)
    while header and not header[-1].strip():
        header.pop()
    for column in wanted:
        if column not in header:
            raise UserError(
                f"{path} has no column '{column}'; its columns are: {', '.join(header) or 'none'}."
            )
        if header.count(column) > 1:
            raise UserError(f"{path} has {header.count(column)} columns '{column}'; only one can be read.")
    return header


def _refuse_extra_cells(cells: Mapping[str, Any], header: Sequence[str], path: Path, line: int) -> None:
    """UserError where a row has more cells than the header: a label would be lost. Empty ones may follow."""
    # The reader keeps what goes beyond the header under None.
    extra: list[str] = cells.get(None, [])  # type: ignore[call-overload]
    if any(cell.strip() for cell in extra):
        raise UserError(
            f"{path}, line {line}: there are {len(header) + len(extra)} cells, but the header names "
            f"{len(header)} columns; put a cell that holds a comma in double quotes, or name the label "
            "separator as 'separator' and put it between the labels of one cell."
        )
