"""Augmentation that draws from a generator it is given, so that a picture depends on nothing else."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import cv2
import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from bench.datasets.pictures.augment import cut_out, rand_augment
from bench.datasets.pictures.cache import DECODED, PictureCache, entry_in, kept, resized_form
from bench.datasets.pictures.crop import Box, read_part
from bench.datasets.pictures.jpeg import Pixels, Size

# A process of the loader feeds one core. PyTorch keeps its own processes to one thread by itself.
cv2.setNumThreads(1)

Crop = Literal["multi-scale", "random", "random-resized", "none"]

SCALES = (1.0, 0.875, 0.75, 0.66, 0.5)
MAX_DISTORT = 2
# Width and height as fractions of the shorter side, and left and upper in quarters of the room that is left.
SHAPES = [
    (SCALES[i], SCALES[j])
    for i in range(len(SCALES))
    for j in range(len(SCALES))
    if abs(i - j) <= MAX_DISTORT
]
# torchvision's `RandomResizedCrop`: width to height of the rectangle, and how often it is drawn anew until it
# lies in the picture.
RATIOS = (3 / 4, 4 / 3)
DRAWS = 10
PLACES = [(x, y) for x in (0, 2, 4) for y in (0, 2, 4)] + [(x, y) for x in (1, 3) for y in (1, 3)]


def multi_scale_box(size: Size, rng: np.random.Generator) -> Box:
    """The crop of ML-GCN and ADD-GCN (`MultiScaleCrop`): one of 19 shapes at one of 13 places.

    Width and height are fractions of the shorter side, at most two scales apart; the places are the corners,
    the middles of the sides, the centre, and the centres of the quarters.

    Args:
        size: width and height of the picture, pixels.
        rng: where the choice is drawn from.

    Returns:
        left, upper, right, lower in pixels.
    """
    width, height = size
    crop_width, crop_height = (max(1, int(min(size) * scale)) for scale in SHAPES[rng.integers(len(SHAPES))])
    x, y = PLACES[rng.integers(len(PLACES))]
    left, upper = x * (width - crop_width) // 4, y * (height - crop_height) // 4
    return left, upper, left + crop_width, upper + crop_height


def random_box(size: Size, sides: tuple[int, ...], rng: np.random.Generator) -> Box:
    """The crop of SSGRL: a square of one of the sides, none of them larger than the picture, anywhere."""
    side = sides[rng.integers(len(sides))]
    left, upper = (int(rng.integers(length - side + 1)) for length in size)
    return left, upper, left + side, upper + side


def random_resized_box(size: Size, least: float, rng: np.random.Generator) -> Box:
    """The crop of CSRA (`RandomResizedCrop`): a rectangle of some share of the area, anywhere.

    The share is drawn between `least` and 1, and width to height, on a logarithmic scale, between 3:4 and
    4:3. If no rectangle of ten lies in the picture, it is the largest one in the middle with a side ratio as
    near to the picture's.

    Args:
        size: width and height of the picture, pixels.
        least: the least share of the picture's area.
        rng: where the choice is drawn from.

    Returns:
        left, upper, right, lower in pixels.
    """
    width, height = size
    lowest, highest = RATIOS
    for _ in range(DRAWS):
        area = width * height * rng.uniform(least, 1)
        ratio = math.exp(rng.uniform(math.log(lowest), math.log(highest)))
        sides = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if all(0 < side <= length for side, length in zip(sides, size, strict=True)):
            left, upper = (int(rng.integers(room - side + 1)) for room, side in zip(size, sides, strict=True))
            return left, upper, left + sides[0], upper + sides[1]
    crop_width = max(1, min(width, round(height * highest)))
    crop_height = max(1, min(height, round(width / lowest)))
    left, upper = (width - crop_width) // 2, (height - crop_height) // 2
    return left, upper, left + crop_width, upper + crop_height


def crop_box(
    size: Size,
    crop: Crop,
    rng: np.random.Generator,
    sides: tuple[int, ...] = (),
    least: float | None = None,
) -> Box:
    """The rectangle of a training picture that is fed: left, upper, right, lower in pixels."""
    if crop == "random":
        return random_box(size, sides, rng)
    if crop == "random-resized":
        return random_resized_box(size, least or 1.0, rng)
    return multi_scale_box(size, rng) if crop == "multi-scale" else (0, 0, *size)


@dataclass(frozen=True)
class Augmentation:
    """What is done to a training picture; the fields of a schedule that are named alike.

    Attributes:
        side: of the square that is fed, pixels.
        crop, flip, resize, crop_sizes, crop_scale, cutout, rand_augment: see there.
    """

    side: int
    crop: Crop
    flip: bool
    resize: int | None = None
    crop_sizes: tuple[int, ...] = ()
    crop_scale: float | None = None
    cutout: float = 0.0
    rand_augment: bool = False

    def read(
        self,
        path: Path,
        rng: np.random.Generator,
        cache: PictureCache | None = None,
        max_pixels: float | None = None,
    ) -> Pixels:
        """Read a training picture and augment it, to `(side, side, 3)` uint8.

        Args:
            path: the picture's file.
            rng: where crop, mirroring and distortions are drawn from.
            cache: where what is the same in every epoch is kept.
            max_pixels: as `opened`.

        Raises:
            OSError: not a picture, or a damaged one.
        """
        pixels = transform(self._cropped(path, rng, cache, max_pixels), self.side, self.flip, rng)
        if self.cutout:
            cut_out(pixels, self.cutout, rng)
        return rand_augment(pixels, rng) if self.rand_augment else pixels

    def _cropped(
        self, path: Path, rng: np.random.Generator, cache: PictureCache | None, max_pixels: float | None
    ) -> Pixels:
        resize = self.resize
        if resize is None:
            entry = entry_in(cache, path, DECODED)
            return read_part(path, lambda size: self._box(size, rng), self.side, entry, max_pixels)
        square = kept(
            entry_in(cache, path, resized_form(resize)),
            lambda: resized(
                read_part(path, lambda size: (0, 0, *size), resize, max_pixels=max_pixels), resize
            ),
        )
        left, upper, right, lower = self._box((resize, resize), rng)
        return square[upper:lower, left:right]

    def _box(self, size: Size, rng: np.random.Generator) -> Box:
        return crop_box(size, self.crop, rng, self.crop_sizes, self.crop_scale)


def transform(pixels: Pixels, side: int, flip: bool, rng: np.random.Generator) -> Pixels:
    """Mirror every other crop of a training picture, and resize it to `side` pixels square; bilinear.

    Args:
        pixels: `(h, w, 3)` uint8.
        side: S, pixels.
        flip: whether to mirror.
        rng: where the choice to mirror is drawn from.

    Returns:
        `(S, S, 3)` uint8.
    """
    if flip and rng.random() < 0.5:
        # First, because a crop is mostly smaller than what it is resized to.
        pixels = cast(Pixels, cv2.flip(pixels, 1))
    return resized(pixels, side)


def resized(pixels: Pixels, side: int) -> Pixels:
    """Resize to `side` pixels square; bilinear.

    Pillow's bilinear to one grey level, in a fraction of its time: OpenCV's where the crop is enlarged, and
    PyTorch's, which averages, where it is reduced.
    """
    if max(pixels.shape) <= side:
        return cast(Pixels, cv2.resize(pixels, (side, side), interpolation=cv2.INTER_LINEAR))
    return _reduce(pixels, side)


def _reduce(pixels: Pixels, side: int) -> Pixels:
    images = torch.from_numpy(pixels)[None].permute(0, 3, 1, 2)
    resized = functional.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
    return cast(Pixels, resized[0].permute(1, 2, 0).numpy())


def warp(picture: Image.Image, side: int) -> Image.Image:
    """Resize a test picture to `side` pixels square without keeping its proportions; bilinear."""
    return picture.resize((side, side), Image.Resampling.BILINEAR)


def evaluation_pixels(picture: Image.Image, side: int, resize: int) -> Pixels:
    """A test picture as a model is given it, `(side, side, 3)` uint8.

    Args:
        picture: upright, in RGB.
        side: of the square that comes out, pixels.
        resize: side of the square that the picture is warped to before its centre is cut out.
    """
    margin = (resize - side) // 2
    warped = warp(picture, resize)
    return np.array(warped if not margin else warped.crop((margin, margin, margin + side, margin + side)))
