"""The interface of a layout's reader, and the listing of a split that it returns; for plugin authors too."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from bench.datasets.layout import Layout
from bench.errors import UserError, cut
from bench.files import open_text
from bench.progress import Progress

LISTED_AT_MOST = 50
"""Problems that a message names."""

LONGEST = 1000
"""Characters of each part of a problem."""

_DASHES = str.maketrans("", "", "-_")


@dataclass(frozen=True)
class Problem:
    """A file that cannot be used."""

    image: str
    path: Path
    reason: str

    def __str__(self) -> str:
        # Names are what files say they are: they may have any length.
        return f"{cut(self.image, LONGEST)}: {cut(str(self.path), LONGEST)}: {cut(self.reason, LONGEST)}"


def problem_lines(problems: Sequence[Problem]) -> str:
    """A line for each of the first problems, and how many more there are."""
    lines = [str(problem) for problem in problems[:LISTED_AT_MOST]]
    if len(problems) > LISTED_AT_MOST:
        lines.append(f"... and {len(problems) - LISTED_AT_MOST} more")
    return "\n  ".join(["", *lines])


@dataclass(frozen=True)
class Listing:
    """A split as its layout lists it; no image has been opened.

    Attributes:
        ids: N image ids, in the order of the published list.
        files: N image files, relative to the data set's folder, with `/` between folders.
        labels: `(N, C)` int8 with 1 positive, 0 difficult (or not known), -1 negative.
        sources: the files that were read and the folders that were looked through, likewise relative: the
            listing holds while they stay the same.
        problems: annotations that could not be used; the labels of their images mean nothing. The `image` of
            one may be none of `ids`, where it is about no image that is there.
        notes: what a person should know of how the files were understood, a sentence each.
        splits: how many images each split has that files, lists or folders tell of, those that are not asked
            for among them; empty where they tell of none, or it is known why one is not used.
    """

    ids: tuple[str, ...]
    files: tuple[str, ...]
    labels: NDArray[np.int8]
    sources: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    splits: Mapping[str, int] = field(default_factory=dict)


class Reader(Protocol):
    """What each module of `bench.datasets.layouts` provides, and that of a layout from outside.

    Each takes its own kind of `Layout`.
    """

    def find(self, root: Path, layout: Layout) -> Path:
        """The folder that holds the data set, at or below the data root.

        Raises:
            UserError: says what was looked for, where, and what is there.
        """

    def class_names(self, folder: Path, layout: Layout) -> tuple[str, ...]:
        """The class names that the data itself gives, in their order.

        Raises:
            UserError: naming file and line or field.
        """

    def class_sources(self, folder: Path, layout: Layout) -> tuple[str, ...]:
        """The files that `class_names` reads, relative to the folder: the names hold while they stay so."""

    def read(
        self, folder: Path, layout: Layout, split: str, classes: tuple[str, ...], progress: Progress | None
    ) -> Listing:
        """The list of a split, or of every image for the split `ALL`.

        Raises:
            UserError: a list or table that is absent, damaged or contradicts itself, naming file and line or
                field. What is wrong with the annotation of a single image is a `Problem` instead.
        """


def reader_of(layout: Layout) -> Reader:
    """The module that reads a layout.

    Raises:
        UserError: it cannot be imported.
    """
    try:
        return cast(Reader, import_module(layout.reader))
    except ImportError as error:
        raise UserError(
            f"The layout {type(layout).__name__} is read by {layout.reader}, which cannot be imported: "
            f"{error}; correct its reader, or install what it needs."
        ) from error


def read_as(folder: Path, layout: Layout) -> tuple[str, ...]:
    """How a data set's files are read, for its owner to see; nothing where there is no choice.

    A reader that has a choice has a function of this name, which takes the same.
    """
    account = getattr(reader_of(layout), "read_as", None)
    return account(folder, layout) if account is not None else ()


def places(root: Path, names: frozenset[str]) -> list[Path]:
    """The data root, and the folders in it with one of these names.

    Names are compared in lower case and without `-` and `_`: NUS-WIDE, nus_wide and nuswide are one.
    """
    inside = sorted(root.iterdir()) if root.is_dir() else []
    return [root, *(x for x in inside if x.name.lower().translate(_DASHES) in names and x.is_dir())]


def missing_tree(root: Path, layout: Layout, looked_for: str) -> UserError:
    """The error for a data root without the data set: what was looked for, and what is there."""
    if not root.is_dir():
        return UserError(
            f"The data root {root} is not a folder; give the folder that holds {layout.wanted()}."
        )
    there = ", ".join(sorted(entry.name for entry in root.iterdir())[:8]) or "nothing"
    return UserError(f"{root} does not hold the data set: looked for {looked_for}; the folder holds {there}.")


def read_lines(path: Path, from_pipe: bool = False) -> list[str]:
    """The lines of a list that are not blank, stripped.

    Args:
        path: the list.
        from_pipe: whether it may be a pipe. One among the files of a data set could be waited for for ever.

    Raises:
        UserError: the list is absent, no file, empty or not text, or a line has a control character.
    """
    if not from_pipe and path.exists() and not path.is_file():
        raise UserError(f"The list {path} is no file; put one there.")
    try:
        with open_text(path) as file:
            lines = [line.strip() for line in file]
    except FileNotFoundError:
        raise UserError(f"No list {path}.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"The list {path} is not a text file: {error}.") from error
    for number, line in enumerate(lines, start=1):
        refuse_control_characters(line, f"{path}, line {number}")
    kept = [line for line in lines if line]
    if not kept:
        raise UserError(f"The list {path} is empty.")
    return kept


def refuse_control_characters(name: str, where: str) -> None:
    """UserError where a name has a character that no file can have, or that would break a table's line."""
    if fault := unprintable(name):
        raise UserError(f"{where}: {name!r} {fault}.")


def unprintable(name: str) -> str:
    """What is wrong with a name that holds a control character, or half of one; empty where none is."""
    kinds = {"Cc": "control character", "Cs": "half character"}
    for character in name:
        if (category := unicodedata.category(character)) in kinds:
            return f"has the {kinds[category]} U+{ord(character):04X}; take it out"
    return ""


def refuse_duplicates(ids: tuple[str, ...], path: Path) -> None:
    """UserError where a list names an image twice."""
    if len(set(ids)) < len(ids):
        image, times = Counter(ids).most_common(1)[0]
        raise UserError(f"The list {path} names image {image} {times} times; each may stand there once.")


def label_matrix(count: int, classes: tuple[str, ...]) -> NDArray[np.int8]:
    """`(N, C)` labels, all negative."""
    return np.full((count, len(classes)), -1, dtype=np.int8)


def unpacked(folder: Path, layout: Layout, progress: Progress | None) -> Path:
    """The folder to read from, given the one that was found.

    A reader of files that hold the pictures has a function `unpack`, which takes the same and writes them as
    files where they are not there yet.
    """
    unpack = getattr(reader_of(layout), "unpack", None)
    return folder if unpack is None else unpack(folder, layout, progress)
