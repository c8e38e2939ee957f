"""Pictures that a list names without their suffix."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from bench.datasets.layouts.walk import nearest_folder
from bench.datasets.pictures.read import SUFFIXES


class PictureNames:
    """The pictures below a folder, by their names without suffix; each folder is listed once.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[PurePosixPath, dict[str, list[str]]] = {}

    def candidates(self, file: str) -> list[str]:
        """The files that a name may mean, relative to the root; the name itself where there is none.

        Args:
            file: relative to the root. With the suffix of a picture it means what it says.
        """
        path = PurePosixPath(file)
        if path.suffix.lower() in SUFFIXES:
            return [file]
        if path.parent not in self._found:
            self._found[path.parent] = self._list(path.parent)
        names = self._found[path.parent].get(path.name, [path.name])
        return [(path.parent / name).as_posix() for name in names]

    def sources(self) -> tuple[str, ...]:
        """The folders that were listed, or what there is of them: what was found holds while they stay so."""
        there = {nearest_folder(self._root, folder) for folder in self._found}
        return tuple(sorted(folder.as_posix() for folder in there))

    def _list(self, folder: PurePosixPath) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        names = sorted(_files(self._root / folder))
        for name in names:
            if PurePosixPath(name).suffix.lower() in SUFFIXES:
                found.setdefault(PurePosixPath(name).stem, []).append(name)
        # A file that has the very name is meant, whatever else begins like it.
        return found | {name: [name] for name in names}


def _files(folder: Path) -> Iterable[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except (OSError, ValueError):
        return []
