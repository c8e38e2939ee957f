"""Files in a folder and the folders below it, by the ends of their names."""

import os
from collections.abc import Iterator
from pathlib import Path
from posixpath import splitext
from typing import NamedTuple

DEEPEST = 20
"""Folders of a written name that are looked at: nothing lies deeper, and a name may have thousands."""


class Found(NamedTuple):
    """What lies below a folder, relative to it and with `/` on every system.

    Attributes:
        folders: the folder itself, as `.`, and those below it: while their times stay, no file came or went.
        files: the files, sorted.
    """

    folders: tuple[str, ...]
    files: tuple[str, ...]


def files_below(top: Path, suffixes: frozenset[str]) -> Found:
    """Every file below a folder whose name ends in one of the suffixes, in lower or upper case.

    What begins with a dot is passed over, file or folder: macOS writes such files beside every other.
    """
    folders, files = ["."], []
    for folder, names in _walk(top):
        folders.append(folder)
        files += [
            name if folder == "." else f"{folder}/{name}"
            for name in names
            if name[0] != "." and splitext(name)[1].lower() in suffixes
        ]
    return Found(tuple(dict.fromkeys(folders)), tuple(sorted(files)))


def _walk(top: Path) -> Iterator[tuple[str, list[str]]]:
    """Every folder below one with the names of its files; links are followed, each folder is entered once."""
    seen = set()
    for folder, inner, names in os.walk(top, followlinks=True):
        place = Path(folder)
        real = place.resolve()
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        inner[:] = sorted(name for name in inner if name[0] != ".")
        yield place.relative_to(top).as_posix(), names
