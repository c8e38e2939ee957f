"""Pictures whose names do not say so: they are passed over where pictures are found by their names."""

import re
from collections.abc import Sequence
from pathlib import Path

from bench.datasets.layouts.walk import is_inside, kind_of
from bench.errors import cut

# They lie beside pictures by the thousand, and need not be opened.
SIDE_FILES = frozenset(
    {".txt", ".json", ".xml", ".csv", ".tsv", ".yaml", ".yml", ".md", ".html", ".ini", ".db", ".npy"}
)
# What files of pictures begin with, those of formats that are not read among them.
_BEGINNINGS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|II\*\0|MM\0\*|RIFF....WEBP|BM....\0\0\0\0|P[1-6]\s+\d"
    rb"|....ftyp(?:avif|hei[cfsx]|mif1)",
    re.DOTALL,
)
LONGEST = 16
"""Bytes that tell the format of a file."""


def is_unnamed(path: Path, root: Path | None = None) -> bool:
    """Whether a file that is not named as a picture holds one all the same, or is a link that leads nowhere.

    Args:
        path: a file or link that is there.
        root: what a link may not lead out of, if anything; one that does is not followed.
    """
    if path.suffix.lower() in SIDE_FILES or (root is not None and not is_inside(path, root)):
        return False
    kind = kind_of(path)
    if kind != "file":  # a pipe could be read for ever
        return kind == "none"
    try:
        with path.open("rb") as file:
            return _BEGINNINGS.match(file.read(LONGEST)) is not None
    except OSError:  # nothing can be told of it
        return False


def unnamed_notes(folder: Path, root: Path, files: Sequence[str]) -> tuple[str, ...]:
    """A sentence on the files of a data set that are pictures but for their names, if there are any.

    Args:
        folder: of the data set.
        root: what links may not lead out of.
        files: those without the suffix of a picture, relative to it.
    """
    found = [file for file in files if is_unnamed(folder / file, root)]
    return (f"{unnamed(found)}: rename them, or remove them",) if found else ()


def unnamed(files: Sequence[str]) -> str:
    """What is wrong with such files, and the first of them."""
    said = "1 file does" if len(files) == 1 else f"{len(files)} files do"
    holds = "holds one or leads" if len(files) == 1 else "hold one or lead"
    return f"{said} not have the suffix of a picture but {holds} nowhere, {cut(repr(files[0]))} for one"
