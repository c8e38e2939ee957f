"""Visual Genome as published, with the lists of SSGRL: objects.json, and the images in two folders."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.datasets.layout import ALL, VisualGenome
from bench.datasets.listing import (
    Listing,
    Problem,
    label_matrix,
    missing_tree,
    places,
    read_lines,
    refuse_duplicates,
)
from bench.errors import UserError, cut
from bench.files import open_text
from bench.progress import Progress

NAMES = frozenset({"vg", "vg500", "visualgenome", "visualgenome1.4"})
OBJECTS = "objects.json"
# Each image lies in one of them.
FOLDERS = ("VG_100K", "VG_100K_2")
SPLITS = ("train", "test")
CHUNK = 1 << 22  # characters


@dataclass(frozen=True)
class Objects:
    """What objects.json says, without where the objects are.

    Attributes:
        names: object names, in the order in which they appear.
        counts: how many objects have each.
        images: of every image id, positions in `names`, each once.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...]
    images: dict[int, tuple[int, ...]]


def find(root: Path, layout: VisualGenome) -> Path:
    """The folder that holds objects.json: the data root, or one in it that is called vg or alike."""
    lists = [_list_name(split, layout) for split in SPLITS]
    for folder in places(root, NAMES):
        if any((folder / part).exists() for part in (OBJECTS, FOLDERS[0], lists[0])):
            missing = [part for part in (OBJECTS, *lists, FOLDERS[0]) if not (folder / part).exists()]
            if missing:
                raise UserError(
                    f"{folder} is incomplete: it has no {' and no '.join(missing)}; the lists are SSGRL's, "
                    "the rest comes out of Visual Genome's archives."
                )
            return folder
    raise missing_tree(root, layout, f"{OBJECTS}, here or in vg")


def class_names(folder: Path, layout: VisualGenome) -> tuple[str, ...]:
    """The names that most objects have, the most frequent first; of equals, the one that appears first.

    An object has several names; the first one counts, as it is written (the rule of the
    MultiLabelClassification code; SSGRL's own label file numbers its classes without naming them).
    """
    objects = _objects(folder, None)
    if len(objects.names) < layout.names:
        raise UserError(
            f"{folder / OBJECTS} has {len(objects.names)} different names, fewer than {layout.names}: it is "
            "not the whole file."
        )
    order = np.argsort(-np.array(objects.counts), kind="stable")
    return tuple(objects.names[position] for position in order[: layout.names])


def class_sources(folder: Path, layout: VisualGenome) -> tuple[str, ...]:
    """objects.json."""
    return (OBJECTS,)


def read(
    folder: Path, layout: VisualGenome, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The images of a list, also those with none of the classes; or every image of objects.json."""
    if split not in (*SPLITS, ALL):
        raise UserError(f"Visual Genome has no split '{split}', only {' and '.join(SPLITS)}.")
    objects = _objects(folder, progress)
    lists = () if split == ALL else (_list_name(split, layout),)
    numbers = _read_list(folder / lists[0]) if lists else list(objects.images)
    column_of = {name: column for column, name in enumerate(classes)}
    columns = [column_of.get(name, -1) for name in objects.names]
    labels = label_matrix(len(numbers), classes)
    problems = []
    for row, number in enumerate(numbers):
        if number not in objects.images:
            problems.append(Problem(str(number), folder / OBJECTS, "says nothing of this image"))
            continue
        found = [columns[position] for position in objects.images[number] if columns[position] >= 0]
        labels[row, found] = 1
    return Listing(
        ids=tuple(map(str, numbers)),
        files=tuple(_files(folder, numbers)),
        labels=labels,
        sources=(*lists, OBJECTS, *(name for name in FOLDERS if (folder / name).is_dir())),
        problems=tuple(problems),
    )


def _list_name(split: str, layout: VisualGenome) -> str:
    return f"{split}_list_{layout.names}.txt"


def _read_list(path: Path) -> list[int]:
    """The image ids of a list with lines such as 2317429.jpg."""
    lines = read_lines(path)
    refuse_duplicates(tuple(lines), path)
    for number, line in enumerate(lines, start=1):
        if not (line.endswith(".jpg") and line.removesuffix(".jpg").isdecimal()):
            raise UserError(f"{path}, line {number}: '{line}' is not an image such as 2317429.jpg.")
    return [int(line.removesuffix(".jpg")) for line in lines]


def _files(folder: Path, numbers: list[int]) -> list[str]:
    """The file of each image; what neither folder has is looked for in the first when it is opened."""
    names = [f"{number}.jpg" for number in numbers]
    first, second = (folder / name for name in FOLDERS)
    if second.is_dir():
        in_second = {entry.name for entry in second.iterdir()}
        return [f"{FOLDERS[name in in_second]}/{name}" for name in names]
    absent = set(names) - {entry.name for entry in first.iterdir()}
    if absent:
        raise UserError(
            f"{folder} has no folder {FOLDERS[1]}, and {len(absent)} of {len(names)} images are not in "
            f"{FOLDERS[0]}, {min(absent)} for one; unpack both archives of images there."
        )
    return [f"{FOLDERS[0]}/{name}" for name in names]


def _objects(folder: Path, progress: Progress | None) -> Objects:
    """What objects.json says; read once, as it has 400 MB and every split needs all of it."""
    path = folder / OBJECTS
    status = path.stat()
    key = (path, status.st_size, status.st_mtime_ns)
    if key not in _READ:
        _READ.clear()
        try:
            _READ[key] = _read_objects(path, progress)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path} is not JSON in UTF-8: {cut(str(error))}.") from error
    return _READ[key]


_READ: dict[tuple[Path, int, int], Objects] = {}


def _read_objects(path: Path, progress: Progress | None) -> Objects:
    positions: dict[str, int] = {}
    counts: Counter[int] = Counter()
    images: dict[int, tuple[int, ...]] = {}

    def first_name(entry: dict[str, Any]) -> Any:
        """An object becomes the position of its first name, so that a million of them take no room."""
        if "objects" in entry:
            return entry
        names = entry.get("names")
        if not (isinstance(names, list) and names and isinstance(names[0], str)):
            return None
        return positions.setdefault(names[0], len(positions))

    for number, entry in enumerate(_elements(path, first_name, progress)):
        if not isinstance(entry, dict) or not isinstance(entry.get("objects"), list):
            raise UserError(f"{path}: element {number} has no list 'objects'.")
        image, objects = entry.get("image_id"), entry["objects"]
        if type(image) is not int or image in images:
            raise UserError(f"{path}: element {number} has image_id {image!r}; each has a number of its own.")
        nameless = [place for place, found in enumerate(objects) if type(found) is not int]
        if nameless:
            raise UserError(f"{path}: object {nameless[0]} of image {image} has no name in 'names'.")
        counts.update(objects)
        images[image] = tuple(dict.fromkeys(objects))
    return Objects(tuple(positions), tuple(counts[position] for position in positions.values()), images)


def _elements(path: Path, hook: Callable[[dict[str, Any]], Any], progress: Progress | None) -> Iterator[Any]:
    """The elements of a JSON array one after the other; the file is never whole in memory.

    Args:
        path: the file.
        hook: what becomes of each object at any depth, the inner ones first.
        progress: called with megabytes read and in all.

    Raises:
        UserError: it is not a JSON array, or not a whole one.
    """
    decoder = json.JSONDecoder(object_hook=hook)
    megabytes = path.stat().st_size >> 20
    with open_text(path) as file:
        text = file.read(CHUNK).lstrip()
        if not text.startswith("["):
            raise UserError(f"{path} is not a JSON array of images.")
        start, dropped, failed = 1, 0, -1
        while not text.startswith("]", start := _end_of_gap(text, start)):
            try:
                element, start = decoder.raw_decode(text, start)
            except json.JSONDecodeError as error:
                where, more = dropped + error.pos, file.read(CHUNK)
                if not more or where == failed:  # more text did not help
                    raise UserError(
                        f"{path} is not whole JSON: {error.msg} at character {where}; it may be cut off, so "
                        "unpack it again."
                    ) from None
                text, start, dropped, failed = text[start:] + more, 0, dropped + start, where
                if progress is not None:
                    progress(dropped >> 20, megabytes)
            else:
                yield element


def _end_of_gap(text: str, start: int) -> int:
    """Where the next element begins, behind commas and white space."""
    gap = re.compile(r"[\s,]*").match(text, start)
    return gap.end() if gap else start
