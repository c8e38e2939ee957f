"""Decode every image once, before anything is trained on them."""

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from bench.datasets.pictures.read import verify_image
from bench.files import read_json, write_text
from bench.processes import map_in_processes
from bench.progress import Progress

# Raised when what is read from a file changes, so that older verdicts are not believed.
CACHE_VERSION = 2
# Images below which starting processes costs more than it saves.
WORTH_PROCESSES = 256


class Verdict(NamedTuple):
    """What reading one image gave: the CRC-32 of its bytes, and why it could not be read."""

    checksum: int
    problem: str | None


class FileChecks:
    """Verdicts on images, kept from run to run for as long as size and time of the file stay the same.

    A file with a problem is read again each time: what was wrong may lie outside it, such as a permission.
    """

    def __init__(self, root: Path, cache_folder: Path) -> None:
        self._root = root
        name = sha256(str(root.resolve()).encode()).hexdigest()[:16]
        self._cache = cache_folder / f"checks-{name}.json"
        # By file: size, time, checksum.
        self._known: dict[str, list[int]] = self._load()

    def _load(self) -> dict[str, list[int]]:
        try:
            stored = read_json(self._cache)
        except (OSError, ValueError):
            return {}  # a cache that cannot be read is made again
        if not isinstance(stored, dict) or stored.get("version") != CACHE_VERSION:
            return {}
        known: Any = stored.get("files")
        if not isinstance(known, dict):
            return {}
        return {file: found for file, found in known.items() if isinstance(found, list) and len(found) == 3}

    def read(self, files: Iterable[str], progress: Progress | None = None) -> dict[str, Verdict]:
        """The verdict on each file, from the cache where it is unchanged; reading uses all cores.

        Args:
            files: relative to the root.
            progress: called with (done, total) while files are read.
        """
        stamps = {file: _stamp(self._root / file) for file in files}
        verdicts = {
            file: Verdict(self._known[file][2], None)
            for file, stamp in stamps.items()
            if self._known.get(file, [])[:2] == stamp
        }
        stale = [file for file in stamps if file not in verdicts]
        for done, (file, found) in enumerate(zip(stale, self._read_all(stale), strict=True), start=1):
            verdicts[file] = found
            if found.problem is None:
                self._known[file] = [*stamps[file], found.checksum]
            if progress is not None:
                progress(done, len(stale))
        if stale:
            write_text(self._cache, json.dumps({"version": CACHE_VERSION, "files": self._known}))
        return verdicts

    def _read_all(self, files: list[str]) -> Iterator[Verdict]:
        paths = [self._root / file for file in files]
        workers = os.cpu_count() or 1
        if len(paths) < WORTH_PROCESSES or workers == 1:
            yield from map(_read, paths)
            return
        yield from map_in_processes(_read, paths, workers, at_once=16)


def _stamp(path: Path) -> list[int]:
    try:
        status = path.stat()
    except (OSError, ValueError):  # a name that the system cannot have
        return [-1, -1]
    return [status.st_size, status.st_mtime_ns]


def _read(path: Path) -> Verdict:
    if not path.is_file():
        return Verdict(0, "does not exist")
    try:
        checksum = zlib.crc32(path.read_bytes())
        verify_image(path)
    except (OSError, ValueError) as error:
        return Verdict(0, f"cannot be read: {error}")
    return Verdict(checksum, None)
