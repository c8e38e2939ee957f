"""Tables that hold their pictures: what `save_to_disk` of Hugging Face's datasets writes, and parquet files.

The pictures are written into the work folder once, as files, because that is how everything else reads them.
What is kept there is named by a hash of what it was made of: a table that has changed is unpacked anew.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.datasets.layout import ALL, HuggingFace
from bench.datasets.layouts.arrow import ArrowTable, checked_name
from bench.datasets.layouts.hugging_face_files import Tables, miscounted, tables_of
from bench.datasets.layouts.walk import kind_of
from bench.datasets.listing import Listing, label_matrix, missing_tree
from bench.errors import UserError, cut
from bench.files import read_json, temporary_folder, write_text
from bench.progress import Progress
from bench.settings import work_folder

# Raised when what is kept or refused changes, so that older tables are unpacked again.
VERSION = 4
ROWS, PICTURES = "rows.json", "pictures"
FACTOR, ALLOWANCE, LEAST = 20, 1 << 20, 1 << 10
"""Pictures hardly pack: all of them may have so many times the bytes of the tables, and so many more. Each
counts for so many at least, lest a small table have millions of rows."""


def find(root: Path, layout: HuggingFace) -> Path:
    """The data root itself, which must hold the folder or file."""
    if kind_of(root / layout.data) not in ("file", "folder"):
        raise missing_tree(root, layout, layout.data)
    tables_of(root, layout)
    return root


def unpack(folder: Path, layout: HuggingFace, progress: Progress | None) -> Path:
    """The folder with the pictures as files and what the tables say of them; made where it is not there yet.

    Args:
        folder: of the data set.
        layout: where the tables are in it, and what their columns are called.
        progress: called with megabytes read and in all.

    Raises:
        UserError: pyarrow is not installed; or a table is damaged, lacks a column, or a row has no picture or
            no label that can be read, with the row.
    """
    tables = tables_of(folder, layout)
    states = [(split, path, path.stat()) for split, paths in tables.items() for path in paths]
    size = sum(status.st_size for _, _, status in states)
    stamps = [(split, str(path), status.st_size, status.st_mtime_ns) for split, path, status in states]
    made_of = repr((VERSION, os.path.realpath(folder), layout, stamps))
    place = work_folder().absolute() / "unpacked" / hashlib.sha256(made_of.encode()).hexdigest()[:16]
    if _kept(place) is not None:
        return place
    with temporary_folder(place.parent, place.name) as temporary:
        (temporary / PICTURES).mkdir()
        rows = _Unpacking(temporary, layout, size, progress).all(tables)
        write_text(temporary / ROWS, json.dumps(rows))
        if _kept(place) is None:  # else another process was quicker
            shutil.rmtree(place, ignore_errors=True)  # damaged
            temporary.replace(place)
    return place


def class_names(folder: Path, layout: HuggingFace) -> tuple[str, ...]:
    """The names that the tables number, in their order; alphabetical where labels are text."""
    return tuple(_rows(folder)["classes"])


def class_sources(folder: Path, layout: HuggingFace) -> tuple[str, ...]:
    """What was unpacked."""
    return (ROWS,)


def split_names(folder: Path, layout: HuggingFace) -> tuple[str, ...]:
    """The splits that the data names itself."""
    return tuple(split for split in tables_of(folder, layout) if split != ALL)


def read_as(folder: Path, layout: HuggingFace) -> tuple[str, ...]:
    """Where the pictures were written to."""
    splits = {name: len(rows) for name, rows in _rows(folder)["splits"].items()}
    counts = ", ".join(
        f"{rows} rows" if name == ALL else f"{rows} rows of {name}" for name, rows in splits.items()
    )
    return (f"the tables in {layout.data} ({counts}) were unpacked into {folder}",)


def first_table(folder: Path, layout: HuggingFace) -> ArrowTable:
    """One of the tables, which all have the same columns.

    Raises:
        UserError: as `unpack`.
    """
    return ArrowTable(next(iter(tables_of(folder, layout).values()))[0])


def read(
    folder: Path, layout: HuggingFace, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The rows of a split in their order; an image goes by its split and the number of its row, from 0."""
    kept_rows = _rows(folder)
    kept = kept_rows["splits"]
    if split != ALL and split not in kept:
        there = ", ".join(name for name in kept if name != ALL) or "none, so have them drawn"
        raise UserError(f"{layout.data} has no split '{split}'; those that it has are: {there}.")
    column = {name: position for position, name in enumerate(classes)}
    chosen = kept if split == ALL else {split: kept[split]}
    rows = [(name, number, *row) for name, of_split in chosen.items() for number, row in enumerate(of_split)]
    labels = label_matrix(len(rows), classes)
    for position, (name, number, _, found) in enumerate(rows):
        for label in found:
            if label not in column:
                raise UserError(
                    f"{layout.data}, {_row(name, number)}: the label '{label}' is not in the class list."
                )
            labels[position, column[label]] = 1
    ids = tuple(f"{number}" if name == ALL else f"{name}/{number}" for name, number, *_ in rows)
    files = tuple(f"{PICTURES}/{picture}" for _, _, picture, _ in rows)
    # Where the splits are drawn, all of those that the tables name are used.
    splits = {} if split == ALL else {name: len(of_split) for name, of_split in kept.items()}
    return Listing(ids, files, labels, (ROWS,), notes=tuple(kept_rows["notes"]), splits=splits)


def _row(split: str, number: int) -> str:
    return f"row {number}" if split == ALL else f"row {number} of {split}"


def _kept(place: Path) -> dict[str, Any] | None:
    """What the tables say, as it was kept; None where it is not, or damaged."""
    try:
        rows = read_json(place / ROWS)
        kinds = {"classes": list, "splits": dict, "notes": list}
        return rows if all(isinstance(rows[name], kind) for name, kind in kinds.items()) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _rows(place: Path) -> dict[str, Any]:
    kept = _kept(place)
    if kept is None:
        raise UserError(f"{place} was changed while it was read; run the command again.")
    return kept


class _Unpacking:
    """Writes the pictures of tables as files, and notes each with its labels.

    Args:
        folder: where to.
        layout: what the columns are called.
        size: bytes of all tables.
        progress: called with megabytes.
    """

    def __init__(self, folder: Path, layout: HuggingFace, size: int, progress: Progress | None) -> None:
        self._folder, self._layout, self._size, self._progress = folder, layout, size, progress
        self._taken = 0
        # None: the labels are text.
        self._numbered: tuple[str, ...] | None = None
        # Whether every row so far may be a 0 or 1 for each class.
        self._vectors = True

    def all(self, tables: Tables) -> dict[str, Any]:
        """What is kept: the classes, and for each split the picture and the labels of every row."""
        splits = {}
        for number, (split, paths) in enumerate(tables.items()):
            rows: list[tuple[str, list[str]]] = []
            for path in paths:
                table = ArrowTable(path)
                names = table.class_names(self._layout.labels)
                if number == 0 and not rows:
                    self._numbered = names
                elif names != self._numbered:
                    raise UserError(f"{path} numbers other classes than the tables before; save them alike.")
                for image, labels in table.rows(self._layout.image, self._layout.labels):
                    where = f"{path}, {_row(split, len(rows))}"
                    rows.append((self._picture(image, where), self._labels(labels, where)))
            splits[split] = rows
        self._refuse_vectors(next(iter(tables.values()))[0], any(splits.values()))
        used = {label for rows in splits.values() for _, labels in rows for label in labels}
        return {
            "classes": self._numbered or sorted(used),
            "splits": splits,
            "notes": miscounted(tables),
        }

    def _picture(self, given: Any, where: str) -> str:
        """The name of the file that now holds a picture."""
        content = given.get("bytes") if isinstance(given, Mapping) else given
        if not isinstance(content, bytes):
            outside = given.get("path") if isinstance(given, Mapping) else None
            reason = (
                f"names the file {cut(repr(outside))} instead of holding it" if outside else "has no picture"
            )
            raise UserError(f"{where}: '{self._layout.image}' {reason}; save the data set with its pictures.")
        self._taken += max(len(content), LEAST)
        if self._taken > FACTOR * self._size + ALLOWANCE:
            raise UserError(f"{where}: the pictures have more bytes than tables of {self._size} should hold.")
        name = hashlib.sha256(content).hexdigest()[:32]
        path = self._folder / PICTURES / name
        if not path.exists():
            path.write_bytes(content)
        if self._progress is not None:
            self._progress(min(self._taken, self._size) >> 20, self._size >> 20)
        return name

    def _labels(self, given: Any, where: str) -> list[str]:
        values = given if isinstance(given, list) else [given]
        self._refuse_vector(values, where)
        names = list(dict.fromkeys(self._label(value, where) for value in values))
        is_vector = isinstance(given, list) and len(values) == len(self._numbered or ())
        self._vectors &= is_vector and set(values) <= {0, 1}
        return names

    def _refuse_vectors(self, path: Path, has_rows: bool) -> None:
        """UserError where every row may be a 0 or 1 for each class: of two classes none is named twice."""
        if self._numbered is not None and has_rows and self._vectors:
            raise UserError(
                f"{path}: '{self._layout.labels}' has as many numbers in every row as there are classes, and "
                "0 and 1 alone, which may be a 0 or 1 for each class; save the numbers of the classes that "
                "an image has, and of one that has none an empty list."
            )

    def _refuse_vector(self, values: list[Any], where: str) -> None:
        """UserError where a row names a class twice, as a 0 or 1 for each of three classes or more does."""
        numbers = [value for value in values if type(value) is int]
        if self._numbered is not None and len(set(numbers)) < len(numbers):
            raise UserError(
                f"{where}: '{self._layout.labels}' is {cut(repr(values))}, which has a number several times; "
                "save the numbers of its classes, each once, and not a 0 or 1 for each class."
            )

    def _label(self, value: Any, where: str) -> str:
        column = self._layout.labels
        if type(value) is int and self._numbered is not None:
            if not 0 <= value < len(self._numbered):
                raise UserError(
                    f"{where}: {value} in '{column}' is none of the {len(self._numbered)} classes."
                )
            return self._numbered[value]
        if isinstance(value, str) and self._numbered is None:
            return checked_name(value, f"{where}: '{column}'")
        named = type(value) is int
        reason = (
            "the table does not name its numbers; make it a ClassLabel"
            if named
            else "it takes names or ClassLabels"
        )
        raise UserError(f"{where}: '{column}' is or has {cut(repr(value))}, but {reason}.")
