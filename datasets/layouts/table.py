"""A CSV file with a row per image, a row per label, or a column per class."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bench.datasets.layout import ALL, Table
from bench.datasets.layouts.one_hot import (
    LABELS,
    Meanings,
    class_columns,
    looks_one_hot,
    other_columns,
    split_notes,
)
from bench.datasets.layouts.picture_names import PictureNames
from bench.datasets.layouts.table_file import TableFile, called, open_table
from bench.datasets.layouts.table_header import require_header
from bench.datasets.layouts.table_values import unread_notes
from bench.datasets.listing import Listing, Problem, label_matrix, missing_tree, refuse_control_characters
from bench.errors import UserError, cut
from bench.progress import Progress


class Form(NamedTuple):
    """A table and where its labels stand.

    Attributes:
        table: its header.
        classes: the columns of its classes; None where one column has the labels.
    """

    table: TableFile
    classes: tuple[str, ...] | None


class TableRow(NamedTuple):
    """One image of the table, or one label of it.

    Attributes:
        line: where it stands.
        image: its id.
        labels: 1 positive or 0 difficult, by class; -1 negative only where the row says so of its label.
        split: its split; empty where they are made here.
    """

    line: int
    image: str
    labels: dict[str, int]
    split: str


def find(root: Path, layout: Table) -> Path:
    """The data root itself, which must hold the table and the folder of the images."""
    if not (root / layout.file).is_file():
        raise missing_tree(root, layout, layout.file)
    if not (root / layout.images).is_dir():
        raise UserError(f"{root} has no folder {layout.images} for the images of {layout.file}.")
    return root


def class_names(folder: Path, layout: Table) -> tuple[str, ...]:
    """The columns of the classes, or every label in alphabetical order, also of splits that are not used."""
    form = _form(folder, layout)
    if form.classes is not None:
        return form.classes
    return tuple(sorted({label for row in _rows(form, layout) for label in row.labels}))


def class_sources(folder: Path, layout: Table) -> tuple[str, ...]:
    """The table."""
    return (layout.file,)


def read_as(folder: Path, layout: Table) -> tuple[str, ...]:
    """How the table is read, for its owner to see."""
    form = _form(folder, layout)
    if form.classes is None:
        what = f"labels in the column {layout.labels!r} with {layout.separator!r} between them"
        rows = "a row per label, those of an image joined" if layout.rows == "label" else "a row per image"
        holds = f", {layout.value!r} says whether it holds" if layout.value else ""
        what = f"{what}, {rows}{holds}"
    elif layout.one_hot:
        what = "a column of 0 and 1 for each class"
    else:
        what = (
            "a column of 0 and 1 for each class (found to be so, as there is no column "
            f"'{layout.labels}'; one_hot: true in the csv section says it)"
        )
    split = f", the split in folder {layout.split_folder} of its name" if layout.split_folder else ""
    return (f"{layout.file}: {called(form.table.delimiter)} between cells, {what}{split}",)


def read(
    folder: Path, layout: Table, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The images of a split, in the order of the table."""
    path = folder / layout.file
    form = _form(folder, layout)
    _refuse_other_classes(form, classes)
    rows = _joined(_of_classes(_rows(form, layout), classes, path), form, layout)
    if not rows:
        raise UserError(f"{path} has a header and no rows: an image takes a row.")
    chosen = [row for row in rows if split in (ALL, row.split)]
    if not chosen:
        there = ", ".join(sorted({row.split for row in rows}))
        raise UserError(f"{path} has no image of the split '{split}'; the splits there are: {there}.")
    column = {name: position for position, name in enumerate(classes)}
    labels = label_matrix(len(chosen), classes)
    for position, row in enumerate(chosen):
        for label, value in row.labels.items():
            labels[position, column[label]] = value
    pictures = PictureNames(folder)
    files = _files(rows, layout, pictures, path)
    problems = tuple(
        Problem(
            row.image, path, f"line {row.line}: it may be {' or '.join(files[row.image])}; add its suffix"
        )
        for row in chosen
        if len(files[row.image]) > 1
    )
    ids = tuple(row.image for row in chosen)
    sources = (layout.file, *pictures.sources())
    splits = Counter(row.split for row in rows) if layout.split or layout.split_folder else {}
    notes = (*split_notes(form.classes or (), layout), *_label_notes(rows, form, layout, classes))
    return Listing(ids, tuple(files[image][0] for image in ids), labels, sources, problems, notes, splits)


def _label_notes(
    rows: Sequence[TableRow], form: Form, layout: Table, classes: Sequence[str]
) -> tuple[str, ...]:
    """What is not read beside a column of labels, and of which labels nothing is said."""
    if form.classes is not None:
        return ()
    notes = unread_notes(form.table, layout)
    pairs = len(rows) * len(classes)
    unsaid = pairs - sum(len(row.labels) for row in rows) if layout.value else 0
    if unsaid:
        notes += (
            f"{unsaid:,} of {pairs:,} pairs of an image and a label have no row in {layout.file}, and are "
            "read as negative",
        )
    return notes


def _form(folder: Path, layout: Table) -> Form:
    """What divides the cells, and whether every class has a column.

    Raises:
        UserError: a column is missing or there twice, or there is no header.
    """
    table = open_table(folder / layout.file, layout.delimiter, layout.image)
    named = [layout.image] if layout.image in table.columns else table.columns
    require_header(table, named, folder / layout.images)
    table.require(layout.image, "image")
    if layout.split:
        table.require(layout.split, "split")
    if layout.value:
        table.require(layout.value, "value")
    if layout.one_hot or (
        layout.one_hot is None
        and layout.labels not in table.columns
        # Whoever says where the labels are is told that they are not there.
        and (layout.labels, layout.separator, layout.rows) == (Table.labels, Table.separator, Table.rows)
        and looks_one_hot(table, other_columns(table, layout))
    ):
        return Form(table, class_columns(table, layout))
    table.require(layout.labels, "labels", ", or say one_hot: true if every class has a column of 0 and 1")
    return Form(table, None)


def _refuse_other_classes(form: Form, classes: Sequence[str]) -> None:
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


def _rows(form: Form, layout: Table) -> Iterator[TableRow]:
    """Every row, checked.

    Raises:
        UserError: a cell is missing or means nothing, or a row is too long; with the line.
    """
    beside = [column for column in (layout.split, layout.value) if column]
    wanted = [layout.image, *(form.classes or [layout.labels]), *beside]
    meanings = Meanings(layout)
    for line, cells in form.table.rows():
        where = f"{form.table.path}, line {line}"
        empty = [column for column in wanted if column not in cells]
        if empty or not cells[layout.image]:
            raise UserError(f"{where}: '{(empty or [layout.image])[0]}' is missing.")
        image = cells[layout.image]
        split = cells[layout.split] if layout.split else _split_by_folder(image, layout, where)
        refuse_control_characters(image, where)
        refuse_control_characters(split, where)
        if form.classes is not None:
            labels = meanings.labels(cells, form.classes, where)
        else:
            refuse_control_characters(cells[layout.labels], where)
            named = (label.strip() for label in cells[layout.labels].split(layout.separator))
            holds = meanings.label(cells, layout.value, where) if layout.value else LABELS["positive"]
            labels = {label: holds for label in named if label}
        yield TableRow(line, image, labels, split)


def _split_by_folder(image: str, layout: Table, where: str) -> str:
    """The split that the name of an image says; empty where none is to be said."""
    folders = PurePosixPath(image).parts[:-1]
    if layout.split_folder > len(folders):
        raise UserError(
            f"{where}: image {cut(image)} has {len(folders)} folders in its name, and number "
            f"{layout.split_folder} is to be its split, as split_folder in the csv section says."
        )
    return folders[layout.split_folder - 1] if layout.split_folder else ""


def _of_classes(rows: Iterable[TableRow], classes: Sequence[str], path: Path) -> Iterator[TableRow]:
    """The rows, every label of which is in the class list."""
    known = set(classes)
    for row in rows:
        for label in row.labels:
            if label not in known:
                raise UserError(f"{path}, line {row.line}: the label '{label}' is not in the class list.")
        yield row


def _joined(rows: Iterable[TableRow], form: Form, layout: Table) -> list[TableRow]:
    """One row for each image, with the line where it stands first.

    Raises:
        UserError: an image has several rows, where they are not to be joined, are of different splits, or say
            different things of a label.
    """
    images: dict[str, TableRow] = {}
    for row in rows:
        first = images.setdefault(row.image, row)
        if first is row:
            continue
        where = f"{form.table.path}, line {row.line}: image {row.image}"
        if layout.rows == "image":
            hint = "; if a row has one of its labels, say rows: label in the csv section"
            raise UserError(f"{where} is in line {first.line} too{'' if form.classes else hint}.")
        if first.split != row.split:
            raise UserError(
                f"{where} is of the split '{row.split}', but of '{first.split}' in line {first.line}; give "
                "it the same one in all its lines."
            )
        for label, holds in row.labels.items():
            if first.labels.setdefault(label, holds) != holds:
                raise UserError(
                    f"{where} has the label {cut(repr(label))}, of which '{layout.value}' says something "
                    "else in an earlier line; leave one of them."
                )
    return list(images.values())


def _files(
    rows: Iterable[TableRow], layout: Table, pictures: PictureNames, path: Path
) -> dict[str, list[str]]:
    """The files that each image may be, relative to the data set's folder.

    Raises:
        UserError: two images are one file.
    """
    found: dict[str, list[str]] = {}
    first: dict[str, TableRow] = {}
    for row in rows:
        files = pictures.candidates((PurePosixPath(layout.images) / row.image).as_posix())
        other = first.setdefault(files[0], row)
        if other is not row:
            raise UserError(
                f"{path}, line {row.line}: image {row.image} is the file {files[0]}, as {other.image} of "
                f"line {other.line} is; an image may stand there once."
            )
        found[row.image] = files
    return found
