"""How a CSV file of images and labels is told, and how its columns are."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from bench.datasets.layout import Table
from bench.datasets.layouts.one_hot import looks_one_hot, other_columns
from bench.datasets.layouts.picture_names import PictureNames
from bench.datasets.layouts.table_file import DELIMITERS, TableFile, open_table
from bench.datasets.layouts.walk import kind_of
from bench.datasets.signs import ENOUGH, LABELS, Found, files_in, folders_below, relative, splits_of
from bench.errors import UserError, cut

SPLITS = ("split", "subset", "set", "fold", "partition", "usage")
SEPARATORS = ("|", ";", ",")
MEANT = frozenset({"image", "images", "image_id", "img", "file", "filename", "file_name"})
"""Columns that only a table of images has: what is wrong with one is said."""
IMAGES = MEANT | {"imageid", "id", "name", "path", "photo"}
"""What columns are called whose cells may be names without suffix: other numbers may look like these."""


class _Images(NamedTuple):
    """The column that names the images, and the folder that they are in."""

    column: str
    folder: Path


class _Seen(NamedTuple):
    """What all rows of a table have.

    Attributes:
        splits: in the column of the split.
        separator: the first of the known ones in the column of the labels; empty where there is none.
        repeated: whether an image has several rows.
    """

    splits: list[str]
    separator: str
    repeated: bool


def csv_tables(root: Path, pattern: str) -> Iterator[Found]:
    """A CSV file, one column of which names pictures that are there."""
    folders = [(folder, PictureNames(folder)) for folder in folders_below(root, 2)]
    for file in files_in(root, pattern, ".csv", ".csv.gz", ".tsv"):
        for delimiter in DELIMITERS:
            table = None
            try:
                table = open_table(file, delimiter, "")
                images = _images(table, folders)
            except (UserError, OSError):
                if table is not None and MEANT.intersection(map(str.lower, table.columns)):
                    raise
                continue  # it is something else, or divided by something else
            if images is not None:
                yield _found(table, images, root)
                break


def _images(table: TableFile, folders: Sequence[tuple[Path, PictureNames]]) -> _Images | None:
    """The column whose first cells name pictures; one that names them with their suffix is preferred."""
    head = [cells for _, cells in islice(table.rows(), ENOUGH)]
    for whole in (True, False):
        for column in table.columns if whole else [name for name in table.columns if name.lower() in IMAGES]:
            names = [cells[column] for cells in head if cells.get(column)]
            inner = [
                name
                for name in names
                if not PurePosixPath(name).is_absolute() and ".." not in name.split("/")
            ]
            for folder, pictures in folders:
                meant = (name if whole else pictures.candidates(name)[0] for name in inner)
                if any(kind_of(folder / name) == "file" for name in meant):
                    return _Images(column, folder)
    return None


def _found(table: TableFile, images: _Images, root: Path) -> Found:
    others = [column for column in table.columns if column and column != images.column]
    split = next((column for column in others if column.lower() in SPLITS), "")
    folder = relative(images.folder, root)
    fields: dict[str, Any] = {"file": table.path.name, "images": folder, "image": images.column}
    labels = _labels(
        table, [column for column in others if column != split], Table(image=images.column, split=split)
    )
    seen = _seen(table, images.column, labels, split)
    if labels:
        fields |= {"labels": labels}
        fields |= {"separator": seen.separator} if seen.separator else {}
        fields |= {"rows": "label"} if seen.repeated and not seen.separator else {}
    else:
        fields |= {"one_hot": True}
    splits, said = splits_of(seen.splits)
    if split and "eval" not in splits:
        there = cut(", ".join(seen.splits), 400)
        raise UserError(
            f"Which split to train on cannot be told of {table.path}: its column '{split}' has {there}."
        )
    fields |= {"split": split} if split else {}
    between = f" with '{seen.separator}' between them" if seen.separator else ""
    what = f"labels in '{labels}'{between}" if labels else "a column for each class"
    return Found("csv", fields, splits, f"{table.path.name}: '{images.column}' in {folder}, {what}; {said}")


def _labels(table: TableFile, rest: Sequence[str], layout: Table) -> str:
    """The column of the labels; empty where each class has one."""
    named = [column for name in LABELS for column in rest if column.lower() == name]
    if named:
        return named[0]
    if looks_one_hot(table, other_columns(table, layout)):
        return ""
    if len(rest) != 1:
        there = cut(", ".join(rest), 400) or "none"
        raise UserError(
            f"Which column holds the labels cannot be told of {table.path}; those beside "
            f"'{layout.image}' are: {there}."
        )
    return rest[0]


def _seen(table: TableFile, image: str, labels: str, split: str) -> _Seen:
    splits: set[str] = set()
    separators: set[str] = set()
    images: set[str] = set()
    count = 0
    for _, cells in table.rows():
        count += 1
        images.add(cells.get(image, ""))
        splits.add(cells.get(split, ""))
        separators |= {one for one in SEPARATORS if one in cells.get(labels, "")}
    separator = next((one for one in SEPARATORS if one in separators), "")
    return _Seen(sorted(splits) if split else [], separator, len(images) < count)
