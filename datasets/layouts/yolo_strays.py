"""Text files with labels that no image has: the image that was meant would count as one without a label."""

import os
import posixpath
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.datasets.layouts.walk import PICTURES, is_inside, kind_of
from bench.datasets.layouts.yolo_texts import text_of
from bench.datasets.odd.alike import letters

# A first line as labels have it, which lists of classes or of images do not.
_LABELS = re.compile(rb"\s*\d+(?:\.0*)?(?:[ \t]+[-+.0-9eE]+){4}")
BEGINNING = 1000
"""Bytes of a text file that are looked at."""


class Strays(NamedTuple):
    """The text files in the folders of labels that are of no picture.

    Attributes:
        misnamed: by image without a text file, the one that differs from its name in its suffix, or in what
            `letters` folds, alone.
        others: those of which the image cannot be told.
    """

    misnamed: dict[str, str]
    others: list[str]


def strays(folder: Path, images: Sequence[str]) -> Strays:
    """The text files with labels, in the folders of those of some images, that are of no picture there.

    Args:
        folder: of the data set.
        images: relative to it.
    """
    texts = {text_of(image): image for image in images}
    homes = dict.fromkeys(map(posixpath.dirname, texts))
    places = dict.fromkeys((*homes, *map(posixpath.dirname, images)))
    # A list may leave out some of the pictures that lie there.
    pictures = (file for place in places for file in _files(folder, place) if _suffix(file) in PICTURES)
    meant = {**{text_of(file): file for file in pictures}, **texts}
    found = [file for home in homes for file in _files(folder, home) if _suffix(file) == ".txt"]
    left = [file for file in found if file not in meant and _has_labels(folder / file, folder)]
    if not left:
        return Strays({}, [])
    alike = {_key(text): text for text in meant}
    misnamed: dict[str, str] = {}
    others = []
    for file in left:
        text = alike.get(_key(file), "")
        image = texts.get(text, "")
        if text and kind_of(folder / text) == "file":
            # Where the disk takes both names for one, it is no stray.
            others += [] if (folder / text).samefile(folder / file) else [file]
        elif image and image not in misnamed:
            misnamed[image] = file
        else:
            others.append(file)
    return Strays(misnamed, others)


def _files(folder: Path, place: str) -> list[str]:
    try:
        names = sorted(os.listdir(folder / place))  # noqa: PTH208 (a path for each of thousands takes seconds)
    except OSError:  # it is not there: no image has a text file then
        return []
    return [posixpath.join(place, name) for name in names if not name.startswith(".")]


def _suffix(file: str) -> str:
    return posixpath.splitext(file)[1].lower()


def _key(text: str) -> tuple[str, str]:
    """What text files of one image have in common, however it was written: `P1.jpg.TXT`, `p1.txt`."""
    home, name = posixpath.split(text)
    stem = posixpath.splitext(name)[0]
    return home, letters(posixpath.splitext(stem)[0] if _suffix(stem) in PICTURES else stem)


def _has_labels(path: Path, folder: Path) -> bool:
    if kind_of(path) != "file" or not is_inside(path, folder):
        return False
    try:
        with path.open("rb") as file:
            return _LABELS.match(file.read(BEGINNING).removeprefix(b"\xef\xbb\xbf")) is not None
    except OSError:  # nothing can be told of it
        return False
