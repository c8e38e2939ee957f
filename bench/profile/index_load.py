"""How long the index of the largest data set takes to load, and how much memory."""

import time
import tracemalloc
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.datasets.index import SplitIndex

# NUS-WIDE: the images with a label, its concepts, and how many of them an image has.
IMAGES, CLASSES, LABELS_PER_IMAGE = 209_347, 81, 1.87


class IndexLoad(NamedTuple):
    """What loading an index took, in a process of its own."""

    file_bytes: int
    seconds: float
    peak_bytes: int


def measure_index(folder: Path, images: int = IMAGES) -> IndexLoad:
    """Write an index of that many images with names like NUS-WIDE's, and load it in a fresh process."""
    path = folder / "index.npz"
    made_index(folder, images).save(path, {})
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        seconds, peak = process.submit(_load, path).result()
    return IndexLoad(path.stat().st_size, seconds, peak)


def made_index(root: Path, images: int, classes: int = CLASSES) -> SplitIndex:
    """An index with names like NUS-WIDE's, of no files."""
    rng = np.random.default_rng(0)
    numbers = rng.integers(1_000_000, 3_000_000_000, images)
    ids = tuple(f"{position % 800:04d}_{number}" for position, number in enumerate(numbers))
    files = tuple(f"Flickr/concept_{position % 800}/{name}.jpg" for position, name in enumerate(ids))
    labels = np.where(rng.random((images, classes)) < LABELS_PER_IMAGE / classes, 1, -1).astype(np.int8)
    return SplitIndex(ids, root, files, labels, rng.integers(0, 2**32, images, dtype=np.uint32))


def _load(path: Path) -> tuple[float, int]:
    """Seconds, and bytes at the peak; measured apart, because to watch memory takes time."""
    start = time.perf_counter()
    index, _ = SplitIndex.load(path, path.parent)
    seconds = time.perf_counter() - start
    del index
    tracemalloc.start()
    SplitIndex.load(path, path.parent)
    return seconds, tracemalloc.get_traced_memory()[1]
