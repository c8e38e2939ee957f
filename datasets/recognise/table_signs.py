"""How a CSV file of images and labels is told, and how its columns are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.datasets.layout import Table
from bench.datasets.layouts.picture_names import PictureNames
from bench.datasets.layouts.table_file import TableFile, delimiters, open_table
from bench.datasets.layouts.table_header import MEANT
from bench.datasets.recognise.signs import EVERY, Found, files_in, folders_below, pair, relative, split_named
from bench.datasets.recognise.table_columns import (
    WithoutLabelsError,
    labelled_column,
    of_labels,
    repeats,
    separator,
    unused,
    value_column,
)
from bench.datasets.recognise.table_groups import tables_by_split, together
from bench.datasets.recognise.table_pictures import ENDINGS, Images, first_rows, images_of
from bench.datasets.recognise.table_splits import SplitIn, split_in
from bench.errors import UserError, cut

ANSWER_FORMS = "sample_submission"
"""How the names of tables begin in which a contest shows how answers are written, with labels made up."""


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
    labelled = labelled_column(table, others)
    repeated = repeats(table, images.column)
    value = value_column(table, [x for x in others if x != labelled]) if repeated else ""
    others = [x for x in others if x != value]
    split = SplitIn({}, "", {}, "")
    if whole:
        split = split_in(
            table, images.column, [x for x in others if x != labelled], bool(labelled or value), root
        )
    file, folder = relative(table.path, root), relative(images.folder, root)
    fields: dict[str, Any] = {"file": file, "images": folder, "image": images.column}
    fields |= {"nested": True} if images.nested else {}
    rest = [column for column in others if column != split.column]
    layout = Table(image=images.column, split=split.column)
    labels = labelled or of_labels(table, rest, layout, bool(value))
    if labels:
        between = separator(table, labels)
        fields |= {"labels": labels}
        fields |= {"separator": between} if between else {}
        fields |= {"rows": "label"} if value or (repeated and not between) else {}
        fields |= {"value": value} if value else {}
        stands = f" with '{between}' between them" if between else ""
        holds = f" where '{value}' says that they hold" if value else ""
        what = f"labels in '{labels}'{stands}{holds}{unused(rest, labels)}"
    else:
        fields |= {"one_hot": True}
        what = "a column for each class"
    said = f"{file}: '{images.column}' in {folder}, {what}"
    return Found("csv", fields | split.fields, split.splits, f"{said}; {split.said}" if split.said else said)
