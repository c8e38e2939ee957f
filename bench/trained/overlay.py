"""A map of a model in the frame of the picture that the model was shown."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.engine.models.model_file import ModelCard

Floats = NDArray[np.float32]


def on_picture(one: Floats, card: ModelCard, size: tuple[int, int]) -> Floats:
    """A map at the size of its picture, with NaN where the model did not see the picture.

    A test picture is warped to a square, whose centre the model is given; this goes the way back.

    Args:
        one: `(h, w)`, over the centre that the model was given.
        card: of the model.
        size: width and height of the upright picture, pixels.

    Returns:
        `(height, width)`.
    """
    width, height = size
    margin = (card.test_resize - card.test_size) // 2 / card.test_resize
    left, right = round(width * margin), round(width * (1 - margin))
    top, bottom = round(height * margin), round(height * (1 - margin))
    whole = np.full((height, width), np.nan, np.float32)
    target = max(right - left, 1), max(bottom - top, 1)
    resized = Image.fromarray(one.astype(np.float32)).resize(target, Image.Resampling.BILINEAR)
    whole[top : top + target[1], left : left + target[0]] = np.asarray(resized)
    return whole


def over(picture: Image.Image, one: Floats) -> Image.Image:
    """A picture with a map over it, from blue at its least to red at its largest, grey where it is NaN."""
    from matplotlib import colormaps

    seen = ~np.isnan(one)
    low, high = float(np.nanmin(one)), float(np.nanmax(one))
    scaled = np.where(seen, (one - low) / ((high - low) or 1.0), 0.0)
    pixels = np.asarray(picture.convert("RGB"), np.float32)
    colours = colormaps["turbo"](scaled)[..., :3] * 255
    strength = (0.25 + 0.4 * scaled)[..., None]
    mixed = np.where(
        seen[..., None], pixels * (1 - strength) + colours * strength, pixels.mean(2, keepdims=True) / 2
    )
    return Image.fromarray(mixed.round().astype(np.uint8))
