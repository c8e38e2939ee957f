"""A folder for each class, named by it: `cat/1.jpg`, or `train/cat/1.jpg` where the data names its splits."""

import posixpath
from contextlib import suppress
from pathlib import Path

from bench.datasets.layout import ALL, ClassFolders
from bench.datasets.layouts.unnamed import unnamed_notes
from bench.datasets.layouts.walk import below, entries, is_inside, kind_of
from bench.datasets.listing import Listing, label_matrix, missing_tree
from bench.datasets.tree import is_hidden
from bench.errors import UserError, cut
from bench.progress import Progress


def find(root: Path, layout: ClassFolders) -> Path:
    """The data root itself, which must hold the folders of the splits, or of the classes."""
    for split in layout.splits or (".",):
        if not (root / layout.folder / split).is_dir():
            raise missing_tree(root, layout, posixpath.normpath(posixpath.join(layout.folder, split)))
    return root


def class_names(folder: Path, layout: ClassFolders) -> tuple[str, ...]:
    """Every label that the name of a folder with pictures gives, in alphabetical order."""
    places = [place for split in _splits(layout) for place in _classes(folder, layout, split)]
    return tuple(sorted({label for place in places for label in _labels(place, layout)}))


def class_sources(folder: Path, layout: ClassFolders) -> tuple[str, ...]:
    """The folders themselves, whose time changes with what they hold."""
    return tuple(source for split in _splits(layout) for source in _sources(folder, layout, split))


def read_as(folder: Path, layout: ClassFolders) -> tuple[str, ...]:
    """What the names of the folders are taken for."""
    homes = " and ".join(_home(layout, split) for split in _splits(layout))
    means = f"its labels, with '{layout.separator}' between" if layout.separator else "one label"
    return (f"the name of each folder in {homes} is {means}",)


def read(
    folder: Path, layout: ClassFolders, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The pictures of a split, class by class.

    Each has the labels of its own folder alone: the same picture in another folder is another image.
    """
    found = _classes(folder, layout, split)
    files = [f"{place}/{name}" for place, names in found.items() for name in names]
    labels = label_matrix(len(files), classes)
    row = 0
    for place, names in found.items():
        for label in _labels(place, layout):
            if label not in classes:
                raise UserError(
                    f"{folder / place}: the label '{label}' is not in the class list of the data set."
                )
            labels[row : row + len(names), classes.index(label)] = 1
        row += len(names)
        if progress is not None:
            progress(row, len(files))
    ids = tuple(posixpath.relpath(file, layout.folder) for file in files)
    notes = _notes(folder, layout, split)
    splits = _splits_there(folder, layout)
    above = [layout.folder] if layout.splits else []
    within = (source for home in (split, *splits) for source in _sources(folder, layout, home))
    return Listing(
        ids,
        tuple(files),
        labels,
        tuple(dict.fromkeys((*above, *within))),
        notes=notes,
        splits={name: count for name, count in splits.items() if count},
    )


def _splits_there(folder: Path, layout: ClassFolders) -> dict[str, int]:
    """How many pictures lie in the folders of each folder beside those of the splits, and of these."""
    if not layout.splits:
        return {}
    home = folder / layout.folder
    root = _root(folder, layout.folder)
    counts = {}
    for place in sorted(home.iterdir()):
        if kind_of(place) == "folder" and not is_hidden(place.name) and is_inside(place, root):
            with suppress(UserError):  # what is not used need not be sound
                held = (entries(place / name, root).pictures for name in entries(place, root).folders)
                counts[place.name] = sum(map(len, held))
    return counts


def _splits(layout: ClassFolders) -> tuple[str, ...]:
    return layout.splits or (ALL,)


def _home(layout: ClassFolders, split: str) -> str:
    """The folder of the classes of a split, relative to that of the data set."""
    return posixpath.normpath(posixpath.join(layout.folder, "." if split == ALL else split))


def _classes(folder: Path, layout: ClassFolders, split: str) -> dict[str, list[str]]:
    """The pictures of each class folder, by its path relative to that of the data set.

    Raises:
        UserError: there are none, or pictures lie above or below the folders of the classes.
    """
    home = _home(layout, split)
    root = _root(folder, home)
    held = entries(folder / home, root)
    if held.pictures:
        raise UserError(
            f"{folder / home}: {held.pictures[0]} lies beside the folders of the classes; move it into one."
        )
    found = {}
    for name in held.folders:
        place = name if home == "." else f"{home}/{name}"
        inner = entries(folder / place, root)
        if any(_holds_pictures(folder / place / deeper, root) for deeper in inner.folders):
            raise UserError(
                f"{folder / place} holds folders with pictures, where those of the class '{cut(name)}' "
                "should lie; move them up, or name it in 'splits' if it is a split."
            )
        if inner.pictures:
            found[place] = inner.pictures
    if not found:
        raise UserError(
            f"{folder / home} has no folder with pictures; each class needs one, named by it"
            f"{''.join(f' ({note})' for note in _notes(folder, layout, split))}."
        )
    return found


def _holds_pictures(folder: Path, root: Path) -> bool:
    return any(held.pictures for held in below(folder, root).values())


def _notes(folder: Path, layout: ClassFolders, split: str) -> tuple[str, ...]:
    """On the pictures in and beside the folders of the classes that are not named as such."""
    root = _root(folder, _home(layout, split))
    others = [
        posixpath.normpath(posixpath.join(place, name))
        for place in _sources(folder, layout, split)
        for name in entries(folder / place, root).others
    ]
    return unnamed_notes(folder, root, others)


def _sources(folder: Path, layout: ClassFolders, split: str) -> tuple[str, ...]:
    home = _home(layout, split)
    return (
        home,
        *(posixpath.join(home, name) for name in entries(folder / home, _root(folder, home)).folders),
    )


def _root(folder: Path, home: str) -> Path:
    """What links may not lead out of: the owner may name a folder anywhere, and it holds what lies in it."""
    return folder if is_inside(folder / home, folder) else folder / home


def _labels(place: str, layout: ClassFolders) -> tuple[str, ...]:
    """The labels in the name of a folder."""
    name = posixpath.basename(place)
    if not layout.separator:
        return (name,)
    labels = tuple(label.strip() for label in name.split(layout.separator))
    if not all(labels):
        raise UserError(f"The folder {place} has an empty label beside '{layout.separator}'; rename it.")
    return labels
