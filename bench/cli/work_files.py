"""What lies in the work folder, by kind, and how it is removed.

A link is never followed: neither is what it leads to counted or removed, nor what lies below a link.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.datasets.fetch.obtain import DOWNLOADS
from bench.datasets.fetch.sources import SOURCES, ByRequest
from bench.files import read_json
from bench.settings import BEST_FILES, EPOCHS, KEPT, MODEL, README, REPLACES, thresholds_beside


@dataclass(frozen=True)
class WorkKind:
    """A kind of what is written into the work folder.

    Attributes:
        name: what the user types.
        summary: what it is, and what removing it costs.
        find: its files and folders below a work folder.
        cache: whether it is made again when it is needed, without training or a network.
    """

    name: str
    summary: str
    find: Callable[[Path], Iterable[Path]]
    cache: bool = False


@dataclass(frozen=True)
class Held:
    """What a work folder holds of a kind: files and folders, and how many files and bytes they are."""

    kind: WorkKind
    paths: tuple[Path, ...]
    files: int
    size: int


def _matching(*patterns: str) -> Callable[[Path], Iterator[Path]]:
    return lambda folder: (path for pattern in patterns for path in sorted(folder.glob(pattern)))


def _written(*names: str) -> Callable[[Path], Iterator[Path]]:
    """Files of runs by their names; a process that was killed leaves them with a dot and an ending."""
    return _matching(*(f"runs/*/{form}" for name in names for form in (name, f".{name}.*")))


def _models(folder: Path) -> Iterator[Path]:
    """Models with their thresholds, and their model cards, but for those that somebody has written in."""
    yield from _written(MODEL, thresholds_beside(Path(MODEL)).name)(folder)
    for card in _matching(f"runs/*/{README}")(folder):
        if card.is_file() and card.read_text(encoding="utf-8", errors="replace").rstrip().endswith(KEPT):
            yield card


def _downloaded(folder: Path) -> Iterator[Path]:
    """Archives, and what their notes say was unpacked: what somebody put beside it is not ours to remove."""
    data = folder / "data"
    for source in SOURCES.values():
        for archive in () if isinstance(source, ByRequest) else source:
            place = data / archive.folder
            if archive.unpack:
                noted = _noted(data / DOWNLOADS / f"{archive.name}.unpacked.json")
                yield from (place / name for name in noted if not (place / name).is_dir())
            else:
                yield from sorted(place.glob(f"{archive.name}*"))
            yield from sorted(place.glob(f".unpacking-{archive.name}"))
    yield from _matching(f"data/{DOWNLOADS}/*")(folder)


def _noted(note: Path) -> list[str]:
    """The files that were unpacked of an archive; none where the note cannot be read."""
    try:
        files = read_json(note)["files"]
    except (OSError, ValueError, TypeError, KeyError):
        return []
    return [name for name in files if isinstance(name, str)] if isinstance(files, list) else []


EXPORTED: Final = (".onnx", ".onnx.json", ".pt2", ".pt2.json")
"""What the files of `bench export` end in, beside a model."""

KINDS: Final = {
    kind.name: kind
    for kind in (
        WorkKind("indices", "lists and annotations as they were read", _matching("indices/*"), cache=True),
        WorkKind(
            "checks", "which pictures can be read", _matching("cache/checks-*", "cache/.checks-*"), cache=True
        ),
        WorkKind("vectors", "label vectors", _matching("cache/vectors-*", "cache/.vectors-*"), cache=True),
        WorkKind(
            "pictures",
            "decoded pictures, where picture_cache keeps them",
            _matching("pictures/*"),
            cache=True,
        ),
        WorkKind("features", "of backbones that are not trained", _matching("features/*"), cache=True),
        WorkKind("intervals", "bootstrap resamples of scores", _matching("bootstrap/*"), cache=True),
        WorkKind(
            "agreements", "that metrics are those of their scores", _matching("cache/agreed"), cache=True
        ),
        WorkKind("scenes", "the drawn pictures of scenes", _matching("data/scenes-v[0-9]*"), cache=True),
        WorkKind("unpacked", "pictures that lie in tables", _matching("unpacked/*"), cache=True),
        WorkKind("downloads", "data sets and archives, to be downloaded again", _downloaded),
        WorkKind(
            "checkpoints",
            "what runs that did not end go on from, and errors of failed ones",
            _written("training.pt", EPOCHS, BEST_FILES, REPLACES, "error.txt"),
        ),
        WorkKind(
            "exports",
            "models as graphs; to be exported again",
            _written(*(f"{Path(MODEL).stem}{ending}" for ending in EXPORTED)),
        ),
        WorkKind(
            "models", "trained here, with thresholds and card; to be had again by training alone", _models
        ),
        WorkKind("jobs", "what was submitted, and what its runs printed", _matching("jobs/*")),
        WorkKind("logs", "of trainings, for TensorBoard and the like", _matching("logs/*/*")),
        WorkKind("demo", "the records and tables of `make demo`", _matching("demo/*")),
    )
}
"""By name, what can be had again most easily first."""

CACHES: Final = "caches"
"""What a user types for all that is made again when it is needed."""


def held(folder: Path) -> list[Held]:
    """What a work folder holds of every kind."""
    return [_held(kind, folder) for kind in KINDS.values()]


def _held(kind: WorkKind, folder: Path) -> Held:
    paths = tuple(dict.fromkeys(path for path in kind.find(folder) if _is_inside(path, folder)))
    sizes = [size for path in paths for size in _sizes(path)]
    return Held(kind, paths, len(sizes), sum(sizes))


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether it is there, and below the folder by its name and without passing a link.

    Names come from notes, too, which somebody may have changed.
    """
    if ".." in path.parts or not path.is_relative_to(folder) or path == folder:
        return False
    between = list(path.parents)[: len(path.relative_to(folder).parts) - 1]
    return os.path.lexists(path) and not any(parent.is_symlink() for parent in between)


def links(folder: Path) -> list[Path]:
    """The links that lie in the work folder itself or in its data: whoever made them wants them there."""
    return sorted(path for pattern in ("*", "data/*") for path in folder.glob(pattern) if path.is_symlink())


def everything(folder: Path) -> tuple[int, int]:
    """How many files a folder holds, of whatever kind, and their bytes."""
    sizes = _sizes(folder)
    return len(sizes), sum(sizes)


def _sizes(path: Path) -> list[int]:
    """Bytes of every file at or below a path; a link counts as itself."""
    if not path.is_dir() or path.is_symlink():
        return [path.lstat().st_size]
    found = []
    for folder, folders, files in os.walk(path):
        linked = [name for name in folders if Path(folder, name).is_symlink()]
        for name in (*files, *linked):
            with suppress(FileNotFoundError):  # a run that is at work replaces its files
                found.append(Path(folder, name).lstat().st_size)
    return found


def remove(found: Held, folder: Path) -> None:
    """Remove all of it, and the folders that are empty then.

    Raises:
        OSError: something cannot be removed.
    """
    emptied = set()
    for path in found.paths:
        if not _is_inside(path, folder):  # part of what went before
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        emptied |= {parent for parent in path.parents if parent != folder and parent.is_relative_to(folder)}
    for parent in sorted(emptied, key=lambda one: len(one.parts), reverse=True):
        with suppress(OSError):  # it is not empty, or gone
            parent.rmdir()
