"""Images on their way to a model, batch by batch: as in the published codes, and as here, timed by stage."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torchvision import transforms

from bench.datasets.feed import augmentation_rng, collate, make_sample
from bench.datasets.index import SplitIndex
from bench.datasets.pictures.cache import DECODED, Entry, PictureCache, entry_in, eval_form
from bench.datasets.pictures.crop import read_part, read_whole
from bench.datasets.pictures.jpeg import Pixels
from bench.datasets.pictures.read import opened, pixel_limit
from bench.datasets.pictures.transforms import crop_box, evaluation_pixels, multi_scale_box, transform
from bench.methods.backbones.backbone import Backbone

STAGES = DECODE, RESIZE, BATCH, NORMALISE = (
    "read and decode",
    "crop, resize, mirror",
    "to tensors in a batch",
    "normalise",
)
# Of ImageNet.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SEED = 0


class Stopwatch:
    """Processor time by stage, which other programs on the machine disturb less than time on the clock."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    def total(self, stages: tuple[str, ...] = STAGES) -> float:
        """Seconds of some stages together."""
        return sum(self.seconds[stage] for stage in stages)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add what the block takes to a stage."""
        start = time.process_time()
        yield
        self.seconds[name] += time.process_time() - start


class Fed(NamedTuple):
    """A batch as one of the pipelines makes it."""

    pictures: list[NDArray[np.uint8]]  # B of (S, S, 3), before they are normalised
    labels: Tensor  # (B, C) int8
    inputs: Tensor  # (B, 3, S, S) float32


class Asked(NamedTuple):
    """A batch that is asked for.

    Attributes:
        split: which images there are.
        epoch: decides the crops of training images; None for test images, which are warped to a square.
        positions: of the images in it.
        side: S, of the square that is fed, pixels.
    """

    split: SplitIndex
    epoch: int | None
    positions: list[int]
    side: int


def plain_batch(asked: Asked, watch: Stopwatch) -> Fed:
    """What the published codes do: Pillow, `ToTensor`, `Normalize`, and the loader's stacking.

    They leave photographs as the camera stored them; here they are turned upright, so that both pipelines
    crop the same picture. The time for that is not counted.
    """
    index, epoch, positions, side = asked
    to_tensor, normalise = transforms.ToTensor(), transforms.Normalize(MEAN, STD)
    pictures, tensors = [], []
    for position in positions:
        with watch.stage(DECODE), opened(index.path(position)) as stored:
            stored.load()
        ImageOps.exif_transpose(stored, in_place=True)
        with watch.stage(DECODE):
            picture = stored.convert("RGB")
        with watch.stage(RESIZE):
            if epoch is None:
                picture = picture.resize((side, side), Image.Resampling.BILINEAR)
            else:
                picture = _plain_crop(picture, side, augmentation_rng(SEED, epoch, index.ids[position]))
        with watch.stage(BATCH):
            tensor = to_tensor(picture)
        with watch.stage(NORMALISE):
            tensors.append(normalise(tensor))
        pictures.append(np.asarray(picture))
    with watch.stage(BATCH):
        inputs = torch.stack(tensors)
    return Fed(pictures, torch.from_numpy(index.labels[positions]), inputs)


def _plain_crop(picture: Image.Image, side: int, rng: np.random.Generator) -> Image.Image:
    cut = picture.crop(multi_scale_box(picture.size, rng))
    picture = cut.resize((side, side), Image.Resampling.BILINEAR)
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else picture


def bench_batch(asked: Asked, backbone: Backbone, watch: Stopwatch, cache: PictureCache | None = None) -> Fed:
    """What is done here: `TrainingImages` or `EvalImages`, `collate`, `normalize`, checksums included."""
    index, epoch, positions, side = asked
    form = eval_form(side, side) if epoch is None else DECODED
    max_pixels = pixel_limit()  # which is asked once
    pictures, samples = [], []
    for position in positions:
        with watch.stage(DECODE):
            entry = entry_in(cache, index.path(position), form)
        if epoch is None:
            pixels = _test_pixels(asked, position, watch, entry, max_pixels)
        else:
            rng = augmentation_rng(SEED, epoch, index.ids[position])
            with watch.stage(DECODE):
                choose = partial(crop_box, crop="multi-scale", rng=rng)
                crop = read_part(index.path(position), choose, side, entry, max_pixels)
            with watch.stage(RESIZE):
                pixels = transform(crop, side, True, rng)
        with watch.stage(BATCH):
            samples.append(make_sample(index, position, pixels))
        pictures.append(pixels)
    with watch.stage(BATCH):
        batch = collate(samples)
    with watch.stage(NORMALISE):
        inputs = backbone.normalize(batch.images)
    return Fed(pictures, batch.labels, inputs)


def _test_pixels(
    asked: Asked, position: int, watch: Stopwatch, entry: Entry | None, max_pixels: float
) -> Pixels:
    with watch.stage(DECODE):
        found = None if entry is None else entry.read()
        if found is not None:
            return found
        picture = read_whole(asked.split.path(position), max_pixels)
    with watch.stage(RESIZE):
        pixels = evaluation_pixels(picture, asked.side, asked.side)
    with watch.stage(DECODE):
        if entry is not None:
            entry.keep(pixels)
    return pixels
