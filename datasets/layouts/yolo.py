"""YOLO's layout, as Ultralytics, Roboflow and CVAT write it: a data.yaml, images, a text file for each.

Of a data.yaml only `names`, `nc`, `path`, `train`, `val` and `test` are looked at: what it says of downloads,
which may be a script, is passed over.
"""

import os
import posixpath
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from bench.datasets.boxes import Shares, share_of
from bench.datasets.layout import ALL, YOLO
from bench.datasets.layouts.walk import below, is_inside, kind_of, require_inside
from bench.datasets.listing import (
    Listing,
    Problem,
    label_matrix,
    missing_tree,
    read_lines,
    refuse_control_characters,
    refuse_duplicates,
)
from bench.errors import UserError, cut
from bench.files import read_mapping
from bench.progress import Progress

SPLITS = ("train", "val", "test")
LARGEST = 16 << 20
"""Bytes of the text file of one image: ten thousand polygons of a hundred points take as many."""
# Tools that store all numbers alike write 3.0.
NUMBER = re.compile(r"([0-9]{1,9})(?:\.0*)?", re.ASCII)
REST = re.compile(r"[-+.0-9eE]+(?:[ \t]+[-+.0-9eE]+){3,}", re.ASCII)


@dataclass(frozen=True)
class _Data:
    """A data.yaml.

    Attributes:
        file: the file.
        base: the folder that its paths are relative to, itself relative to that of the data set.
        names: class names by number.
        paths: the paths of each split that it names.
    """

    file: Path
    base: str
    names: dict[int, str]
    paths: dict[str, tuple[str, ...]]


@dataclass
class _Images:
    """The images of a split, and the files and folders that say so; all relative to the data set's folder."""

    files: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)


def find(root: Path, layout: YOLO) -> Path:
    """The data root itself, which must hold the data.yaml."""
    if not (root / layout.data).is_file():
        raise missing_tree(root, layout, layout.data)
    require_inside(root / layout.data, root)
    return root


def class_names(folder: Path, layout: YOLO) -> tuple[str, ...]:
    """The names by their number."""
    return tuple(_load(folder, layout).names.values())


def class_sources(folder: Path, layout: YOLO) -> tuple[str, ...]:
    """The data.yaml."""
    return (layout.data,)


def read_as(folder: Path, layout: YOLO) -> tuple[str, ...]:
    """Where the splits are that were found, and how many images have no label for want of a text file."""
    data = _load(folder, layout)
    return tuple(_account(folder, data, split) for split in data.paths if _is_there(folder, data, split))


def _account(folder: Path, data: _Data, split: str) -> str:
    try:
        images = _images(folder, data, split).files
    except UserError as error:  # of a split that is not in use
        return str(error).rstrip(".")
    bare = sum(kind_of(folder / _text_of(image)) == "none" for image in images)
    places = ", ".join(_place(folder, data, path) or path for path in data.paths[split])
    without = f", {bare} of them without a text file and so without a label" if bare else ""
    return f"{data.file.name} has {split} in {places}: {len(images)} images{without}"


def labelled_splits(folder: Path, layout: YOLO) -> tuple[str, ...]:
    """The splits that the data.yaml names, that are there, and that have labels."""
    data = _load(folder, layout)
    there = [split for split in data.paths if _is_there(folder, data, split)]
    return tuple(split for split in there if _any_text(folder, _images(folder, data, split)))


def read(
    folder: Path, layout: YOLO, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The images of a split in the order of its folders and lists, each with the classes of its boxes.

    An image whose text file is empty or absent has no label. Where the splits are drawn, all images of the
    splits that are there are taken, but for those of a split without a single text file: a test set whose
    labels are held back.
    """
    data = _load(folder, layout)
    column = _columns(data, classes)
    found = _all(folder, data) if split == ALL else _labelled(folder, data, split)
    labels = label_matrix(len(found.files), classes)
    texts = [_text_of(image) for image in found.files]
    # Where others may appear.
    sources = [layout.data, *found.sources, *_folders(folder, texts)]
    problems = []
    for row, (image, text) in enumerate(zip(found.files, texts, strict=True)):
        try:
            numbers = _numbers(folder / text, folder, data.names)
            for number in numbers or ():
                labels[row, column[number]] = 1
            sources += [] if numbers is None else [text]
        except (OSError, ValueError) as error:
            problems.append(Problem(image, folder / text, f"cannot be read: {error}"))
        if progress is not None:
            progress(row + 1, len(texts))
    files = tuple(found.files)
    return Listing(files, files, labels, tuple(dict.fromkeys(sources)), tuple(problems))


def box_shares(
    folder: Path, layout: YOLO, split: str, ids: Sequence[str], progress: Progress | None
) -> Shares:
    """The largest boxes of images, of polygons the boxes around them; a text file with a fault has none."""
    data = _load(folder, layout)
    found = {}
    for number, image in enumerate(ids, start=1):
        path = folder / _text_of(image)
        with suppress(OSError, ValueError):
            if _numbers(path, folder, data.names):
                found[image] = _largest(path, data.names)
        if progress is not None:
            progress(number, len(ids))
    return found


def _largest(path: Path, names: Mapping[int, str]) -> dict[str, float]:
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


def _columns(data: _Data, classes: tuple[str, ...]) -> dict[int, int]:
    """The column of each class number."""
    positions = {name: position for position, name in enumerate(classes)}
    for name in data.names.values():
        if name not in positions:
            raise UserError(f"{data.file}: the class '{name}' is not in the class list of the data set.")
    return {number: positions[name] for number, name in data.names.items()}


def _load(folder: Path, layout: YOLO) -> _Data:
    file = folder / layout.data
    fields = read_mapping(file, "data file")
    home, given = posixpath.dirname(layout.data), fields.get("path") or "."
    if not isinstance(given, str):
        raise UserError(f"{file}: 'path' is {cut(repr(given))}; it takes the folder of the images.")
    # Often it is a folder of the machine that wrote it.
    refuse_control_characters(given, f"{file}: path")
    base = _within(folder, home, given)
    if base is None or kind_of(folder / base) != "folder":
        base = home
    paths = {split: _paths(fields[split], f"{file}: {split}") for split in SPLITS if fields.get(split)}
    return _Data(file, base, _names(fields, file), paths)


def _names(fields: Mapping[str, Any], file: Path) -> dict[int, str]:
    """The class names by number, in the order of the numbers."""
    given = fields.get("names")
    if not isinstance(given, list | dict) or not given:
        raise UserError(f"{file} has no 'names': it takes a list, or a mapping of numbers to names.")
    names: dict[int, str] = {}
    known: set[str] = set()
    for key, name in enumerate(given) if isinstance(given, list) else given.items():
        number = int(key) if isinstance(key, str) and NUMBER.fullmatch(key) and key.isdigit() else key
        where = f"{file}: names.{cut(str(key))}"
        if type(number) is not int or number < 0:
            raise UserError(f"{where}: {cut(repr(key))} is no class number; they are whole and begin with 0.")
        if not isinstance(name, str) or not name.strip():
            raise UserError(
                f"{where} is {cut(repr(name))}, which is no text; put yes, no and numbers in quotes."
            )
        refuse_control_characters(name, where)
        if number in names or name in known:
            raise UserError(
                f"{where}: the number or the name '{cut(name)}' stands there before; each stands once."
            )
        names[number] = name
        known.add(name)
    count = fields.get("nc", len(names))
    if count != len(names):
        raise UserError(f"{file}: 'nc' is {cut(repr(count))}, but there are {len(names)} names; correct one.")
    return dict(sorted(names.items()))


def _paths(given: Any, where: str) -> tuple[str, ...]:
    paths = given if isinstance(given, list) else [given]
    for path in paths:
        if not isinstance(path, str) or not path:
            raise UserError(
                f"{where} is {cut(repr(given))}; it takes a folder, a .txt list, or a list of them."
            )
        refuse_control_characters(path, where)
    return tuple(paths)


def _within(folder: Path, base: str, path: str) -> str | None:
    """A path relative to the data set's folder; None where it leads out, by itself or by a link.

    Args:
        folder: of the data set.
        base: what the path is relative to, itself relative to `folder`.
        path: as it was written, perhaps on another machine.
    """
    path = path.replace("\\", "/")
    if path.startswith("/"):
        homes = [home for home in (str(folder), os.path.realpath(folder)) if Path(path).is_relative_to(home)]
        if not homes:
            return None
        base, path = "", os.path.relpath(path, homes[0])
    inner = posixpath.normpath(posixpath.join(base, path))
    leads_out = inner == ".." or inner.startswith("../")
    return None if leads_out or not is_inside(folder / inner, folder) else inner


def _place(folder: Path, data: _Data, path: str) -> str | None:
    """The folder or list that a path of a data.yaml means, if it is there.

    Roboflow writes `../train/images` beside the folder `train`, and Ultralytics takes it so, too.
    """
    plain = path.replace("\\", "/")
    for spelt in dict.fromkeys((plain, plain.removeprefix("../"))):
        inner = _within(folder, data.base, spelt)
        if inner is not None and kind_of(folder / inner) != "none":
            return inner
    return None


def _is_there(folder: Path, data: _Data, split: str) -> bool:
    """Whether a split is on this machine; a part of it says that all of it should be."""
    return any(_place(folder, data, path) for path in data.paths[split])


def _all(folder: Path, data: _Data) -> _Images:
    """The images of every split that is there and has labels."""
    found = _Images()
    for split in data.paths:
        if _is_there(folder, data, split):
            images = _images(folder, data, split)
            found.sources += images.sources
            found.files += images.files if _any_text(folder, images) else []
    if not found.files:
        return _labelled(folder, data, next(iter(data.paths), SPLITS[0]))  # which says what is wrong
    return _Images(list(dict.fromkeys(found.files)), found.sources)


def _labelled(folder: Path, data: _Data, split: str) -> _Images:
    """The images of a split.

    Raises:
        UserError: they are not there, or no image has a text file: the labels must lie elsewhere.
    """
    found = _images(folder, data, split)
    if not found.files:
        raise UserError(f"{data.file}: {split}: there is no picture in {', '.join(data.paths[split])}.")
    if not _any_text(folder, found):
        raise UserError(
            f"{data.file}: none of the {len(found.files)} images of {split} has a text file with labels; "
            f"looked for {folder / _text_of(found.files[0])}, for one."
        )
    return found


def _any_text(folder: Path, images: _Images) -> bool:
    return any(kind_of(folder / _text_of(image)) == "file" for image in images.files)


def _images(folder: Path, data: _Data, split: str) -> _Images:
    """The images in the folders and lists of a split."""
    if split not in data.paths:
        there = ", ".join(data.paths) or "none"
        raise UserError(f"{data.file} names no split '{split}'; those that it names are: {there}.")
    found = _Images()
    for path in data.paths[split]:
        place = _place(folder, data, path)
        if place is None:
            raise UserError(
                f"{data.file}: {split}: '{cut(path)}' is not there, or not in {folder}; give it relative to "
                "the file, and as 'root' of your own file a folder that holds all."
            )
        if kind_of(folder / place) == "folder":
            for inner, pictures in below(folder / place, folder).items():
                at = posixpath.normpath(posixpath.join(place, inner))
                found.sources.append(at)
                found.files += [posixpath.normpath(posixpath.join(at, name)) for name in pictures]
        elif place.endswith(".txt"):
            found.sources.append(place)
            found.files += _listed(folder, data, place)
        else:
            raise UserError(
                f"{data.file}: {split}: '{cut(path)}' is neither a folder nor a .txt list of images."
            )
    refuse_duplicates(tuple(found.files), data.file)
    return found


def _listed(folder: Path, data: _Data, place: str) -> Iterator[str]:
    """The images of a list, each relative to it or to the folder of the data.yaml.

    Of paths of another machine the longest end is taken that is a file.
    """
    bases = tuple(dict.fromkeys((posixpath.dirname(place), data.base)))
    for number, line in enumerate(read_lines(folder / place), start=1):
        image = _image(folder, bases, line)
        if image is None:
            raise UserError(f"{folder / place}, line {number}: {cut(repr(line))} names no image in {folder}.")
        yield image


def _image(folder: Path, bases: tuple[str, ...], line: str) -> str | None:
    """The image that a line of a list means; where none is there, what it names, if that is in the folder."""
    plain = line.replace("\\", "/")
    parts = [part for part in plain.split("/") if part not in ("", ".", "..")]
    ends = ["/".join(parts[start:]) for start in range(len(parts))]
    from_elsewhere = plain.startswith(("/", "../")) or ":" in plain
    missing = None
    for path in (plain, *ends) if from_elsewhere else (plain,):
        for base in bases:
            inner = _within(folder, base, path)
            if inner is not None and kind_of(folder / inner) == "file":
                return inner
            missing = missing or inner
    return missing


def _text_of(image: str) -> str:
    """The text file of an image: the last folder `images` becomes `labels`, as Ultralytics does."""
    head, images, tail = f"/{image}".rpartition("/images/")
    place = f"{head}/labels/{tail}" if images else tail
    return PurePosixPath(place.lstrip("/")).with_suffix(".txt").as_posix()


def _folders(folder: Path, texts: list[str]) -> Iterator[str]:
    """The folders of the text files, or those in which they would be made.

    Raises:
        UserError: one leads out of the data set's folder.
    """
    for place in dict.fromkeys(posixpath.dirname(text) for text in texts):
        while place and kind_of(folder / place) != "folder":
            place = posixpath.dirname(place)
        require_inside(folder / place, folder)
        yield place or "."


def _numbers(path: Path, folder: Path, names: Mapping[int, str]) -> set[int] | None:
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
