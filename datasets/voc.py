"""The PASCAL VOC devkit layout: JPEGImages, Annotations, ImageSets/Main."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError


def find_devkit(root: Path, folder: str) -> Path:
    """The folder that holds a year of the devkit, given it, its parent, or the parent of `VOCdevkit`.

    Raises:
        UserError: says what was looked for, where, and what is there.
    """
    root = root.expanduser().absolute()
    candidates = [root / "VOCdevkit" / folder, root / folder, root]
    for candidate in candidates:
        if candidate.name == folder and (candidate / "ImageSets" / "Main").is_dir():
            missing = [part for part in ("JPEGImages", "Annotations") if not (candidate / part).is_dir()]
            if missing:
                raise UserError(
                    f"{candidate} is incomplete: it has no {' and no '.join(missing)}; "
                    "unpack the whole archive there."
                )
            return candidate
    if not root.is_dir():
        raise UserError(
            f"The data root {root} is not a folder; give the folder that holds VOCdevkit/{folder}."
        )
    there = ", ".join(sorted(entry.name for entry in root.iterdir())[:8]) or "nothing"
    raise UserError(
        f"No {folder} under {root}: looked for VOCdevkit/{folder}/ImageSets/Main and "
        f"{folder}/ImageSets/Main; the folder holds {there}."
    )


def read_list(devkit: Path, split: str) -> tuple[str, ...]:
    """The image ids of a split, in the order of `ImageSets/Main/SPLIT.txt`.

    Raises:
        UserError: the list is absent, empty, not text, or names an image twice.
    """
    path = devkit / "ImageSets" / "Main" / f"{split}.txt"
    if not path.is_file():
        there = sorted(entry.stem for entry in path.parent.glob("*.txt") if "_" not in entry.stem)
        raise UserError(f"No list {path}; the lists there are: {', '.join(there) or 'none'}.")
    try:
        ids = tuple(path.read_text(encoding="utf-8").split())
    except UnicodeDecodeError as error:
        raise UserError(f"The list {path} is not a text file: {error}.") from error
    if not ids:
        raise UserError(f"The list {path} is empty.")
    if len(set(ids)) < len(ids):
        twice = next(image for image in ids if ids.count(image) > 1)
        raise UserError(f"The list {path} names image {twice} more than once.")
    return ids


def read_annotation(path: Path) -> dict[str, int]:
    """The classes of one image: 1 where any object is not difficult, else 0.

    Raises:
        ValueError: the file is not XML, not an annotation, or an object lacks its name.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # LookupError: an unknown encoding
        raise ValueError(f"not well-formed XML: {error}") from error
    if root.tag != "annotation":
        raise ValueError(f"not an annotation but <{root.tag}>")
    found: dict[str, int] = {}
    for number, element in enumerate(root.iter("object"), start=1):
        name = (element.findtext("name") or "").strip()
        difficult = (element.findtext("difficult") or "0").strip()
        if not name or difficult not in ("0", "1"):
            raise ValueError(f"object {number} has name '{name}' and difficult '{difficult}'")
        found[name] = max(found.get(name, 0), 1 - int(difficult))
    return found


def label_row(found: dict[str, int], classes: tuple[str, ...]) -> NDArray[np.int8]:
    """One label row `(C,)`: 1 positive, 0 difficult, -1 absent; KeyError for an unknown class."""
    column = {name: position for position, name in enumerate(classes)}
    row = np.full(len(classes), -1, dtype=np.int8)
    for name, value in found.items():
        row[column[name]] = value
    return row
