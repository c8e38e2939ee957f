"""Read every annotation and decode every image once, before anything is trained on them."""

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.datasets.images import read_image
from bench.datasets.voc import read_annotation
from bench.files import write_text

# Raised when what is read from a file changes, so that older verdicts are not believed.
CACHE_VERSION = 1
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Problem:
    """A file that cannot be used."""

    image: str
    path: Path
    reason: str

    def __str__(self) -> str:
        return f"{self.image}: {self.path}: {self.reason}"


@dataclass(frozen=True)
class Verdict:
    """What reading one file gave.

    Attributes:
        checksum: CRC-32 of its bytes.
        classes: of an annotation, what `read_annotation` gives.
        problem: why it could not be read.
    """

    checksum: int
    classes: dict[str, int] | None
    problem: str | None


class FileChecks:
    """Verdicts on files, kept from run to run for as long as size and time of the file stay the same.

    A file with a problem is read again each time: what was wrong may lie outside it, such as a permission.
    """

    def __init__(self, root: Path, cache_folder: Path) -> None:
        self._root = root
        name = sha256(str(root.resolve()).encode()).hexdigest()[:16]
        self._cache = cache_folder / f"checks-{name}.json"
        self._known: dict[str, list[Any]] = self._load()

    def _load(self) -> dict[str, list[Any]]:
        try:
            stored = json.loads(self._cache.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # a cache that cannot be read is made again
        if not isinstance(stored, dict) or stored.get("version") != CACHE_VERSION:
            return {}
        known = stored.get("files")
        if not isinstance(known, dict):
            return {}
        # Size and time of the file, then the verdict.
        return {path: found for path, found in known.items() if isinstance(found, list) and len(found) == 5}

    def read(self, paths: Iterable[Path], progress: Progress | None = None) -> dict[Path, Verdict]:
        """The verdict on each path, from the cache where the file is unchanged; reading uses all cores."""
        stamps = {path: _stamp(path) for path in paths}
        keys = {path: path.relative_to(self._root).as_posix() for path in stamps}
        stale = [path for path, stamp in stamps.items() if not self._is_good(keys[path], stamp)]
        for done, (path, found) in enumerate(zip(stale, _read_all(stale), strict=True), start=1):
            self._known[keys[path]] = [*stamps[path], found.checksum, found.classes, found.problem]
            if progress is not None:
                progress(done, len(stale))
        if stale:
            self._save()
        return {path: Verdict(*self._known[keys[path]][2:]) for path in stamps}

    def _is_good(self, key: str, stamp: list[int]) -> bool:
        found = self._known.get(key, [])
        return found[:2] == stamp and found[4] is None

    def _save(self) -> None:
        write_text(self._cache, json.dumps({"version": CACHE_VERSION, "files": self._known}))


def _stamp(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError:
        return [-1, -1]
    return [status.st_size, status.st_mtime_ns]


def _read_all(paths: list[Path]) -> Iterator[Verdict]:
    workers = os.cpu_count() or 1
    # Starting processes costs more than reading a few files.
    if len(paths) < 256 or workers == 1:
        yield from map(_read, paths)
        return
    # Spawned, not forked: the display's thread must not be copied in the middle of something.
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(_read, paths, chunksize=16)


def _read(path: Path) -> Verdict:
    if not path.is_file():
        return Verdict(0, None, "does not exist")
    try:
        checksum = zlib.crc32(path.read_bytes())
        if path.suffix == ".xml":
            return Verdict(checksum, read_annotation(path), None)
        read_image(path)
    except (OSError, ValueError) as error:
        return Verdict(0, None, f"cannot be read: {error}")
    return Verdict(checksum, None, None)
