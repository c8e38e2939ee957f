"""Pictures that a list names without their suffix."""

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from bench.datasets.layouts.walk import nearest_folder
from bench.datasets.pictures.read import SUFFIXES
from bench.datasets.tree import files_below


class PictureNames:
    """The pictures below a folder, by their names without suffix; each folder is listed once.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[PurePosixPath, dict[str, list[str]]] = {}
        self._below: dict[PurePosixPath, dict[str, list[str]]] = {}
        self._folders_below: list[PurePosixPath] = []

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

    def below(self, folder: PurePosixPath, name: str) -> list[str]:
        """The files in a folder or any below it that have a name, with its suffix or without.

        Args:
            folder: relative to the root.
            name: of the file, perhaps with some of the folders before it.
        """
        if folder not in self._below:
            self._below[folder] = self._list_below(folder)
        path = PurePosixPath(name)
        found = self._below[folder].get(path.name, [])
        before = path.parent.parts
        return [
            (folder / file).as_posix()
            for file in found
            if not before or PurePosixPath(file).parent.parts[-len(before) :] == before
        ]

    def sources(self) -> tuple[str, ...]:
        """The folders that were listed, or what there is of them: what was found holds while they stay so."""
        listed = (*self._found, *self._folders_below)
        there = {nearest_folder(self._root, folder) for folder in listed}
        return tuple(sorted(folder.as_posix() for folder in there))

    def _list_below(self, folder: PurePosixPath) -> dict[str, list[str]]:
        folders, files = files_below(self._root / folder, SUFFIXES)
        self._folders_below += [folder / inner for inner in folders]
        found: dict[str, list[str]] = {}
        for file in files:
            path = PurePosixPath(file)
            for name in {path.name, path.stem}:
                found.setdefault(name, []).append(file)
        return found

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
