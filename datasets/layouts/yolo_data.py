"""The data.yaml of YOLO's layout: class names by number, and where each split is.

Only `names`, `nc`, `path` and the splits are read: never what it says of downloads, which may be a script.
"""

import os
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from bench.datasets.layout import YOLO
from bench.datasets.layouts.walk import is_inside, kind_of, nearest_folder
from bench.datasets.listing import refuse_control_characters
from bench.errors import UserError, cut
from bench.files import read_mapping

SPLITS = {"train": ("train",), "val": ("val", "validation", "valid"), "test": ("test",)}
"""Under which keys a split may stand; the first that is given counts. Ultralytics takes `validation`, too."""
NO_SPLITS = frozenset({"names", "nc", "path", "download"})
"""Keys whose values are no pictures, whatever they are."""
# Tools that store all numbers alike write 3.0.
NUMBER = re.compile(r"([0-9]{1,9})(?:\.0*)?", re.ASCII)


@dataclass(frozen=True)
class DataFile:
    """A data.yaml.

    Attributes:
        file: the file.
        base: the folder that its paths are relative to, itself relative to that of the data set.
        names: class names by number.
        paths: the paths of each split that it names.
        keys: under which key these stand.
        unread: the paths under other keys, if that is what stands there.
    """

    file: Path
    base: str
    names: dict[int, str]
    paths: dict[str, tuple[str, ...]]
    keys: dict[str, str]
    unread: dict[str, tuple[str, ...]]

    def named(self, split: str) -> str:
        """A split, and the key that it stands under where that is another word."""
        key = self.keys[split]
        return split if key == split else f"{split} (called {cut(repr(key))})"


def load(folder: Path, layout: YOLO) -> DataFile:
    """Read the data.yaml of a data set.

    Raises:
        UserError: it is damaged, or a field of it is not as it should be.
    """
    file = folder / layout.data
    fields = read_mapping(file, "data file")
    home, given = posixpath.dirname(layout.data), fields.get("path") or "."
    if not isinstance(given, str):
        raise UserError(f"{file}: 'path' is {cut(repr(given))}; it takes the folder of the images.")
    # Often it is a folder of the machine that wrote it.
    refuse_control_characters(given, f"{file}: path")
    base = within(folder, home, given)
    if base is None or kind_of(folder / base) != "folder":
        base = home
    given_under = ((split, [key for key in keys if fields.get(key)]) for split, keys in SPLITS.items())
    keys = {split: there[0] for split, there in given_under if there}
    paths = {split: _paths(fields[key], f"{file}: {key}") for split, key in keys.items()}
    return DataFile(file, base, _names(fields, file), paths, keys, _unread(fields, keys.values()))


def _unread(fields: Mapping[str, Any], read: Collection[str]) -> dict[str, tuple[str, ...]]:
    """What stands under the keys that are not read, where it may be paths."""
    found = {}
    for key, given in fields.items():
        if isinstance(key, str) and key not in NO_SPLITS and key not in read:
            with suppress(UserError):  # something else
                found[key] = _paths(given, key)
    return found


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


def within(folder: Path, base: str, path: str) -> str | None:
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


def place_of(folder: Path, data: DataFile, path: str) -> str | None:
    """The folder or list that a path of a data.yaml means, if it is there."""
    return next((place for place in _meant(folder, data, path) if kind_of(folder / place) != "none"), None)


def _meant(folder: Path, data: DataFile, path: str) -> Iterator[str]:
    """What a path of a data.yaml may mean in the folder of the data set.

    Roboflow writes `../train/images` beside the folder `train`, and Ultralytics takes it so, too.
    """
    plain = path.replace("\\", "/")
    for spelt in dict.fromkeys((plain, plain.removeprefix("../"))):
        inner = within(folder, data.base, spelt)
        if inner is not None:
            yield inner


def is_there(folder: Path, data: DataFile, split: str) -> bool:
    """Whether a split is on this machine; a part of it says that all of it should be."""
    return any(place_of(folder, data, path) for path in data.paths[split])


def looked_in(folder: Path, data: DataFile, split: str) -> list[str]:
    """The folders whose time changes when a split comes or goes."""
    places = (place for path in data.paths[split] for place in _meant(folder, data, path))
    return [nearest_folder(folder, PurePosixPath(posixpath.dirname(place))).as_posix() for place in places]
