"""Walk the folders of a data set that a stranger may have packed: its pictures, and nothing outside."""

import os
import stat
from pathlib import Path, PurePosixPath
from posixpath import splitext
from typing import Literal, NamedTuple

from bench.datasets.listing import refuse_control_characters
from bench.datasets.pictures.read import SUFFIXES
from bench.datasets.tree import is_hidden
from bench.errors import UserError

# Pictures all the same: they are reported instead of being passed over.
NOT_READ = frozenset({".avif", ".dng", ".heic", ".heif", ".jp2", ".jxl", ".pfm", ".svg"})
PICTURES = SUFFIXES | NOT_READ
"""What the names of pictures end in."""


class Entries(NamedTuple):
    """What a folder holds, in alphabetical order; `others` are files, and links that lead nowhere."""

    pictures: list[str]
    folders: list[str]
    others: list[str]


def kind_of(path: Path) -> Literal["file", "folder", "other", "none"]:
    """What a path leads to: nothing, too, where its name is one that the system cannot have."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return "none"
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else "other"


def nearest_folder(root: Path, place: PurePosixPath) -> PurePosixPath:
    """A folder, or the one nearest to it on the way from the root that is there.

    Its time changes when the next one on that way is made, or a file in the folder itself.

    Args:
        root: the folder that both are relative to.
        place: the folder, which need not be there.
    """
    return next((at for at in (place, *place.parents) if kind_of(root / at) == "folder"), PurePosixPath())


def is_inside(path: Path, root: Path) -> bool:
    """Whether a path stays in a folder once its links are followed."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def require_inside(path: Path, root: Path) -> None:
    """UserError where a link leads out of a folder: what a data set names is read in its own folder alone."""
    if not is_inside(path, root):
        raise UserError(
            f"{path} leads to {os.path.realpath(path)}, out of {root}; "
            "give a folder that holds both as 'root'."
        )


def entries(folder: Path, root: Path) -> Entries:
    """What a folder holds by the names. Hidden files and folders are passed over.

    Args:
        folder: the folder.
        root: what links may not lead out of.

    Raises:
        UserError: a link leads out of the root, or a name has a character that no list can hold; of pictures
            and folders alone.
    """
    found = Entries([], [], [])
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        is_link = entry.is_symlink()
        is_folder = kind_of(Path(entry.path)) == "folder" if is_link else entry.is_dir()
        is_picture = not is_folder and splitext(entry.name)[1].lower() in PICTURES
        if is_hidden(entry.name):
            continue
        if not (is_folder or is_picture):
            found.others.append(entry.name)
            continue
        refuse_control_characters(entry.name, str(folder))
        if is_link:
            require_inside(Path(entry.path), root)
        (found.folders if is_folder else found.pictures).append(entry.name)
    return found


def below(folder: Path, root: Path) -> dict[str, Entries]:
    """What a folder and every folder in it hold, by folder, relative to `folder` with `/`.

    Raises:
        UserError: as `entries`, or a folder is a link, which might lead in a circle.
    """
    found: dict[str, Entries] = {}
    waiting = ["."]
    while waiting:
        place = waiting.pop()
        held = entries(folder / place, root)
        found[place] = held
        for name in reversed(held.folders):
            inner = name if place == "." else f"{place}/{name}"
            if (folder / inner).is_symlink():
                raise UserError(
                    f"{folder / inner} is a link to a folder; name the folder itself, or move it here."
                )
            waiting.append(inner)
    return found
