"""Augmentation that draws from a generator it is given, so that a picture depends on nothing else."""

from typing import Literal

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]

SCALES = (1.0, 0.875, 0.75, 0.66, 0.5)
MAX_DISTORT = 2


def multi_scale_box(size: tuple[int, int], rng: np.random.Generator) -> Box:
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
    base = min(size)
    sides = [max(1, int(base * scale)) for scale in SCALES]
    shapes = [
        (sides[i], sides[j])
        for i in range(len(SCALES))
        for j in range(len(SCALES))
        if abs(i - j) <= MAX_DISTORT
    ]
    crop_width, crop_height = shapes[rng.integers(len(shapes))]
    places = [(x, y) for x in (0, 2, 4) for y in (0, 2, 4)] + [(x, y) for x in (1, 3) for y in (1, 3)]
    x, y = places[rng.integers(len(places))]
    left, upper = x * (width - crop_width) // 4, y * (height - crop_height) // 4
    return left, upper, left + crop_width, upper + crop_height


def transform(
    picture: Image.Image,
    side: int,
    crop: Literal["multi-scale", "none"],
    flip: bool,
    rng: np.random.Generator,
) -> Image.Image:
    """Crop, mirror and resize one training picture to `side` pixels square; bilinear."""
    box = multi_scale_box(picture.size, rng) if crop == "multi-scale" else None
    resized = picture.resize((side, side), Image.Resampling.BILINEAR, box=box)
    if flip and rng.random() < 0.5:
        resized = resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return resized


def warp(picture: Image.Image, side: int) -> Image.Image:
    """Resize a test picture to `side` pixels square without keeping its proportions; bilinear."""
    return picture.resize((side, side), Image.Resampling.BILINEAR)
