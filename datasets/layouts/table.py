"""A CSV file, or one for each split, with a row per image, a row per label, or a column per class."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.datasets.layout import ALL, Table
from bench.datasets.layouts.one_hot import split_notes
from bench.datasets.layouts.picture_names import PictureNames
from bench.datasets.layouts.table_file import called
from bench.datasets.layouts.table_form import Form, forms_of, refuse_other_classes
from bench.datasets.layouts.table_lists import refuse_unknown
from bench.datasets.layouts.table_rows import TableRow, files_of, joined, of_classes, rows_of
from bench.datasets.layouts.table_values import unread_notes
from bench.datasets.listing import Listing, Problem, label_matrix, missing_tree
from bench.errors import UserError
from bench.progress import Progress


def find(root: Path, layout: Table) -> Path:
    """The data root itself, which must hold the tables and the folders of the images."""
    for part in layout.parts():
        if not (root / part.file).is_file():
            raise missing_tree(root, layout, part.file)
        if not (root / part.images).is_dir():
            raise UserError(f"{root} has no folder {part.images} for the images of {part.file}.")
    return root


def class_names(folder: Path, layout: Table) -> tuple[str, ...]:
    """The columns of the classes, or every label in alphabetical order, also of splits that are not used."""
    forms = forms_of(folder, layout)
    columns = dict.fromkeys(column for form in forms for column in form.classes or ())
    rows = rows_of((form for form in forms if form.classes is None), layout)
    labels = {label for row in rows for label in row.labels}
    return (*columns, *sorted(labels.difference(columns)))


def class_sources(folder: Path, layout: Table) -> tuple[str, ...]:
    """The tables, and the lists of the splits."""
    return (*(part.file for part in layout.parts()), *layout.lists.values())


def read_as(folder: Path, layout: Table) -> tuple[str, ...]:
    """How each table is read, for its owner to see."""
    return tuple(_read_as(form, layout) for form in forms_of(folder, layout))


def _read_as(form: Form, layout: Table) -> str:
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
    split += f", the split by the lists {' and '.join(layout.lists.values())}" if layout.lists else ""
    split += f", pictures in {form.part.images} or any folder below it" if layout.nested else ""
    return f"{form.part.file}: {called(form.table.delimiter)} between cells, {what}{split}"


def read(
    folder: Path, layout: Table, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The images of a split, in the order of its table."""
    forms = forms_of(folder, layout)
    for form in forms:
        refuse_other_classes(form, classes)
    by_label = all(form.classes is None for form in forms)
    rows = joined(of_classes(rows_of(forms, layout), classes), layout, by_label)
    if layout.lists:
        refuse_unknown(forms[0].listed, (row.name for row in rows), str(forms[0].table.path))
    chosen = [row for row in rows if split in (ALL, row.split)]
    if not chosen:
        there = ", ".join(sorted({row.split for row in rows}))
        tables = " and ".join(str(form.table.path) for form in forms)
        raise UserError(f"{tables} has no image of the split '{split}'; the splits there are: {there}.")
    column = {name: position for position, name in enumerate(classes)}
    labels = label_matrix(len(chosen), classes)
    for position, row in enumerate(chosen):
        for label, value in row.labels.items():
            labels[position, column[label]] = value
    pictures = PictureNames(folder)
    files = files_of(rows, pictures, layout.nested)
    more = "its folder, or its suffix" if layout.nested else "its suffix"
    problems = tuple(
        Problem(
            row.image, row.path, f"line {row.line}: it may be {' or '.join(files[row.image])}; add {more}"
        )
        for row in chosen
        if len(files[row.image]) > 1
    )
    ids = tuple(row.image for row in chosen)
    sources = (*class_sources(folder, layout), *pictures.sources())
    said = layout.split or layout.split_folder or layout.lists or any(form.part.split for form in forms)
    splits = Counter(row.split for row in rows) if said else Counter[str]()
    notes = [note for form in forms for note in split_notes(form.classes or (), layout)]
    notes += _label_notes(rows, forms, layout, classes)
    if layout.lists and splits.pop("", 0):
        outside = sum(not row.split for row in rows)
        notes.append(
            f"{outside:,} images of {layout.parts()[0].file} are in none of the lists, and are not used"
        )
    chosen_files = tuple(files[image][0] for image in ids)
    return Listing(ids, chosen_files, labels, sources, problems, tuple(dict.fromkeys(notes)), splits)


def _label_notes(
    rows: Sequence[TableRow], forms: Sequence[Form], layout: Table, classes: Sequence[str]
) -> list[str]:
    """What is not read beside a column of labels, and of which labels nothing is said."""
    valued = [form for form in forms if form.classes is None]
    notes = [note for form in valued for note in unread_notes(form.table, form.part.file, layout)]
    pairs = len(rows) * len(classes)
    unsaid = pairs - sum(len(row.labels) for row in rows) if layout.value else 0
    if unsaid:
        files = " and ".join(form.part.file for form in forms)
        notes.append(
            f"{unsaid:,} of {pairs:,} pairs of an image and a label have no row in {files}, and are read as "
            "negative"
        )
    return notes
