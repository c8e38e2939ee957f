"""The annotations and pictures of a VOC tree, and which picture an annotation is of."""

import posixpath
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.datasets.layout import VOCDevkit
from bench.datasets.layouts.walk import entries
from bench.datasets.pictures.read import SUFFIXES
from bench.datasets.tree import DEEPEST, Found, files_below
from bench.errors import UserError

XML = frozenset({".xml"})
LISTS = "ImageSets/Main"
EACH = "*"
"""Stands for the folder of a split in the place of annotations or pictures: `*/annotations`."""


class Files(NamedTuple):
    """What a tree holds; ids are paths without suffix below the folder of annotations or pictures.

    Where each split has such folders, ids begin with the split.

    Attributes:
        annotations: the annotation of every id, relative to the tree.
        pictures: the pictures of every id, as ids with their suffix.
        xml: the folder of the annotations, relative to the tree.
        images: the folder of the pictures, likewise.
        annotation_folders: the folders that hold annotations, likewise.
        image_folders: the folders that hold pictures, likewise.
    """

    annotations: Mapping[str, str]
    pictures: Mapping[str, Sequence[str]]
    xml: str
    images: str
    annotation_folders: tuple[str, ...]
    image_folders: tuple[str, ...]

    def picture(self, name: str) -> str:
        """A picture relative to the tree, given its id with its suffix."""
        return below(self.images, name)


def parts_of(folder: Path, layout: VOCDevkit) -> tuple[str, str]:
    """The folders of the annotations and of the pictures: the tree itself where they lie side by side."""
    parts = layout.annotations, layout.images
    usual = parts == (VOCDevkit.annotations, VOCDevkit.images)
    by_list = not layout.drawn and (folder / LISTS).is_dir()
    if by_list or not usual or any((folder / part).is_dir() for part in parts):
        return parts
    return ".", "."


def places_of(tree: Path, part: str) -> dict[str, str]:
    """The folders that a place of annotations or pictures stands for, relative to the tree, by split.

    There is one, of no split, unless the place has a `*`, and it need not be there then.
    """
    if EACH not in part:
        return {"": part}
    home = tree / _home(part)
    names = [name for name in entries(home, tree).folders if EACH not in name] if home.is_dir() else []
    places = {name: below(part, name) for name in names}
    return {name: place for name, place in places.items() if (tree / place).is_dir()}


def is_there(tree: Path, part: str) -> bool:
    """Whether a tree has a folder of annotations or pictures."""
    return any((tree / place).is_dir() for place in places_of(tree, part).values())


def _home(part: str) -> str:
    """The folder of the splits, relative to the tree."""
    return posixpath.dirname(part[: part.index(EACH)]) or "."


def side_by_side(folder: Path) -> bool:
    """Whether a folder, or one below it, holds both annotations and pictures."""
    homes = [
        {posixpath.dirname(file) for file in files_below(folder, suffixes).files}
        for suffixes in (XML, SUFFIXES)
    ]
    return bool(homes[0] & homes[1])


def find_files(folder: Path, layout: VOCDevkit) -> Files:
    """Every annotation and picture of a tree.

    Raises:
        UserError: two annotations whose names differ in the case of their suffix alone.
    """
    annotations, images = parts_of(folder, layout)
    xml, found = _files_in(folder, annotations, XML), _files_in(folder, images, SUFFIXES)
    of_id: dict[str, str] = {}
    for file in xml.files:
        first = of_id.setdefault(_stem(file), below(annotations, file))
        if first != below(annotations, file):
            raise UserError(f"{folder} has both {first} and {below(annotations, file)}; remove one.")
    pictures = defaultdict(list)
    for file in found.files:
        pictures[_stem(file)].append(file)
    return Files(
        dict(sorted(of_id.items())),
        dict(pictures),
        annotations,
        images,
        xml.folders,
        found.folders,
    )


def _files_in(tree: Path, part: str, suffixes: frozenset[str]) -> Found:
    """What such a place holds: folders relative to the tree, and files as ids with their suffix."""
    # A split that comes later is in the folder of the splits.
    folders, files = [_home(part)] if EACH in part else [], []
    for split, place in places_of(tree, part).items():
        found = files_below(tree / place, suffixes)
        folders += [posixpath.normpath(posixpath.join(place, folder)) for folder in found.folders]
        files += [posixpath.join(split, file) for file in found.files]
    return Found(tuple(folders), tuple(files))


def misspelt(image: str, files: Files) -> str:
    """The image that a line of a list means which has more than its id: a suffix, folders, or a label.

    Nothing where the line is an id, and where no image is there that it could mean.
    """
    if image in files.annotations or image in files.pictures:
        return ""
    names = dict.fromkeys((image, *image.split()[:1]))
    plain = [_stem(name) for name in names if _suffix(name) in SUFFIXES | XML]
    alike = (*plain, *map(_last, plain), *names)
    return next((name for name in alike if name in files.annotations or name in files.pictures), "")


def choose_picture(image: str, filename: str, files: Files) -> tuple[str, str]:
    """The picture of an image, and what is wrong with the choice if anything is.

    What has the id for its stem is the picture, whatever the annotation says. `<filename>` is asked where
    there are several, or none; it is looked up among the pictures that are there, so it leads nowhere else.

    Args:
        image: the id.
        filename: what the annotation calls its picture.
        files: what there is.

    Returns:
        The picture relative to the tree, which need not be there, and a reason or nothing.
    """
    name = filename.replace("\\", "/")
    last = _last(name)
    candidates = files.pictures.get(image) or _called(name, image, files)
    told = [file for file in candidates if _last(file) == last]
    chosen = told if len(told) == 1 else candidates
    if not chosen:
        stem, suffix = posixpath.splitext(last)
        told_suffix = stem == _last(image) and suffix.lower() in SUFFIXES
        return files.picture(image + (suffix if told_suffix else ".jpg")), ""
    reason = ""
    if len(chosen) > 1:
        reason = f"its picture may be {' or '.join(chosen)}: remove one, or name it as <filename>"
    elif (owner := _stem(chosen[0])) != image and owner in files.annotations:
        reason = f"has no picture: its <filename> is that of {owner}, {chosen[0]}"
    return files.picture(chosen[0]), reason


def _called(name: str, image: str, files: Files) -> Sequence[str]:
    """The pictures of a name: of its longest end that is there, near the image first.

    With another suffix or none they are found too.
    """
    parts = [part for part in name.split("/") if part not in ("", ".", "..")][-DEEPEST:]
    near = image.rpartition("/")[0]
    for start in range(len(parts)):
        end = "/".join(parts[start:])
        for place in dict.fromkeys((posixpath.join(near, end), end)):
            alike = files.pictures.get(_stem(place), ())
            found = [file for file in alike if file == place] or files.pictures.get(place) or alike
            if found:
                return found
    return ()


# On text, because there are tens of thousands of names.
def _stem(file: str) -> str:
    return posixpath.splitext(file)[0]


def _suffix(file: str) -> str:
    return posixpath.splitext(file)[1].lower()


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def below(part: str, name: str) -> str:
    """A file or folder relative to the tree, given it relative to a place of annotations or pictures."""
    if EACH in part:
        split, _, name = name.partition("/")
        part = part.replace(EACH, split)
    return posixpath.normpath(posixpath.join(part, name))
