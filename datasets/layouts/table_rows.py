"""The rows of the tables of a data set of one's own: checked, and joined to one for each image."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bench.datasets.layout import Table
from bench.datasets.layouts.one_hot import LABELS, Meanings
from bench.datasets.layouts.picture_names import PictureNames
from bench.datasets.layouts.table_form import Form
from bench.datasets.layouts.table_lists import bare
from bench.datasets.listing import refuse_control_characters
from bench.errors import UserError, cut


class TableRow(NamedTuple):
    """One image of a table, or one label of it.

    Attributes:
        form: the table.
        line: where it stands.
        name: of the image's file in its folder, perhaps without suffix.
        labels: 1 positive or 0 difficult, by class; -1 negative only where the row says so of its label.
        split: its split; empty where they are made here.
    """

    form: Form
    line: int
    name: str
    labels: dict[str, int]
    split: str

    @property
    def image(self) -> str:
        """The id of the image."""
        return self.form.before + self.name

    @property
    def path(self) -> Path:
        """The file of the table."""
        return self.form.table.path

    def place(self, other: "TableRow") -> str:
        """Where it stands, for a message that has named the place of another row."""
        return f"line {self.line}" if self.path == other.path else f"{self.path}, line {self.line}"


def rows_of(forms: Iterable[Form], layout: Table) -> Iterator[TableRow]:
    """Every row of some tables, checked.

    Raises:
        UserError: a cell is missing or means nothing, or a row is too long, with the line; or there is none.
    """
    for form in forms:
        empty = True
        for row in _rows(form, layout):
            empty = False
            yield row
        if empty:
            raise UserError(f"{form.table.path} has a header and no rows: an image takes a row.")


def _rows(form: Form, layout: Table) -> Iterator[TableRow]:
    beside = [column for column in (layout.split, layout.value) if column]
    wanted = [layout.image, *(form.classes or [layout.labels]), *beside]
    meanings = Meanings(layout)
    for line, cells in form.table.rows():
        where = f"{form.table.path}, line {line}"
        empty = [column for column in wanted if column not in cells]
        if empty or not cells[layout.image]:
            raise UserError(f"{where}: '{(empty or [layout.image])[0]}' is missing.")
        image = cells[layout.image]
        split = form.part.split or _split_of(image, cells, form, layout, where)
        refuse_control_characters(image, where)
        refuse_control_characters(split, where)
        if form.classes is not None:
            labels = meanings.labels(cells, form.classes, where)
        else:
            refuse_control_characters(cells[layout.labels], where)
            named = (label.strip() for label in cells[layout.labels].split(layout.separator))
            holds = meanings.label(cells, layout.value, where) if layout.value else LABELS["positive"]
            labels = {label: holds for label in named if label}
        yield TableRow(form, line, image, labels, split)


def _split_of(image: str, cells: Mapping[str, str], form: Form, layout: Table, where: str) -> str:
    """The split that a column, a list or the name of an image says; empty where none does."""
    if layout.split:
        return cells[layout.split]
    if layout.lists:
        return form.listed.get(bare(image), "")
    return _split_by_folder(image, layout, where)


def _split_by_folder(image: str, layout: Table, where: str) -> str:
    """The split that the name of an image says; empty where none is to be said."""
    if not layout.split_folder:
        return ""
    folders = PurePosixPath(image).parts[:-1]
    if layout.split_folder > len(folders):
        raise UserError(
            f"{where}: image {cut(image)} has {len(folders)} folders in its name, and number "
            f"{layout.split_folder} is to be its split, as split_folder in the csv section says."
        )
    return folders[layout.split_folder - 1]


def of_classes(rows: Iterable[TableRow], classes: Sequence[str]) -> Iterator[TableRow]:
    """The rows, every label of which is in the class list."""
    known = set(classes)
    for row in rows:
        for label in row.labels:
            if label not in known:
                raise UserError(f"{row.path}, line {row.line}: the label '{label}' is not in the class list.")
        yield row


def joined(rows: Iterable[TableRow], layout: Table, by_label: bool) -> list[TableRow]:
    """One row for each image, with the line where it stands first.

    Args:
        rows: those of all tables.
        layout: what is said of them.
        by_label: whether a row may have been meant as one label of its image.

    Raises:
        UserError: an image has several rows, where they are not to be joined, are of different splits, or say
            different things of a label.
    """
    images: dict[str, TableRow] = {}
    for row in rows:
        first = images.setdefault(row.image, row)
        if first is not row:
            _join(first, row, layout, by_label)
    return list(images.values())


def _join(first: TableRow, row: TableRow, layout: Table, by_label: bool) -> None:
    where = f"{row.path}, line {row.line}: image {row.image}"
    if first.path == row.path and layout.rows == "image":
        hint = "; if a row has one of its labels, say rows: label in the csv section" if by_label else ""
        raise UserError(f"{where} is in line {first.line} too{hint}.")
    if first.split != row.split:
        raise UserError(
            f"{where} is of the split '{row.split}', but of '{first.split}' in {first.place(row)}; give it "
            "the same one in all its lines."
        )
    for label, holds in row.labels.items():
        if first.labels.setdefault(label, holds) != holds:
            raise UserError(
                f"{where} has the label {cut(repr(label))}, of which '{layout.value}' says something else in "
                "an earlier line; leave one of them."
            )


def files_of(rows: Iterable[TableRow], pictures: PictureNames, nested: bool) -> dict[str, list[str]]:
    """The files that each image may be, relative to the data set's folder.

    Args:
        rows: one for each image.
        pictures: what there is.
        nested: whether they may lie below the folder of the images, and not in it.

    Raises:
        UserError: two images are one file.
    """
    found: dict[str, list[str]] = {}
    first: dict[str, TableRow] = {}
    for row in rows:
        images = PurePosixPath(row.form.part.images)
        files = pictures.below(images, row.name) if nested else []
        files = files or pictures.candidates((images / row.name).as_posix())
        other = first.setdefault(files[0], row)
        if other is not row:
            raise UserError(
                f"{row.path}, line {row.line}: image {row.image} is the file {files[0]}, as {other.image} of "
                f"{other.place(row)} is; an image may stand there once."
            )
        found[row.image] = files
    return found
