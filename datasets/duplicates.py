"""The same pictures in the training and the evaluation split, under other names."""

import filecmp
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.datasets.check import AT_ONCE, LEAST_DEVIATION
from bench.datasets.index import SplitIndex
from bench.datasets.pictures.read import pixel_limit, read_image
from bench.processes import Ended, map_bounded
from bench.processors import processors
from bench.progress import Progress
from bench.settings import read_settings

# Pictures are compared as grey squares of this side, pixels; the hash is made of their lowest frequencies.
SIDE, FREQUENCIES = 16, 8
# Bits of the hash by which near-duplicates may differ, and the least correlation of their squares. Of 60
# photographs of VOC, copies of 0.6 to 2 times the size and of JPEG quality 30 were within 8 bits and above
# 0.97; different ones differed by 18 bits at least and were below 0.87.
MOST_BITS, LEAST_CORRELATION = 10, 0.95
# Pictures of the evaluation split that are compared with all of the training split at once.
BLOCK = 64


class Shared(NamedTuple):
    """A picture of the evaluation split that is in the training split too, by the ids of both."""

    train: str
    eval: str


def exact_duplicates(train: SplitIndex, evaluated: SplitIndex) -> tuple[Shared, ...]:
    """The images of the evaluation split whose file is byte for byte one of the training split.

    Equal checksums point at them; as different files may have one checksum, the bytes decide.
    """
    candidates: dict[int, list[int]] = {}
    for position, checksum in enumerate(train.checksums.tolist()):
        candidates.setdefault(checksum, []).append(position)
    found = []
    for position, checksum in enumerate(evaluated.checksums.tolist()):
        for other in candidates.get(checksum, ()):
            if filecmp.cmp(train.path(other), evaluated.path(position), shallow=False):
                found.append(Shared(train.ids[other], evaluated.ids[position]))
                break
    return tuple(found)


def near_duplicates(
    train: SplitIndex, evaluated: SplitIndex, progress: Progress | None = None
) -> tuple[Shared, ...]:
    """The images of the evaluation split that look like one of the training split; with the most alike.

    Found by a hash of the lowest frequencies (a discrete cosine transform), confirmed by correlation. Copies
    that were scaled, compressed anew or changed in brightness are found; crops and mirrored ones are not.

    Args:
        train: the training split.
        evaluated: the evaluation split.
        progress: called with (done, total) while pictures are read.
    """
    squares = _squares([index.path(i) for index in (train, evaluated) for i in range(len(index))], progress)
    hashes, normed = _hashes(squares), _normed(squares)
    # In a picture that is nearly one value the hash is noise.
    seen = squares.std(axis=(1, 2)) >= LEAST_DEVIATION
    found = []
    for start in range(len(train), len(squares), BLOCK):
        block = hashes[start : start + BLOCK, None]
        apart = np.bitwise_count(block ^ hashes[: len(train)])
        for position, alike in enumerate((apart <= MOST_BITS) & seen[: len(train)], start=start):
            others = np.flatnonzero(alike)
            if not (len(others) and seen[position]):
                continue
            correlations = normed[others] @ normed[position]
            if correlations.max() >= LEAST_CORRELATION:
                best = others[correlations.argmax()]
                found.append(Shared(train.ids[best], evaluated.ids[position - len(train)]))
    return tuple(found)


def _squares(paths: list[Path], progress: Progress | None) -> NDArray[np.float32]:
    """`(N, SIDE, SIDE)` grey levels; zero where a picture could not be read in time."""
    squares = np.zeros((len(paths), SIDE, SIDE), np.float32)
    seconds = read_settings().max_seconds
    read = map_bounded(partial(_square, pixel_limit()), paths, processors(), AT_ONCE, seconds)
    for position, square in enumerate(read):
        if not isinstance(square, Ended):
            squares[position] = square
        if progress is not None:
            progress(position + 1, len(paths))
    return squares


def _square(max_pixels: float, path: Path) -> NDArray[np.uint8]:
    return np.asarray(
        read_image(path, max_pixels).convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    )


def _hashes(squares: NDArray[np.float32]) -> NDArray[np.uint64]:
    """64 bits of each picture: which of its lowest frequencies are above their median."""
    waves = np.cos(np.pi / SIDE * np.outer(np.arange(FREQUENCIES), np.arange(SIDE) + 0.5)).astype(np.float32)
    strengths = (waves @ squares @ waves.T).reshape(len(squares), -1)
    strengths[:, 0] = 0  # the brightness
    bits = strengths > np.median(strengths, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def _normed(squares: NDArray[np.float32]) -> NDArray[np.floating]:
    """The pictures as vectors of mean 0 and length 1, whose products are correlations."""
    centred = (squares - squares.mean(axis=(1, 2), keepdims=True)).reshape(len(squares), -1)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    normed: NDArray[np.floating] = centred / np.where(lengths > 0, lengths, np.float32(1))
    return normed
