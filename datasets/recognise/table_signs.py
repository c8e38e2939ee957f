"""How a CSV file of images and labels is told, and how its columns are."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.datasets.layout import Table
from bench.datasets.layouts.one_hot import ANSWERS, looks_one_hot, other_columns
from bench.datasets.layouts.picture_names import PictureNames
from bench.datasets.layouts.table_file import TableFile, delimiters, open_table
from bench.datasets.layouts.table_header import MEANT
from bench.datasets.layouts.table_values import HOLD, answering, is_value
from bench.datasets.recognise.signs import EVERY, LABELS, Found, files_in, folders_below, pair, relative
from bench.datasets.recognise.table_groups import split_named, tables_by_split, together
from bench.datasets.recognise.table_pictures import ENDINGS, Images, first_rows, images_of
from bench.datasets.recognise.table_splits import SplitIn, split_in
from bench.errors import UserError, cut

SEPARATORS = ("|", ";", ",")
_WORD = r"""\s*(?:"[^"]*"|'[^']*')\s*"""
WRITTEN_LIST = re.compile(rf"[\[({{](?:{_WORD},)*(?:{_WORD})?[\])}}]")
"""A cell as JSON and Python write a list of words, or a set of them."""
ANSWER_FORMS = "sample_submission"
"""How the names of tables begin in which a contest shows how answers are written, with labels made up."""


class WithoutLabelsError(UserError):
    """A table names pictures and holds nothing else, as that of a contest's test pictures."""


def csv_tables(root: Path, pattern: str) -> Iterator[Found]:
    """A CSV file, one column of which names pictures that are there, or such a file for each split."""
    folders = [(folder, PictureNames(folder)) for folder in folders_below(root, 2)]
    groups = tables_by_split(root)
    grouped: set[Path] = set()
    unlabelled: dict[Path, WithoutLabelsError] = {}

    def labelled(file: Path, whole: bool) -> Found | None:
        try:
            return _table(file, folders, whole)
        except WithoutLabelsError as error:
            unlabelled[file] = error
            return None

    found = []
    for files in groups if pattern == EVERY else ():
        tables = {split: one for split, file in files.items() if (one := labelled(file, whole=False))}
        if pair(tables):
            grouped.update(files.values())
            found.append(_not_used(together(tables), [files[x] for x in files if x not in tables], root))
    for file in files_in(root, pattern, *ENDINGS):
        form = pattern == EVERY and file.name.lower().startswith(ANSWER_FORMS)
        known = form or file in grouped or file in unlabelled
        one = None if known else labelled(file, whole=True)
        if one is not None:
            others = [other for files in groups if file in files.values() for other in files.values()]
            found.append(_not_used(one, [other for other in others if other != file], root))
    if unlabelled and not found:
        raise next(iter(unlabelled.values()))
    yield from found


def _not_used(found: Found, files: Sequence[Path], root: Path) -> Found:
    """With the tables said that another one would have been a split of."""
    names = cut(", ".join(relative(file, root) for file in files), 200)
    return found._replace(seen=f"{found.seen}; not used: {names}") if names else found


def _table(file: Path, folders: Sequence[tuple[Path, PictureNames]], whole: bool) -> Found | None:
    """What is told of a CSV file that holds the whole data set, or a split of it; None if it is no table."""
    root = folders[0][0]
    for delimiter in delimiters(file):
        table = None
        try:
            table = open_table(file, delimiter, "")
            head = first_rows(table)
        except (UserError, OSError):
            if table is not None and MEANT.intersection(map(str.lower, table.columns)):
                raise
            continue  # it is something else, or divided by something else
        images = images_of(table, head, folders, split_named(file, root))
        if images is not None:
            return _found(table, images, root, whole)
    return None


def _found(table: TableFile, images: Images, root: Path, whole: bool) -> Found:
    others = [column for column in table.columns if column and column != images.column]
    labelled = _labelled(others)
    repeated = _repeats(table, images.column)
    value = _value(table, [x for x in others if x != labelled]) if repeated else ""
    others = [x for x in others if x != value]
    split = SplitIn({}, "", {}, "")
    if whole:
        split = split_in(table, images.column, [x for x in others if x != labelled], bool(labelled or value))
    file, folder = relative(table.path, root), relative(images.folder, root)
    fields: dict[str, Any] = {"file": file, "images": folder, "image": images.column}
    rest = [column for column in others if column != split.column]
    labels = labelled or _labels(table, rest, Table(image=images.column, split=split.column), bool(value))
    if labels:
        separator = _separator(table, labels)
        fields |= {"labels": labels}
        fields |= {"separator": separator} if separator else {}
        fields |= {"rows": "label"} if value or (repeated and not separator) else {}
        fields |= {"value": value} if value else {}
        between = f" with '{separator}' between them" if separator else ""
        holds = f" where '{value}' says that they hold" if value else ""
        what = f"labels in '{labels}'{between}{holds}{_unused(rest, labels)}"
    else:
        fields |= {"one_hot": True}
        what = "a column for each class"
    said = f"{file}: '{images.column}' in {folder}, {what}"
    return Found("csv", fields | split.fields, split.splits, f"{said}; {split.said}" if split.said else said)


def _unused(columns: Sequence[str], labels: str) -> str:
    """The columns beside that of the labels, for a person."""
    names = ", ".join(f"'{cut(column, 40)}'" for column in columns if column != labels)
    return f" (not used: {cut(names, 400)})" if names else ""


def _value(table: TableFile, columns: Sequence[str]) -> str:
    """The only column that says by its name and its cells whether the label of a row holds; else empty.

    Where there may be another, the reader of the table asks.
    """
    found = answering(table, [column for column in columns if is_value(column)])
    telling = [column for column, cells in found.items() if cells <= ANSWERS and not cells <= HOLD]
    return telling[0] if len(telling) == 1 else ""


def _labelled(columns: Sequence[str]) -> str:
    """The column of the labels by its name; empty where there is none."""
    return next((column for name in LABELS for column in columns if column.lower() == name), "")


def _labels(table: TableFile, rest: Sequence[str], layout: Table, valued: bool) -> str:
    """The column of the labels where none is called so; empty where each class has one."""
    if not valued and looks_one_hot(table, other_columns(table, layout)):
        return ""
    if len(rest) != 1:
        refused = UserError if rest else WithoutLabelsError
        there = cut(", ".join(rest), 400) or "none"
        raise refused(
            f"Which column holds the labels cannot be told of {table.path}; those beside "
            f"'{layout.image}' are: {there}."
        )
    return rest[0]


def _repeats(table: TableFile, image: str) -> bool:
    """Whether an image has several rows."""
    seen: set[str] = set()
    for count, (_, cells) in enumerate(table.rows()):
        seen.add(cells.get(image, ""))
        if len(seen) <= count:
            return True
    return False


def _separator(table: TableFile, labels: str) -> str:
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
