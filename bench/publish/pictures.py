"""The pictures that an exported model is checked on."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.datasets.pictures.read import opened, read_image, upright_rgb
from bench.datasets.pictures.transforms import evaluation_pixels
from bench.datasets.scenes.draw import draw_scene, sample_scene
from bench.engine.models.model_file import ModelCard
from bench.errors import UserError
from bench.trained.pictures import picture_files

Pixels = NDArray[np.uint8]
SIZES: Final = (1, 2, 5)
"""The sizes of the first batches; the others are as large as the last of them."""
NOISE: Final = 2
"""Pictures of noise beside the drawn ones."""
MADE: Final = "drawn scenes of several shapes, and noise"
MOST: Final = 64
"""Pictures that are taken of a folder."""
SHAPES: Final = ((160, 120), (640, 480), (333, 500), (1, 1), (64, 64), (1200, 90))
"""Width and height that drawn pictures are given, pixels."""


def made_pictures(card: ModelCard) -> list[Pixels]:
    """The same pictures each time: drawn scenes of several shapes, and noise; `(S, S, 3)` each."""
    rng = np.random.default_rng(0)
    drawn = [_drawn(rng).resize(shape) for shape in SHAPES]
    side = card.test_size
    noise = [rng.integers(0, 256, (side, side, 3), dtype=np.uint8) for _ in range(NOISE)]
    return [*(_fed(picture, card) for picture in drawn), *noise]


def _drawn(rng: np.random.Generator) -> Image.Image:
    with opened(BytesIO(draw_scene(sample_scene(rng), rng).jpeg)) as picture:
        return upright_rgb(picture)


def given_pictures(paths: Sequence[Path], card: ModelCard) -> list[Pixels]:
    """Pictures by their files, or the first `MOST` of a folder, as the model is fed them; `(S, S, 3)` each.

    Raises:
        UserError: one cannot be read, or a folder holds none.
    """
    found = [file for path in paths for file in picture_files([str(path)])[: MOST if path.is_dir() else None]]
    pictures = []
    for file in found:
        try:
            pictures.append(_fed(read_image(file), card))
        except OSError as error:
            raise UserError(f"The picture {file} cannot be read: {error}.") from error
    return pictures


def _fed(picture: Image.Image, card: ModelCard) -> Pixels:
    return evaluation_pixels(picture, card.test_size, card.test_resize)


def batches(pictures: Sequence[Pixels]) -> Iterator[Pixels]:
    """The pictures as `(B, 3, S, S)`, in batches of one, two, five and so on; few of them several times."""
    waiting = list(islice(cycle(pictures), max(len(pictures), sum(SIZES))))
    for size in SIZES:
        yield _stacked(waiting[:size])
        waiting = waiting[size:]
    for start in range(0, len(waiting), SIZES[-1]):
        yield _stacked(waiting[start : start + SIZES[-1]])


def _stacked(pictures: Sequence[Pixels]) -> Pixels:
    return np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2))
