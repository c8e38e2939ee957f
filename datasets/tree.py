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


def is_hidden(name: str) -> bool:
    """Whether a file or folder is passed over: macOS writes such ones beside others and in archives."""
    return name.startswith(".") or name == "__MACOSX"


def files_below(top: Path, suffixes: frozenset[str]) -> Found:
    """Every file below a folder whose name ends in one of the suffixes, in lower or upper case.

    Hidden files and folders are passed over.
    """
    folders, files = ["."], []
    for folder, names in _walk(top):
        folders.append(folder)
        files += [
            name if folder == "." else f"{folder}/{name}"
            for name in names
            if not is_hidden(name) and splitext(name)[1].lower() in suffixes
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
        inner[:] = sorted(name for name in inner if not is_hidden(name))
        yield place.relative_to(top).as_posix(), names
