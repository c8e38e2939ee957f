"""How fast `bench data check` reads pictures, next to nothing but decoding them."""

import time
from pathlib import Path
from typing import NamedTuple

from bench.datasets.check import AT_ONCE, FileChecks
from bench.datasets.index import SplitIndex
from bench.datasets.pictures.read import opened
from bench.processes import map_in_processes
from bench.processors import processors


class CheckSpeed(NamedTuple):
    """Images per second on all cores, the best of the repeats."""

    images: int
    check: float
    decoding: float


def measure_check(index: SplitIndex, folder: Path, count: int, repeats: int) -> CheckSpeed:
    """Check and decode the same files in turn, as many processes at a time as there are cores.

    Args:
        index: where the pictures are taken from.
        folder: an empty one, for links to them under other names: as many files as a data set has, of which
            the start of processes is a small part.
        count: how many files to check.
        repeats: how many times.
    """
    for number in range(count):
        (folder / f"{number:06d}.jpg").symlink_to(index.path(number % len(index)).resolve())
    files = sorted(path.name for path in folder.iterdir())
    checking, decoding = [], []
    for repeat in range(repeats):
        start = time.perf_counter()
        FileChecks(folder, folder / f"cache-{repeat}").read(files)
        checking.append(time.perf_counter() - start)
        start = time.perf_counter()
        _decode_all([folder / file for file in files])
        decoding.append(time.perf_counter() - start)
    return CheckSpeed(count, count / min(checking), count / min(decoding))


def _decode_all(paths: list[Path]) -> None:
    for _ in map_in_processes(_decode, paths, max(2, processors()), AT_ONCE):
        pass


def _decode(path: Path) -> None:
    with opened(path) as picture:
        picture.load()
