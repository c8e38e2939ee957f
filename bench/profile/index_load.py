"""How long the index of the largest data set takes to load, and how much memory."""

import time
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.datasets.index import SplitIndex
from bench.profile.report import Figure

# NUS-WIDE: the images with a label, its concepts, and how many of them an image has.
IMAGES, CLASSES, LABELS_PER_IMAGE = 209_347, 81, 1.87


class IndexLoad(NamedTuple):
    """What loading an index took, in a process of its own in each repeat.

    Attributes:
        images: in it.
        file_bytes: on the disk.
        seconds: of each repeat, as are the next two.
        reading: seconds that nothing but its bytes took.
        peak_bytes: of memory.
    """

    images: int
    file_bytes: int
    seconds: tuple[float, ...]
    reading: tuple[float, ...]
    peak_bytes: tuple[int, ...]

    def figures(self) -> tuple[Figure, ...]:
        """Time and memory."""
        what = f"index of {self.images} images x {CLASSES} labels"
        share = float(np.median(np.array(self.reading) / np.array(self.seconds)))
        return (
            Figure(
                what=f"{what}, loaded",
                unit="s",
                values=self.seconds,
                bound=f"reading its bytes, {self.file_bytes / 1e6:.1f} MB, {share:.0%} of it",
            ),
            Figure(
                what=f"{what}, memory at most while it is loaded",
                unit="MB",
                values=tuple(peak / 1e6 for peak in self.peak_bytes),
            ),
        )


def measure_index(folder: Path, images: int = IMAGES, repeats: int = 1) -> IndexLoad:
    """Write an index of that many images with names like NUS-WIDE's, and load it in fresh processes."""
    path = folder / "index.npz"
    made_index(folder, images).save(path, {})
    found = []
    for _ in range(repeats):
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            found.append(process.submit(_load, path).result())
    seconds, reading, peaks = zip(*found, strict=True)
    return IndexLoad(images, path.stat().st_size, seconds, reading, peaks)


def made_index(root: Path, images: int, classes: int = CLASSES) -> SplitIndex:
    """An index with names like NUS-WIDE's, of no files."""
    rng = np.random.default_rng(0)
    numbers = rng.integers(1_000_000, 3_000_000_000, images)
    ids = tuple(f"{position % 800:04d}_{number}" for position, number in enumerate(numbers))
    files = tuple(f"Flickr/concept_{position % 800}/{name}.jpg" for position, name in enumerate(ids))
    labels = np.where(rng.random((images, classes)) < LABELS_PER_IMAGE / classes, 1, -1).astype(np.int8)
    return SplitIndex(ids, root, files, labels, rng.integers(0, 2**32, images, dtype=np.uint32))


def _load(path: Path) -> tuple[float, float, int]:
    """Seconds, those of reading alone, and bytes at the peak; apart, because to watch memory takes time."""
    start = time.perf_counter()
    path.read_bytes()
    read = time.perf_counter()
    index, _ = SplitIndex.load(path, path.parent)
    loaded = time.perf_counter()
    del index
    tracemalloc.start()
    SplitIndex.load(path, path.parent)
    return loaded - read, read - start, tracemalloc.get_traced_memory()[1]
