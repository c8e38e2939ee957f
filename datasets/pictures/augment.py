"""Augmentation of the pixels themselves, as SALGL's published code does it: cutout and RandAugment.

Everything is drawn from a generator that is given.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from bench.datasets.pictures.jpeg import Pixels

GREY = (128, 128, 128)  # what comes in from outside the picture
HOLE = (125, 122, 113)  # the mean colour of ImageNet
LEVELS = 9
PROBABILITY = 0.5

Distortion = Callable[[Image.Image, float, np.random.Generator], Image.Image]


def cut_out(pixels: Pixels, share: float, rng: np.random.Generator) -> None:
    """Paint a square of one random colour over the picture, in place (`CutoutPIL`).

    Its centre is anywhere in the picture; what lies outside is lost.

    Args:
        pixels: `(h, w, 3)` uint8.
        share: side of the square, relative to the picture's.
        rng: where place and colour are drawn from.
    """
    height, width = pixels.shape[:2]
    y, x = rng.integers(height), rng.integers(width)
    half_y, half_x = (int(share * side + 0.5) // 2 for side in (height, width))
    # Both edges belong to the square, as in Pillow's rectangles.
    pixels[max(0, y - half_y) : y + half_y + 1, max(0, x - half_x) : x + half_x + 1] = rng.integers(0, 256, 3)


def rand_augment(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    """Distort a picture by two operations at most, as the Python package `randaugment` 1.0.2 does.

    Each of the two is drawn from `DISTORTIONS` with a strength of 1 to 9, and applied with probability 0.5.
    The paper that the name comes from (Cubuk et al., 2020) and torchvision apply every operation that they
    draw, all at one strength.

    Args:
        pixels: `(h, w, 3)` uint8.
        rng: where operations, strengths and signs are drawn from.
    """
    drawn = [(DISTORTIONS[rng.integers(len(DISTORTIONS))], rng.integers(1, LEVELS + 1)) for _ in range(2)]
    picture = Image.fromarray(pixels)
    for distort, level in drawn:
        if rng.random() < PROBABILITY:
            picture = distort(picture, level / LEVELS, rng)
    return cast(Pixels, np.array(picture))


def _sign(rng: np.random.Generator) -> int:
    return 1 - 2 * int(rng.integers(2))


def _shear(horizontal: bool, picture: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    slope = 0.3 * strength * _sign(rng)
    matrix = (1, slope, 0, 0, 1, 0) if horizontal else (1, 0, 0, slope, 1, 0)
    return picture.transform(
        picture.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC, fillcolor=GREY
    )


def _translate(
    horizontal: bool, picture: Image.Image, strength: float, rng: np.random.Generator
) -> Image.Image:
    share = 150 / 331 * strength * _sign(rng)
    width, height = picture.size
    matrix = (1, 0, share * width, 0, 1, 0) if horizontal else (1, 0, 0, 0, 1, share * height)
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, fillcolor=GREY)


def _rotate(picture: Image.Image, strength: float, _: np.random.Generator) -> Image.Image:
    return picture.rotate(30 * strength, fillcolor=GREY)  # in one direction only, as published


def _enhance(
    kind: Callable[[Image.Image], Any],
    picture: Image.Image,
    strength: float,
    rng: np.random.Generator,
) -> Image.Image:
    enhanced: Image.Image = kind(picture).enhance(1 + 0.9 * strength * _sign(rng))
    return enhanced


def _posterize(picture: Image.Image, strength: float, _: np.random.Generator) -> Image.Image:
    return ImageOps.posterize(picture, round(8 - 4 * strength))


def _solarize(picture: Image.Image, strength: float, _: np.random.Generator) -> Image.Image:
    return ImageOps.solarize(picture, math.ceil(256 * (1 - strength)))


def _plain(
    operation: Callable[[Image.Image], Image.Image],
    picture: Image.Image,
    strength: float,
    rng: np.random.Generator,
) -> Image.Image:
    return operation(picture)


def _punch(picture: Image.Image, strength: float, rng: np.random.Generator) -> Image.Image:
    """A small square of the mean colour, at most 20 pixels wide."""
    pixels = np.array(picture)
    half = round(20 * strength) // 2
    y, x = (rng.integers(side) for side in pixels.shape[:2])
    pixels[max(0, y - half) : y + half, max(0, x - half) : x + half] = HOLE
    return Image.fromarray(pixels)


DISTORTIONS: tuple[Distortion, ...] = (
    partial(_plain, ImageOps.invert),
    _punch,
    partial(_enhance, ImageEnhance.Sharpness),
    partial(_plain, ImageOps.autocontrast),
    _posterize,
    partial(_shear, True),
    partial(_translate, True),
    partial(_translate, False),
    partial(_shear, False),
    _rotate,
    partial(_plain, ImageOps.equalize),
    partial(_enhance, ImageEnhance.Contrast),
    partial(_enhance, ImageEnhance.Color),
    _solarize,
    partial(_enhance, ImageEnhance.Brightness),
)
