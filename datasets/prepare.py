"""Read the annotations of a split into an index, and keep it for as long as their files stay the same."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.datasets.check import FileChecks
from bench.datasets.index import SplitIndex
from bench.datasets.info import DataSetInfo
from bench.datasets.layout import ALL, MadeSplit
from bench.datasets.listing import Listing, Problem, problem_lines, reader_of
from bench.datasets.splits import positions_of, too_few_to_choose_on
from bench.errors import UserError
from bench.files import read_json, write_text
from bench.names import file_name
from bench.progress import Progress
from bench.settings import work_folder

# Raised when a reader or the file changes, so that older indices are not believed.
VERSION = 6


@dataclass(frozen=True)
class Prepared:
    """A split as its annotations describe it; its images have not been opened.

    Attributes:
        index: images and labels, with checksums of zero.
        problems: annotations that cannot be used.
        notes: what a person should know of how the files were understood.
        splits: how many images each split has that the files name.
        file: where the index is kept.
        read: whether the annotations were read now, or the kept index was still good.
    """

    index: SplitIndex
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    splits: Mapping[str, int]
    file: Path
    read: bool


def with_classes(info: DataSetInfo, folder: Path) -> DataSetInfo:
    """The data set with its class names, read from the data where its definition does not list them.

    Names that were read are kept beside the indices: the files that they come from may be large.

    Raises:
        UserError: as the layout's reader.
    """
    if info.classes:
        return info
    reader = reader_of(info.layout)
    file = work_folder() / "indices" / _definition(info, folder) / "classes.json"
    states = {source: _state(folder / source) for source in reader.class_sources(folder, info.layout)}
    names = _kept_names(file, states)
    if names is None:
        names = reader.class_names(folder, info.layout)
        write_text(file, json.dumps({"classes": names, "files": states}))
    return replace(info, classes=names)


def _kept_names(file: Path, states: dict[str, list[int]]) -> tuple[str, ...] | None:
    """The kept class names, or None where there are none that are good."""
    try:
        kept = read_json(file)
        return tuple(kept["classes"]) if kept["files"] == states else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def prepare_split(info: DataSetInfo, folder: Path, split: str, progress: Progress | None = None) -> Prepared:
    """The index of a split: the kept one, or a new one where the annotations have changed since.

    An index is stamped with data set, folder, definition, sources, counts and hash. One that is damaged, of
    another version, or whose sources have changed is made again.

    Args:
        info: the data set, with its classes.
        folder: where it lies.
        split: which split.
        progress: called with (done, total) while annotations are read.

    Raises:
        UserError: as the layout's reader; the split has a name that no file can have; or there is no label.
    """
    kept_as = file_name(split, f"split of {info.name}")
    file = work_folder() / "indices" / _definition(info, folder) / f"{kept_as}.npz"
    kept = _load(file, folder)
    if kept is not None:
        index, notes, splits = kept
        return Prepared(index, (), notes, splits, file, read=False)
    listing, is_sound = _list(info, folder, split, progress)
    checksums = np.zeros(len(listing.ids), np.uint32)
    index = SplitIndex(listing.ids, folder, listing.files, listing.labels, checksums)
    if is_sound:
        index.save(file, _stamp(info, folder, split, index, listing))
    return Prepared(index, listing.problems, listing.notes, listing.splits, file, read=True)


def _list(info: DataSetInfo, folder: Path, split: str, progress: Progress | None) -> tuple[Listing, bool]:
    """The listing of a split, and whether that which it was made from has no problem."""
    reader = reader_of(info.layout)
    if info.made is None:
        listing = reader.read(folder, info.layout, split, info.classes, progress)
        _refuse_without_classes(info, folder, listing)
        is_sound = not listing.problems
    else:
        if info.carved_from is None:
            whole = reader.read(folder, info.layout, ALL, info.classes, progress)
            _refuse_without_classes(info, folder, whole)
        else:
            whole, _ = _list(info.carved_from, folder, info.carved_from.train_split, progress)
        try:
            listing = _drawn(whole, split == info.train_split, info.made)
            if not listing.ids:
                raise UserError(f"{folder}: the split {split} of {info.name} has no image.")
        except UserError as error:
            # Of a validation split the share is not the user's to change.
            said = too_few_to_choose_on(info.carved_from, 0) if info.carved_from else error
            raise _too_few(said, info, folder, whole) from error
        is_sound = not whole.problems
    if not listing.ids:
        raise UserError(f"{folder}: the split {split} of {info.name} has no image.")
    return listing, is_sound


def _refuse_without_classes(info: DataSetInfo, folder: Path, listing: Listing) -> None:
    """UserError where images can be used but nothing has a label; where none can, that is what is wrong."""
    if not info.classes and not set(listing.ids) <= {problem.image for problem in listing.problems}:
        raise UserError(
            f"None of the images of {info.name} in {folder} has a label, so there is no class to train on; "
            "give them labels, or say in the description where these stand."
        )


def _too_few(error: UserError, info: DataSetInfo, folder: Path, whole: Listing) -> UserError:
    """The error for images that are too few to draw splits from, with what cannot be used of them."""
    bad = {problem.image for problem in whole.problems}
    left = {file: image for image, file in zip(whole.ids, whole.files, strict=True) if image not in bad}
    verdicts = FileChecks(folder, work_folder() / "cache").read(left)
    problems = [*whole.problems] + [
        Problem(left[file], folder / file, found.problem) for file, found in verdicts.items() if found.problem
    ]
    if not problems:
        return error if whole.ids else UserError(f"{folder}: {info.name} has no image.")
    count = f"{len(problems)} files of {info.title} cannot be used"
    return UserError(f"{str(error).rstrip('.')}; {count}:{problem_lines(problems)}")


def _drawn(whole: Listing, train: bool, made: MadeSplit) -> Listing:
    """One of the two splits that are drawn from all images.

    They are drawn from those without a problem: what is left out changes nothing for the others. The problems
    are the training split's.
    """
    bad = {problem.image for problem in whole.problems}
    sound = [position for position, image in enumerate(whole.ids) if image not in bad]
    mine = [sound[i] for i in positions_of(train, whole.labels[sound], made)]
    if train:
        mine = sorted([*mine, *(position for position, image in enumerate(whole.ids) if image in bad)])
    return replace(
        whole,
        ids=tuple(whole.ids[i] for i in mine),
        files=tuple(whole.files[i] for i in mine),
        labels=whole.labels[mine],
        problems=whole.problems if train else (),
    )


def _definition(info: DataSetInfo, folder: Path) -> str:
    """A folder name for what is read from a tree: the splits of one definition lie together."""
    published = info.carved_from and (info.carved_from.train_split, info.carved_from.made)
    text = repr((VERSION, info.name, info.layout, info.made, info.classes, str(folder.resolve()), published))
    name = file_name(info.name, "data set")
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _stamp(
    info: DataSetInfo, folder: Path, split: str, index: SplitIndex, listing: Listing
) -> dict[str, Any]:
    return {
        "data set": info.name,
        "split": split,
        "source": info.source,
        "folder": str(folder),
        "images": len(index),
        "positives": int((index.labels == 1).sum()),
        "difficult": int((index.labels == 0).sum()),
        "hash": index.fingerprint(),
        "notes": listing.notes,
        "splits": dict(listing.splits),
        "files": {source: _state(folder / source) for source in listing.sources},
    }


def _state(path: Path) -> list[int]:
    """What changes when a file does; of one that is not there, nothing."""
    try:
        status = path.stat()
    except OSError:  # a link that leads nowhere; its reader says so
        return [-1, -1]
    return [status.st_size, status.st_mtime_ns]


def _load(file: Path, folder: Path) -> tuple[SplitIndex, tuple[str, ...], Mapping[str, int]] | None:
    """The kept index with its notes and splits, or None where there is none that is good."""
    try:
        index, stamp = SplitIndex.load(file, folder)
        if all(_state(folder / source) == state for source, state in stamp["files"].items()):
            return index, tuple(stamp["notes"]), dict(stamp["splits"])
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        pass  # made again
    return None
