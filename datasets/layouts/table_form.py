"""The tables of a data set of one's own, one for all or one for each split, and where their labels stand."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bench.datasets.layout import Table, TablePart
from bench.datasets.layouts.one_hot import class_columns, looks_one_hot, other_columns
from bench.datasets.layouts.table_file import TableFile, open_table
from bench.datasets.layouts.table_header import require_header
from bench.datasets.layouts.table_lists import listed_in
from bench.errors import UserError, cut


class Form(NamedTuple):
    """A table and where its labels stand.

    Attributes:
        part: what the layout says of it.
        table: its header.
        before: what stands before the names of its images in their ids: its folder, where the tables have
            several, which may have files of the same names.
        classes: the columns of its classes; None where one column has the labels.
        listed: the split of each image that the lists of the splits name.
    """

    part: TablePart
    table: TableFile
    before: str
    classes: tuple[str, ...] | None
    listed: Mapping[str, str]


def forms_of(folder: Path, layout: Table) -> list[Form]:
    """For each table what divides its cells, and whether every class has a column.

    Raises:
        UserError: a column is missing or there twice, or there is no header.
    """
    parts = layout.parts()
    has_folders = len({part.images for part in parts}) > 1
    listed = listed_in(folder, layout.lists)
    return [
        Form(
            part,
            table := _table(folder, layout, part),
            f"{PurePosixPath(part.images)}/" if has_folders else "",
            _classes(table, layout),
            listed,
        )
        for part in parts
    ]


def _table(folder: Path, layout: Table, part: TablePart) -> TableFile:
    table = open_table(folder / part.file, layout.delimiter, layout.image)
    named = [layout.image] if layout.image in table.columns else table.columns
    require_header(table, named, folder / part.images)
    table.require(layout.image, "image")
    if layout.split:
        table.require(layout.split, "split")
    if layout.value:
        table.require(layout.value, "value")
    return table


def _classes(table: TableFile, layout: Table) -> tuple[str, ...] | None:
    """The columns of the classes; None where one column has the labels."""
    if layout.one_hot or (
        layout.one_hot is None
        and layout.labels not in table.columns
        # Whoever says where the labels are is told that they are not there.
        and (layout.labels, layout.separator, layout.rows) == (Table.labels, Table.separator, Table.rows)
        and looks_one_hot(table, other_columns(table, layout))
    ):
        return class_columns(table, layout)
    table.require(layout.labels, "labels", ", or say one_hot: true if every class has a column of 0 and 1")
    return None


def refuse_other_classes(form: Form, classes: Sequence[str]) -> None:
    """UserError where the columns of the classes are not those of the class list."""
    if form.classes is None:
        return
    there, known = set(form.classes), set(classes)
    absent = [name for name in classes if name not in there]
    if absent:
        raise UserError(
            f"{form.table.path} has no column {cut(repr(absent[0]))} of the class list; its columns are: "
            f"{form.table.listed()}."
        )
    unknown = [name for name in form.classes if name not in known]
    if unknown:
        raise UserError(
            f"{form.table.path}: the column {cut(repr(unknown[0]))} is not in the class list; take it in, "
            "or list the columns of the classes as 'one_hot' in the csv section."
        )
