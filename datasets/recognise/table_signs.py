"""How a CSV file of images and labels is told, and how its columns are."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.datasets.layout import Table
from bench.datasets.layouts.one_hot import looks_one_hot, other_columns
from bench.datasets.layouts.picture_names import PictureNames
from bench.datasets.layouts.table_file import DELIMITERS, TableFile, open_table
from bench.datasets.layouts.table_header import MEANT
from bench.datasets.recognise.signs import LABELS, Found, files_in, folders_below, relative
from bench.datasets.recognise.table_pictures import ENDINGS, Images, first_rows, images_of
from bench.datasets.recognise.table_splits import split_in
from bench.errors import UserError, cut

SEPARATORS = ("|", ";", ",")
_WORD = r"""\s*(?:"[^"]*"|'[^']*')\s*"""
WRITTEN_LIST = re.compile(rf"[\[({{](?:{_WORD},)*(?:{_WORD})?[\])}}]")
"""A cell as JSON and Python write a list of words, or a set of them."""


class _Seen(NamedTuple):
    """What all rows of a table have.

    Attributes:
        separator: the first of the known ones in the column of the labels; empty where there is none.
        repeated: whether an image has several rows.
    """

    separator: str
    repeated: bool


def csv_tables(root: Path, pattern: str) -> Iterator[Found]:
    """A CSV file, one column of which names pictures that are there."""
    folders = [(folder, PictureNames(folder)) for folder in folders_below(root, 2)]
    for file in files_in(root, pattern, *ENDINGS):
        for delimiter in DELIMITERS:
            table = None
            try:
                table = open_table(file, delimiter, "")
                head = first_rows(table)
            except (UserError, OSError):
                if table is not None and MEANT.intersection(map(str.lower, table.columns)):
                    raise
                continue  # it is something else, or divided by something else
            images = images_of(table, head, folders)
            if images is not None:
                yield _found(table, images, root)
                break


def _found(table: TableFile, images: Images, root: Path) -> Found:
    others = [column for column in table.columns if column and column != images.column]
    labelled = _labelled(others)
    split = split_in(table, images.column, [x for x in others if x != labelled], bool(labelled))
    folder = relative(images.folder, root)
    fields: dict[str, Any] = {"file": table.path.name, "images": folder, "image": images.column}
    rest = [column for column in others if column != split.column]
    labels = labelled or _labels(table, rest, Table(image=images.column, split=split.column))
    seen = _seen(table, images.column, labels)
    if labels:
        fields |= {"labels": labels}
        fields |= {"separator": seen.separator} if seen.separator else {}
        fields |= {"rows": "label"} if seen.repeated and not seen.separator else {}
    else:
        fields |= {"one_hot": True}
    between = f" with '{seen.separator}' between them" if seen.separator else ""
    what = f"labels in '{labels}'{between}" if labels else "a column for each class"
    said = f"{table.path.name}: '{images.column}' in {folder}, {what}; {split.said}"
    return Found("csv", fields | split.fields, split.splits, said)


def _labelled(columns: Sequence[str]) -> str:
    """The column of the labels by its name; empty where there is none."""
    return next((column for name in LABELS for column in columns if column.lower() == name), "")


def _labels(table: TableFile, rest: Sequence[str], layout: Table) -> str:
    """The column of the labels where none is called so; empty where each class has one."""
    if looks_one_hot(table, other_columns(table, layout)):
        return ""
    if len(rest) != 1:
        there = cut(", ".join(rest), 400) or "none"
        raise UserError(
            f"Which column holds the labels cannot be told of {table.path}; those beside "
            f"'{layout.image}' are: {there}."
        )
    return rest[0]


def _seen(table: TableFile, image: str, labels: str) -> _Seen:
    separators: set[str] = set()
    images: set[str] = set()
    lists: list[str] = []
    count = labelled = 0
    for _, cells in table.rows():
        count += 1
        images.add(cells.get(image, ""))
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
    separator = next((one for one in SEPARATORS if one in separators), "")
    return _Seen(separator, len(images) < count)
