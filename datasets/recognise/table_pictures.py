"""Which column of a CSV file names pictures that are there, and in which folder; and why none does."""

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple
from urllib.parse import unquote

from bench.datasets.layouts.picture_names import PictureNames
from bench.datasets.layouts.table_file import TableFile, delimiters, open_table
from bench.datasets.layouts.table_header import IMAGES, MEANT, is_picture, require_header
from bench.datasets.layouts.table_lists import bare
from bench.datasets.layouts.walk import kind_of
from bench.datasets.odd.alike import letters
from bench.datasets.pictures.read import SUFFIXES
from bench.datasets.recognise.signs import ENOUGH, files_in, folders_below, plain_split, relative, words_of
from bench.datasets.tree import files_below
from bench.errors import UserError, cut

ENDINGS = (".csv", ".csv.gz", ".tsv")
FOLDERS = ("images", "image", "imgs", "img", "jpegimages", "photos", "photo", "pictures", "pics")
"""What folders of pictures are called: others may hold masks or small copies of the same names."""
LOOKED_AT = 100_000
"""Pictures among which one with a name like another is looked for."""

Head = Sequence[Mapping[str, str]]
"""The first rows of a table."""
Homes = dict[Path, set[Path]]
"""Folders, and which files in them a column names."""


class Images(NamedTuple):
    """The column that names the images, and the folder that they are in, or below which they are `nested`."""

    column: str
    folder: Path
    nested: bool = False


def first_rows(table: TableFile) -> Head:
    """The first rows of a table."""
    return [cells for _, cells in islice(table.rows(), ENOUGH)]


def images_of(
    table: TableFile, head: Head, folders: Sequence[tuple[Path, PictureNames]], split: str
) -> Images | None:
    """The column whose first cells name pictures.

    Args:
        table: the table.
        head: its first rows.
        folders: those that may hold the pictures, the first of which all others lie in.
        split: the split that the name of the table tells; empty where it tells none.

    Raises:
        UserError: several columns or folders may be it, or the first row names a picture.
    """
    for group in _by_likelihood(table, head):
        homes = {column: _homes(column, head, folders, whole) for column, whole in group}
        found = {column: there for column, there in homes.items() if there}
        if found:
            column = _one_column(table, found)
            near = _of_table(table, found[column], folders[0][0], split)
            images = _one_place(table, column, near, folders[0][0])
            require_header(table, [column], images.folder)
            return images
    return None


def _by_likelihood(table: TableFile, head: Head) -> Iterator[list[tuple[str, bool]]]:
    """Columns that are equally likely to name the images, and whether by the whole names of the files."""
    meant = [column for column in table.columns if column.lower() in MEANT]
    usual = [column for column in table.columns if column.lower() in IMAGES - MEANT]
    others = [column for column in table.columns if column.lower() not in IMAGES]
    pictures = [name for name in others if any(is_picture(cells.get(name, "")) for cells in head)]
    yield [(column, True) for column in meant]
    yield [(column, True) for column in usual]
    yield [*((column, True) for column in pictures), *((column, False) for column in meant)]
    yield from ([(column, True)] for column in others)
    yield [(column, False) for column in usual]
    yield from ([(column, False)] for column in others if not words_of(column).isdisjoint(MEANT))


def _homes(column: str, head: Head, folders: Sequence[tuple[Path, PictureNames]], whole: bool) -> Homes:
    names = [cells[column] for cells in head if cells.get(column)]
    inner = [name for name in names if not PurePosixPath(name).is_absolute() and ".." not in name.split("/")]
    homes = {}
    for folder, pictures in folders:
        files = {folder / (name if whole else pictures.candidates(name)[0]) for name in inner}
        homes[folder] = {file for file in files if kind_of(file) == "file"}
    return {folder: files for folder, files in homes.items() if files}


def _gathered(table: TableFile, images: Images, root: Path) -> Images:
    """The images, or the folder below which they lie where they are spread over several folders.

    They are where each that the folder lacks lies in one other folder below the root.
    """
    names = {cells.get(images.column, "") for _, cells in table.rows()} - {""}
    files = files_below(images.folder, SUFFIXES).files
    missing = {bare(name) for name in names} - {bare(file) for file in files}
    homes: dict[str, list[str]] = {name: [] for name in missing}
    for file in files_below(root, SUFFIXES).files if missing else ():
        name = PurePosixPath(bare(file))
        if name.name in homes:
            homes[name.name].append(str(name.parent))
    if not missing or any(len(found) != 1 for found in homes.values()):
        return images
    places = [relative(images.folder, root), *(found[0] for found in homes.values())]
    return Images(images.column, root / os.path.commonpath(places), nested=True)


def _one_column(table: TableFile, found: Mapping[str, Homes]) -> str:
    """The first of some columns, where the others name the same files."""
    first, *others = found
    if any(found[column] != found[first] for column in others):
        names = " and ".join(f"'{cut(column, 40)}'" for column in found)
        raise UserError(
            f"Which column names the pictures cannot be told of {table.path}: {names} name files that are "
            "there; call one of them 'image', or name it as 'image' in the csv section of a YAML file."
        )
    return first


def _of_table(table: TableFile, homes: Homes, root: Path, split: str) -> Homes:
    """The folders beside or below a table, and of these the ones that are called as its split; else all.

    Those of other splits may have files of the same names.
    """
    beside = {folder: files for folder, files in homes.items() if folder.is_relative_to(table.path.parent)}
    homes = beside or homes
    said = {
        folder: files
        for folder, files in homes.items()
        if split and plain_split(split) in map(plain_split, folder.relative_to(root).parts)
    }
    return said or homes


def _one_place(table: TableFile, column: str, homes: Homes, root: Path) -> Images:
    """The only folder; of several that with a usual name or with the table in it, if it has as many files.

    How near it is says nothing: small copies of the pictures may lie nearer than they do. Several folders are
    one place where they have different pictures.
    """
    usual = [folder for folder in homes if folder.name.lower() in FOLDERS or folder == table.path.parent]
    has_most = len(usual) == 1 and len(homes[usual[0]]) == max(map(len, homes.values()))
    chosen = usual if has_most else list(homes)
    images = _gathered(table, Images(column, chosen[0]), root)
    if len(chosen) > 1 and not images.nested:
        places = " and ".join(relative(folder, root) for folder in chosen[:3])
        example = relative(min(homes[next(folder for folder in chosen if folder != root)]), root)
        raise UserError(
            f"Which folder holds the pictures cannot be told of {table.path}: {cut(places, 200)} have some "
            f"that its column '{column}' names; write the folder before the names, as {cut(example)}, or "
            "name it as 'images' in the csv section of a YAML file."
        )
    return images


def why_none(root: Path, pattern: str) -> str | None:
    """Why no CSV file was taken for a table of pictures, where one looks as if it should be one."""
    causes = (_cause(file, root) for file in files_in(root, pattern, *ENDINGS))
    return next((cause.removesuffix(".") for cause in causes if cause), None)


def _cause(file: Path, root: Path) -> str | None:
    tables = []
    for delimiter in delimiters(file):
        try:
            table = open_table(file, delimiter, "")
            tables.append((table, first_rows(table)))
        except OSError:
            return None
        except UserError as error:
            cause = str(error)
    if not tables:
        return cause
    # Under another delimiter several cells are one.
    table, head = max(tables, key=lambda one: len(one[0].columns))
    return next((found for name in table.columns if (found := _elsewhere(table, name, head, root))), None)


def _elsewhere(table: TableFile, column: str, head: Head, root: Path) -> str | None:
    """What is wrong with a column that names pictures, or is itself called as one."""
    try:
        for folder in folders_below(root, 2):
            require_header(table, [column], folder)
    except UserError as error:
        return str(error)
    names = [cells[column] for cells in head if cells.get(column)]
    if not names or not (column.lower() in MEANT or is_picture(_file_name(names[0]))):
        return None
    alike = _alike(names[0], root)
    though = f", though there is {cut(alike)}" if alike else ""
    return (
        f"{table.path}: its column '{cut(column, 40)}' has {cut(names[0])}, and no folder in {root} has that "
        f"file{though}: write the names as those of the files are, relative to {root} or to a folder in it."
    )


def _alike(name: str, root: Path) -> str | None:
    """A picture whose name is like another one in all but its folder, its suffix, and how it is written."""
    plain = _plain(name)
    files = (file for folder in folders_below(root, 4) for file in sorted(folder.iterdir()))
    pictures = islice((file for file in files if is_picture(file.name)), LOOKED_AT)
    return next((relative(file, root) for file in pictures if _plain(file.name) == plain), None)


def _plain(name: str) -> str:
    last = _file_name(name)
    return letters(PurePosixPath(last).stem if is_picture(last) else last)


def _file_name(name: str) -> str:
    """The end of a name of any system, or of an address."""
    return PureWindowsPath(unquote(name.partition("?")[0])).name
