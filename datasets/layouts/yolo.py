"""YOLO's layout, as Ultralytics, Roboflow and CVAT write it: a data.yaml, images, a text file for each."""

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from bench.datasets.boxes import Shares
from bench.datasets.layout import ALL, YOLO
from bench.datasets.layouts.unnamed import unnamed_notes
from bench.datasets.layouts.walk import below, kind_of, require_inside
from bench.datasets.layouts.yolo_data import SPLITS, DataFile, is_there, load, looked_in, place_of
from bench.datasets.layouts.yolo_lists import listed
from bench.datasets.layouts.yolo_strays import strays
from bench.datasets.layouts.yolo_texts import folders_of, largest_boxes, numbers_in, text_of
from bench.datasets.listing import (
    Listing,
    Problem,
    label_matrix,
    missing_tree,
    refuse_duplicates,
)
from bench.errors import UserError, cut
from bench.progress import Progress


@dataclass
class _Images:
    """The images of a split, the files and folders that say so, and the other files in these folders.

    All of them are relative to the data set's folder.
    """

    files: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


def find(root: Path, layout: YOLO) -> Path:
    """The data root itself, which must hold the data.yaml."""
    if not (root / layout.data).is_file():
        raise missing_tree(root, layout, layout.data)
    require_inside(root / layout.data, root)
    return root


def class_names(folder: Path, layout: YOLO) -> tuple[str, ...]:
    """The names by their number."""
    return tuple(load(folder, layout).names.values())


def class_sources(folder: Path, layout: YOLO) -> tuple[str, ...]:
    """The data.yaml."""
    return (layout.data,)


def read_as(folder: Path, layout: YOLO) -> tuple[str, ...]:
    """Where the splits are that were found, and how many images have no label for want of a text file."""
    data = load(folder, layout)
    there = (_account(folder, data, split) for split in data.paths if is_there(folder, data, split))
    return (*there, *_unread(folder, data))


def _unread(folder: Path, data: DataFile) -> Iterator[str]:
    """A sentence on each key that is not read and leads to images."""
    used = {place_of(folder, data, path) for paths in data.paths.values() for path in paths}
    parts = {
        str(at) for place in used if place for at in (PurePosixPath(place), *PurePosixPath(place).parents)
    }
    for key, paths in data.unread.items():
        if parts.intersection(place for path in paths if (place := place_of(folder, data, path))):
            continue  # what holds a split is known by it
        with suppress(UserError):  # something else
            images = _images(folder, replace(data, paths={key: paths}, keys={key: key}), key).files
            if count := sum(kind_of(folder / image) == "file" for image in images):
                yield (
                    f"{data.file.name} has {cut(repr(key))} in {cut(', '.join(paths))}: {count} images, "
                    f"which are not used; those of a split stand under {', '.join(SPLITS)}"
                )


def _account(folder: Path, data: DataFile, split: str) -> str:
    try:
        images = _images(folder, data, split).files
    except UserError as error:  # of a split that is not in use
        return str(error).rstrip(".")
    bare = sum(kind_of(folder / text_of(image)) == "none" for image in images)
    places = ", ".join(place_of(folder, data, path) or path for path in data.paths[split])
    without = f", {bare} of them without a text file and so without a label" if bare else ""
    return f"{data.file.name} has {data.named(split)} in {places}: {len(images)} images{without}"


def labelled_splits(folder: Path, layout: YOLO) -> tuple[str, ...]:
    """The splits that the data.yaml names, that are there, and that have labels."""
    data = load(folder, layout)
    there = [split for split in data.paths if is_there(folder, data, split)]
    return tuple(split for split in there if _is_labelled(folder, _images(folder, data, split)))


def read(
    folder: Path, layout: YOLO, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The images of a split in the order of its folders and lists, each with the classes of its boxes.

    An image whose text file is empty or absent has no label. Where the splits are drawn, all images of the
    splits that are there are taken, but for those of a split without a single text file: a test set whose
    labels are held back.
    """
    data = load(folder, layout)
    column = _columns(data, classes)
    found = _all(folder, data) if split == ALL else _labelled(folder, data, split)
    labels = label_matrix(len(found.files), classes)
    texts = [text_of(image) for image in found.files]
    # Where others may appear.
    sources = [layout.data, *found.sources, *folders_of(folder, texts)]
    problems = []
    for row, (image, text) in enumerate(zip(found.files, texts, strict=True)):
        try:
            numbers = numbers_in(folder / text, folder, data.names)
            for number in numbers or ():
                labels[row, column[number]] = 1
            sources += [] if numbers is None else [text]
        except (OSError, ValueError) as error:
            problems.append(Problem(image, folder / text, f"cannot be read: {error}"))
        if progress is not None:
            progress(row + 1, len(texts))
    files = tuple(found.files)
    of_strays, notes = _strays(folder, found.files)
    problems += of_strays
    notes += unnamed_notes(folder, folder, found.others)
    return Listing(files, files, labels, tuple(dict.fromkeys(sources)), tuple(problems), notes)


def _strays(folder: Path, images: Sequence[str]) -> tuple[list[Problem], tuple[str, ...]]:
    """What is to be said of text files that no image has; a problem where images are likely to lack them."""
    misnamed, others = strays(folder, images)
    problems = [
        Problem(image, folder / text_of(image), f"does not exist, but {cut(repr(file))} does: rename one")
        for image, file in misnamed.items()
    ]
    if not others:
        return problems, ()
    count = "1 text file is" if len(others) == 1 else f"{len(others)} text files are"
    said = f"{count} of no image, {cut(repr(others[0]))} for one"
    bare = sum(kind_of(folder / text_of(image)) == "none" for image in images) - len(misnamed)
    if len(others) >= bare and 2 * bare >= len(images):
        reason = f"{said}, and {bare} of {len(images)} images have none: name each after its image"
        return [*problems, Problem(others[0], folder / others[0], reason)], ()
    return problems, (f"{said}: name each after its image, or remove it",)


def box_shares(
    folder: Path, layout: YOLO, split: str, ids: Sequence[str], progress: Progress | None
) -> Shares:
    """The largest boxes of images, of polygons the boxes around them; a text file with a fault has none."""
    data = load(folder, layout)
    found = {}
    for number, image in enumerate(ids, start=1):
        path = folder / text_of(image)
        with suppress(OSError, ValueError):
            if numbers_in(path, folder, data.names):
                found[image] = largest_boxes(path, data.names)
        if progress is not None:
            progress(number, len(ids))
    return found


def _columns(data: DataFile, classes: tuple[str, ...]) -> dict[int, int]:
    """The column of each class number."""
    positions = {name: position for position, name in enumerate(classes)}
    for name in data.names.values():
        if name not in positions:
            raise UserError(f"{data.file}: the class '{name}' is not in the class list of the data set.")
    return {number: positions[name] for number, name in data.names.items()}


def _all(folder: Path, data: DataFile) -> _Images:
    """The images of every split that is there and has labels."""
    found = _Images()
    for split in data.paths:
        found.sources += looked_in(folder, data, split)
        if is_there(folder, data, split):
            images = _images(folder, data, split)
            found.sources += images.sources
            found.others += images.others
            found.files += images.files if _is_labelled(folder, images) else []
    if not found.files:
        return _labelled(folder, data, next(iter((*data.paths, *SPLITS))))  # which says what is wrong
    return _Images(*(list(dict.fromkeys(of)) for of in (found.files, found.sources, found.others)))


def _labelled(folder: Path, data: DataFile, split: str) -> _Images:
    """The images of a split.

    Raises:
        UserError: they are not there, or no image has a text file: the labels must lie elsewhere.
    """
    found = _images(folder, data, split)
    if not found.files:
        raise UserError(
            f"{data.file}: {data.keys[split]}: there is no picture in {', '.join(data.paths[split])}."
        )
    if not _any_text(folder, found):
        raise UserError(
            f"{data.file}: none of the {len(found.files)} images of {split} has a text file with labels; "
            f"looked for {folder / text_of(found.files[0])}, for one{_seen_instead(folder, found.files)}."
        )
    return found


def _seen_instead(folder: Path, images: Sequence[str]) -> str:
    misnamed, others = strays(folder, images)
    files = [*misnamed.values(), *others]
    return f", where {len(files)} text files are of no image, such as {cut(repr(files[0]))}" if files else ""


def _is_labelled(folder: Path, images: _Images) -> bool:
    """Whether the labels of images are there, be it under other names: else they are held back."""
    return _any_text(folder, images) or bool(strays(folder, images.files).misnamed)


def _any_text(folder: Path, images: _Images) -> bool:
    return any(kind_of(folder / text_of(image)) == "file" for image in images.files)


def _images(folder: Path, data: DataFile, split: str) -> _Images:
    """The images in the folders and lists of a split."""
    if split not in data.paths:
        there = ", ".join(map(data.named, data.paths)) or "none"
        raise UserError(f"{data.file} names no split '{split}'; those that it names are: {there}.")
    found, where = _Images(), f"{data.file}: {data.keys[split]}"
    for path in data.paths[split]:
        place = place_of(folder, data, path)
        if place is None:
            raise UserError(
                f"{where}: '{cut(path)}' is not there, or not in {folder}; give it relative to the file, and "
                "as 'root' of your own file a folder that holds all."
            )
        if kind_of(folder / place) == "folder":
            for inner, held in below(folder / place, folder).items():
                at = posixpath.normpath(posixpath.join(place, inner))
                found.sources.append(at)
                found.files += [posixpath.normpath(posixpath.join(at, name)) for name in held.pictures]
                found.others += [posixpath.normpath(posixpath.join(at, name)) for name in held.others]
        elif place.endswith(".txt") and kind_of(folder / place) == "file":
            images, folders = listed(folder, data, place)
            found.sources += [place, *folders]
            found.files += images
        else:
            raise UserError(f"{where}: '{cut(path)}' is neither a folder nor a .txt list of images.")
    refuse_duplicates(tuple(found.files), data.file)
    return found
