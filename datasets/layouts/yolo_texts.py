"""The text file of an image in YOLO's layout: a line for each box or polygon, its class number first."""

import os
import posixpath
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from bench.datasets.boxes import share_of
from bench.datasets.layouts.walk import is_inside, nearest_folder, require_inside
from bench.datasets.layouts.yolo_data import NUMBER
from bench.errors import cut

LARGEST = 16 << 20
"""Bytes of the text file of one image: ten thousand polygons of a hundred points take as many."""
REST = re.compile(r"[-+.0-9eE]+(?:[ \t]+[-+.0-9eE]+){3,}", re.ASCII)


def text_of(image: str) -> str:
    """The text file of an image: the last folder `images` becomes `labels`, as Ultralytics does."""
    head, images, tail = f"/{image}".rpartition("/images/")
    place = f"{head}/labels/{tail}" if images else tail
    return PurePosixPath(place.lstrip("/")).with_suffix(".txt").as_posix()


def folders_of(folder: Path, texts: list[str]) -> Iterator[str]:
    """The folders of the text files, or those in which they would be made.

    Raises:
        UserError: one leads out of the data set's folder.
    """
    for place in dict.fromkeys(posixpath.dirname(text) for text in texts):
        nearest = nearest_folder(folder, PurePosixPath(place))
        require_inside(folder / nearest, folder)
        yield nearest.as_posix()


def numbers_in(path: Path, folder: Path, names: Mapping[int, str]) -> set[int] | None:
    """The class numbers in the text file of an image; None where it is not there.

    Raises:
        ValueError: it is no such file; with the line.
        OSError: it cannot be read.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(status.st_mode):
        if not is_inside(path, folder):
            raise ValueError(f"it leads to {os.path.realpath(path)}, out of {folder}")
        status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no file")
    if status.st_size > LARGEST:
        raise ValueError(f"it has more than {LARGEST} bytes")
    found = set()
    for line, text in enumerate(path.read_bytes().decode("utf-8-sig").split("\n"), start=1):
        first, *rest = text.split(maxsplit=1) or [""]
        if not first:
            continue
        number = NUMBER.fullmatch(first)
        if number is None:
            raise ValueError(f"line {line} begins with {cut(repr(first))}, which is no class number")
        if int(number[1]) not in names:
            raise ValueError(f"line {line} is of class {number[1]}, which 'names' does not have")
        if not rest or not REST.fullmatch(rest[0].rstrip()):
            raise ValueError(f"line {line} has no box or polygon of four numbers or more behind the class")
        found.add(int(number[1]))
    return found


def largest_boxes(path: Path, names: Mapping[int, str]) -> dict[str, float]:
    """By class, the share that its largest box covers; the lines have passed `_numbers`."""
    found: dict[str, float] = {}
    for line in filter(str.strip, path.read_bytes().decode("utf-8-sig").split("\n")):
        first, *rest = line.split()
        values = [float(value) for value in rest]
        if len(values) == 4:
            width, height = values[2:]
        else:  # the corners of a polygon, x and y in turn
            width, height = (max(values[n::2]) - min(values[n::2]) for n in (0, 1))
        name, share = names[int(float(first))], share_of(width, height, 1, 1)
        if share is not None:
            found[name] = max(found.get(name, 0.0), share)
    return found
