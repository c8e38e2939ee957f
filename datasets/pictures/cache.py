"""Pictures kept in the work folder as they were decoded: for the next epoch, method and seed.

A file per picture, which is mapped into memory to be read: what made it, size and time of the photograph,
shape, a checksum of the pixels, and the pixels. What does not agree with these is not there. Files take their
names when they are whole, so that any number of processes may read and write, and be killed.

The files lie in `SHARDS` folders, by a hash of what they are; each may take its share of the space, and
whoever writes counts what lies in the one folder. That needs no lock; processes that write into one at the
same time may exceed its share by a picture each. A full folder takes nothing more, since an epoch that is
larger than the space would push out every picture just before it is read again; only what nobody has read for
a week goes.
"""

import mmap
import os
import platform
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import PIL
import simplejpeg
import torch
import xxhash
from numpy.typing import NDArray

from bench.alive import temporary_mark
from bench.datasets.pictures.read import pixel_limit
from bench.settings import read_settings, work_folder

FOLDER = "pictures"
# Two hexadecimal digits of a hash.
SHARDS = 256
DAY = 24 * 60 * 60
UNUSED = 7 * DAY
# Raised when the same photograph would be decoded to other pixels.
VERSION = 1
# What made it, size and time (ns) of the photograph, height and width, XXH3 of the pixels seeded with the
# height, and room.
HEADER = struct.Struct("<8sQqIIQ24x")

DECODED = "decoded"
"""The form of a whole upright picture."""


def resized_form(side: int) -> str:
    """The form of a training picture that is resized to a square before it is cropped."""
    return f"resized to {side}"


def eval_form(side: int, resize: int) -> str:
    """The form of a test picture, cut out of a larger square."""
    return f"test {side} of {resize}"


class Stamp(NamedTuple):
    """What tells one state of a photograph from another: bytes and time of change, ns."""

    size: int
    changed: int


class PictureCache:
    """Pixels by photograph and form.

    Args:
        folder: where they are kept.
        limit: bytes that they may take together.
    """

    def __init__(self, folder: Path, limit: float) -> None:
        self._folder = folder
        self._shard_limit = limit / SHARDS
        self._made_by = _made_by()

    def entry(self, photograph: Path, form: str) -> "Entry":
        """Where the pixels of a photograph are kept in one form.

        Raises:
            OSError: there is no such photograph.
        """
        status = photograph.stat()  # before it is read: what changes after that is noticed next time
        name = xxhash.xxh3_128_hexdigest(form.encode() + b"\0" + os.fsencode(photograph.absolute()))
        file = self._folder / name[:2] / name
        return Entry(file, Stamp(status.st_size, status.st_mtime_ns), self._made_by, self._shard_limit)


class Entry(NamedTuple):
    """The place of one picture in the cache."""

    file: Path
    stamp: Stamp
    made_by: bytes
    shard_limit: float

    def read(self) -> NDArray[np.uint8] | None:
        """The `(h, w, 3)` pixels; None where they are not there, or not as they should be."""
        try:
            with self.file.open("rb") as file:
                status = os.fstat(file.fileno())
                # A private copy of whatever is written to it: the file stays as it is.
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError):  # absent, or empty
            return None
        if len(content) < HEADER.size:
            return None
        made_by, size, changed, height, width, checksum = HEADER.unpack_from(content)
        if (made_by, Stamp(size, changed)) != (self.made_by, self.stamp):
            return None
        if len(content) != HEADER.size + height * width * 3:
            return None
        pixels = np.frombuffer(content, np.uint8, offset=HEADER.size)
        if xxhash.xxh3_64_intdigest(pixels.data, seed=height) != checksum:
            return None
        if time.time() - status.st_mtime > DAY:
            with suppress(OSError):
                os.utime(self.file)
        return pixels.reshape(height, width, 3)

    def keep(self, pixels: NDArray[np.uint8]) -> None:
        """Keep `(h, w, 3)` pixels, if there is room; a disk that is full or read-only keeps nothing."""
        pixels = np.ascontiguousarray(pixels)
        height, width, _ = pixels.shape
        checksum = xxhash.xxh3_64_intdigest(pixels.data, seed=height)
        header = HEADER.pack(self.made_by, *self.stamp, height, width, checksum)
        temporary = self.file.with_name(f".{self.file.name}.{temporary_mark()}")
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            if not self._has_room(len(header) + pixels.nbytes):
                return
            # Not forced to the disk, which would take longer than to decode: the checksum tells.
            with temporary.open("xb") as file:
                file.write(header)
                file.write(pixels.data)
            temporary.replace(self.file)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _has_room(self, size: int) -> bool:
        """Whether the folder takes so many bytes more, without what nobody has read for a week if need be."""
        with os.scandir(self.file.parent) as found:
            others = sorted(
                (one.stat().st_mtime, one.stat().st_size, one.path)
                for one in found
                if one.name != self.file.name
            )
        taken = size + sum(other for _, other, _ in others)
        for changed, other, path in others:
            if taken <= self.shard_limit or time.time() - changed < UNUSED:
                break
            Path(path).unlink(missing_ok=True)
            taken -= other
        return taken <= self.shard_limit


def configured_cache() -> PictureCache | None:
    """The cache of the work folder, where the configuration file gives it space."""
    gigabytes = read_settings().picture_cache
    return PictureCache(work_folder().absolute() / FOLDER, 1e9 * gigabytes) if gigabytes else None


def entry_in(cache: PictureCache | None, photograph: Path, form: str) -> Entry | None:
    """Where a picture is kept, if there is a cache.

    Raises:
        OSError: there is no such photograph.
    """
    return None if cache is None else cache.entry(photograph, form)


def kept(entry: Entry | None, make: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The pixels of an entry, made and kept where they are not there; without an entry, made."""
    if entry is None:
        return make()
    found = entry.read()
    if found is None:
        found = make()
        entry.keep(found)
    return found


def _made_by() -> bytes:
    """Eight bytes for what decodes and resizes: what others have made is not used."""
    versions = [library.__version__ for library in (PIL, simplejpeg, cv2, torch)]
    # PyTorch's resize rounds as the processor's instructions have it; another limit refuses other pictures.
    processor = platform.machine(), torch.backends.cpu.get_cpu_capability()
    return sha256(repr((VERSION, versions, processor, pixel_limit())).encode()).digest()[:8]
