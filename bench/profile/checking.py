"""How long `bench data check` takes for a picture, beside nothing but decoding it, and reading its bytes."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.datasets.check import AT_ONCE, FileChecks
from bench.datasets.index import SplitIndex
from bench.datasets.pictures.read import opened
from bench.processes import map_in_processes
from bench.processors import processors
from bench.profile.report import Figure


class CheckSpeed(NamedTuple):
    """Seconds that an image takes on all cores, in each repeat."""

    images: int
    check: tuple[float, ...]
    decoding: tuple[float, ...]
    reading: tuple[float, ...]

    def figure(self) -> Figure:
        """The check, beside the decoding of the same files in the same repeats."""
        share = float(np.median(np.array(self.reading) / np.array(self.check)))
        return Figure(
            what=f"check of {self.images} files on all cores",
            unit="ms per image",
            values=tuple(1e3 * seconds for seconds in self.check),
            against="decoding alone",
            beside=tuple(1e3 * seconds for seconds in self.decoding),
            bound=f"reading the bytes, {share:.0%} of it, and then decoding, of a JPEG without the "
            "arithmetic that its full size takes",
        )

    def rates(self) -> str:
        """The medians as images per second."""
        check, decoding = (1 / float(np.median(times)) for times in (self.check, self.decoding))
        return f"checked: {check:.0f} images/s; decoding alone: {decoding:.0f} images/s"


def measure_check(index: SplitIndex, folder: Path, count: int, repeats: int) -> CheckSpeed:
    """Check, decode and read the same files in turn, as many processes at a time as there are cores.

    Args:
        index: where the pictures are taken from.
        folder: an empty one, for links to them under other names: as many files as a data set has, of which
            the start of processes is a small part.
        count: how many files to check.
        repeats: how many times, after one that warms up.
    """
    for number in range(count):
        (folder / f"{number:06d}.jpg").symlink_to(index.path(number % len(index)).resolve())
    files = sorted(path.name for path in folder.iterdir())
    paths = [folder / file for file in files]
    found: tuple[list[float], list[float], list[float]] = ([], [], [])
    for repeat in range(repeats + 1):
        checks = FileChecks(folder, folder / f"cache-{repeat}")
        works: tuple[Callable[[], object], ...] = (
            partial(checks.read, files),
            partial(_in_processes, _decode, paths),
            partial(_in_processes, _read, paths),
        )
        for into, work in zip(found, works, strict=True):
            start = time.perf_counter()
            work()
            into.append((time.perf_counter() - start) / count)
    check, decoding, reading = (tuple(times[1:]) for times in found)  # what is slow once is nobody's speed
    return CheckSpeed(count, check, decoding, reading)


def _in_processes(work: Callable[[Path], None], paths: list[Path]) -> None:
    for _ in map_in_processes(work, paths, max(2, processors()), AT_ONCE):
        pass


def _decode(path: Path) -> None:
    with opened(path) as picture:
        picture.load()


def _read(path: Path) -> None:
    path.read_bytes()
