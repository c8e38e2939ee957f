"""A list of images in YOLO's layout: a .txt file that names one on each line, perhaps of another machine."""

import posixpath
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from bench.datasets.layouts.walk import kind_of, nearest_folder
from bench.datasets.layouts.yolo_data import DataFile, within
from bench.datasets.listing import read_lines
from bench.errors import UserError, cut


def listed(folder: Path, data: DataFile, place: str) -> tuple[list[str], list[str]]:
    """The images of a list, each relative to it or to the folder of the data.yaml, and its folders.

    Of paths of another machine the longest end is taken that is a file. The folders are those that were
    looked through, or what there is of them.

    Raises:
        UserError: a line names nothing in the folder of the data set.
    """
    bases = tuple(dict.fromkeys((posixpath.dirname(place), data.base)))
    images = []
    tried: set[str] = set()
    for number, line in enumerate(read_lines(folder / place), start=1):
        places = list(_until_there(folder, _meant(folder, bases, line)))
        if not places:
            raise UserError(f"{folder / place}, line {number}: {cut(repr(line))} names no image in {folder}.")
        tried.update(map(posixpath.dirname, places))
        images.append(places[-1] if kind_of(folder / places[-1]) == "file" else places[0])
    folders = {nearest_folder(folder, PurePosixPath(one)).as_posix() for one in tried}
    return images, sorted(folders)


def _until_there(folder: Path, places: Iterator[str]) -> Iterator[str]:
    """Some places up to the first that is a file: each takes time, and lists are long."""
    for place in places:
        yield place
        if kind_of(folder / place) == "file":
            return


def _meant(folder: Path, bases: tuple[str, ...], line: str) -> Iterator[str]:
    """What a line of a list may mean in the folder of the data set, the best first."""
    plain = line.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    from_elsewhere = plain.startswith(("/", "../")) or ":" in plain
    for path in (plain, *ends) if from_elsewhere else (plain,):
        for base in bases:
            inner = within(folder, base, path)
            if inner is not None:
                yield inner
