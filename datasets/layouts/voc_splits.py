"""How many images each split of a VOC tree has: by its lists, else by the folders of its annotations."""

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from bench.datasets.layout import VOCDevkit
from bench.datasets.layouts.voc_files import LISTS, Files
from bench.datasets.layouts.walk import nearest_folder
from bench.datasets.listing import read_lines
from bench.errors import UserError


class Splits(NamedTuple):
    """The images of each split, without splits all of whose images are in one that is used.

    Attributes:
        images: how many there are.
        sources: the lists and the folder that say so, relative to the tree.
    """

    images: Mapping[str, int]
    sources: tuple[str, ...] = ()


def lists_in(folder: Path) -> list[Path]:
    """The lists of whole splits: those of a class have its name and `_` before that of the split."""
    found = sorted((folder / LISTS).glob("*.txt"))
    return [path for path in found if "_" not in path.stem and path.name[0] != "."]


def splits_of(folder: Path, layout: VOCDevkit, files: Files) -> Splits:
    """What splits there are; none where they are drawn, and where the definition knows all of them."""
    if not layout.lists:
        return Splits({})
    # A list that comes later takes the place of folders.
    place = nearest_folder(folder, PurePosixPath(LISTS)).as_posix()
    if not (folder / LISTS).is_dir():
        folders = Counter(image.partition("/")[0] for image in files.annotations if "/" in image)
        return Splits(folders, (place,))
    paths = lists_in(folder)
    listed = {path.stem: _images(path, files) for path in paths}
    used = {image for split in layout.lists for image in listed.get(split, ())}
    counts = {
        split: len(images) for split, images in listed.items() if split in layout.lists or images - used
    }
    return Splits(counts, (place, *(f"{LISTS}/{path.name}" for path in paths)))


def _images(path: Path, files: Files) -> set[str]:
    """The images that a list names; others have lists of classes, or of nothing, beside them."""
    with suppress(UserError):
        names = {line.replace("\\", "/") for line in read_lines(path)}
        return {name for name in names if name in files.annotations or name in files.pictures}
    return set()
