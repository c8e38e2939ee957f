"""Decode every image once, before anything is trained on them."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, ImageStat

from bench.datasets.pictures.read import pixel_limit, verify_image
from bench.files import read_json, write_text
from bench.processes import Ended, map_bounded
from bench.processors import processors
from bench.progress import Progress
from bench.settings import read_settings

# Raised when what is read from a file changes, so that older verdicts are not believed.
CACHE_VERSION = 3
# Files that a process is given at a time.
AT_ONCE = 16
# Grey levels by which the pixels of a picture deviate, below which there is nothing to be seen in it.
LEAST_DEVIATION = 2


class Verdict(NamedTuple):
    """What reading one image gave.

    Attributes:
        checksum: the CRC-32 of its bytes.
        problem: why it could not be read.
        uniform: whether its pixels are nearly one value.
    """

    checksum: int
    problem: str | None
    uniform: bool = False


class FileChecks:
    """Verdicts on images, kept from run to run for as long as size and time of the file stay the same.

    A file with a problem is read again each time: what was wrong may lie outside it, such as a permission.
    """

    def __init__(self, root: Path, cache_folder: Path) -> None:
        self._root = root
        name = sha256(str(root.resolve()).encode()).hexdigest()[:16]
        self._cache = cache_folder / f"checks-{name}.json"
        # Asked here: processes may have been started in another folder, with another configuration file.
        self._max_pixels, self._max_seconds = pixel_limit(), read_settings().max_seconds
        # By file: size, time, checksum, whether it is uniform.
        self._known: dict[str, list[int]] = self._load()

    def _version(self) -> list[float]:
        # Under another limit other files are refused.
        return [CACHE_VERSION, self._max_pixels]

    def _load(self) -> dict[str, list[int]]:
        try:
            stored = read_json(self._cache)
        except (OSError, ValueError):
            return {}  # a cache that cannot be read is made again
        if not isinstance(stored, dict) or stored.get("version") != self._version():
            return {}
        known: Any = stored.get("files")
        if not isinstance(known, dict):
            return {}
        return {file: found for file, found in known.items() if isinstance(found, list) and len(found) == 4}

    def read(self, files: Iterable[str], progress: Progress | None = None) -> dict[str, Verdict]:
        """The verdict on each file, from the cache where it is unchanged; reading uses all cores.

        Args:
            files: relative to the root.
            progress: called with (done, total) while files are read.
        """
        stamps = {file: _stamp(self._root / file) for file in files}
        verdicts = self._unchanged(stamps)
        stale = [file for file in stamps if file not in verdicts]
        for done, (file, found) in enumerate(zip(stale, self._read_all(stale), strict=True), start=1):
            verdicts[file] = found
            if found.problem is None:
                self._known[file] = [*stamps[file], found.checksum, int(found.uniform)]
            if progress is not None:
                progress(done, len(stale))
        if stale:
            write_text(self._cache, json.dumps({"version": self._version(), "files": self._known}))
        return verdicts

    def checksums(self, files: Iterable[str], progress: Progress | None = None) -> dict[str, int]:
        """The CRC-32 of each file's bytes, of which none is decoded; 0 of what cannot be read."""
        stamps = {file: _stamp(self._root / file) for file in files}
        known = self._unchanged(stamps)
        found = {}
        for done, file in enumerate(stamps, start=1):
            found[file] = known[file].checksum if file in known else _checksum(self._root / file)
            if progress is not None:
                progress(done, len(stamps))
        return found

    def _unchanged(self, stamps: Mapping[str, list[int]]) -> dict[str, Verdict]:
        return {
            file: Verdict(self._known[file][2], None, bool(self._known[file][3]))
            for file, stamp in stamps.items()
            if self._known.get(file, [])[:2] == stamp
        }

    def _read_all(self, files: list[str]) -> Iterator[Verdict]:
        paths = [self._root / file for file in files]
        read = partial(_read, self._max_pixels)
        for found in map_bounded(read, paths, processors(), AT_ONCE, self._max_seconds):
            yield self._ended(found) if isinstance(found, Ended) else found

    def _ended(self, found: Ended) -> Verdict:
        if found.too_long:
            reason = (
                f"its decoder was ended after {self._max_seconds:g} seconds; if it is sound, put a higher "
                "max_seconds into .bench.yaml"
            )
        else:
            reason = "the process that decoded it was killed, as happens where memory runs out"
        return Verdict(0, f"cannot be read: {reason}")


def _stamp(path: Path) -> list[int]:
    try:
        status = path.stat()
    except (OSError, ValueError):  # a name that the system cannot have
        return [-1, -1]
    return [status.st_size, status.st_mtime_ns]


def _read(max_pixels: float, path: Path) -> Verdict:
    try:
        if not path.is_file():  # a pipe could be read for ever
            return Verdict(0, "is no file" if path.exists() else "does not exist")
        checksum = zlib.crc32(path.read_bytes())
        picture = verify_image(path, max_pixels)
    except (OSError, ValueError) as error:
        return Verdict(0, f"cannot be read: {error}")
    return Verdict(checksum, None, is_uniform(picture))


def _checksum(path: Path) -> int:
    try:
        return zlib.crc32(path.read_bytes()) if path.is_file() else 0
    except (OSError, ValueError):
        return 0


def is_uniform(picture: Image.Image) -> bool:
    """Whether the pixels of a picture are nearly one value."""
    return max(ImageStat.Stat(picture).stddev) < LEAST_DEVIATION
