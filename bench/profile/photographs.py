"""Pictures to measure with where there are no photographs: like them in size, detail and JPEG bytes."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.datasets.index import SplitIndex
from bench.datasets.open import open_split

SIZE = (640, 480)
CLASSES = 80
QUALITY = 90
# Strength by size of cell, pixels. In photographs every octave is as strong, but for the finest: lenses blur.
CELLS = {160: 45.0, 40: 40.0, 16: 30.0, 8: 20.0, 4: 16.0, 2: 10.0}
# How much the three colours differ where the light does by one.
COLOUR = 0.3


def photographs(name: str | None, data_root: Path | None, count: int, folder: Path) -> SplitIndex:
    """So many training images of a data set; made ones, in a new folder, where no data set is named.

    Raises:
        UserError: the data set cannot be had.
    """
    if name is not None:
        return open_split(name, "train", data_root, count, skip_bad=True).index
    folder.mkdir()
    return make_photographs(folder, count)


def make_photographs(folder: Path, count: int) -> SplitIndex:
    """Write JPEG files of 640x480 pixels and about 100 kB, the same ones each time, with random labels."""
    index = labelled(folder, count)
    for number, name in enumerate(index.files):
        Image.fromarray(_photograph(number)).save(folder / name, quality=QUALITY)
    return index


def labelled(folder: Path, count: int) -> SplitIndex:
    """So many images of that name in a folder, which need not be there yet, with random labels."""
    ids = tuple(f"{number:06d}" for number in range(count))
    labels = np.where(np.random.default_rng(0).random((count, CLASSES)) < 3 / CLASSES, 1, -1).astype(np.int8)
    files = tuple(f"{name}.jpg" for name in ids)
    return SplitIndex(ids, folder, files, labels, np.zeros(count, np.uint32))


def _photograph(seed: int) -> NDArray[np.uint8]:
    """Random light and colour in cells of all sizes: `(480, 640, 3)` uint8."""
    rng = np.random.default_rng(seed)
    width, height = SIZE
    pixels = np.full((height, width, 3), 110, np.float32)
    for cell, strength in CELLS.items():
        shape = (-(-height // cell) + 1, -(-width // cell) + 1)
        light = rng.standard_normal((*shape, 1), np.float32)
        colour = rng.standard_normal((*shape, 3), np.float32)
        field = cv2.resize(light + COLOUR * colour, SIZE, interpolation=cv2.INTER_CUBIC)
        pixels += strength * field
    return pixels.clip(0, 255).astype(np.uint8)
