"""Read the part of a picture that a crop needs, as fast as it can be had with the same pixels."""

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.ExifTags import Base
from PIL.JpegImagePlugin import JpegImageFile

from bench.datasets.pictures.jpeg import Pixels, Size, decode_rows, plain_header
from bench.datasets.pictures.read import opened, upright_rgb

Box = tuple[int, int, int, int]

# A photograph may be decoded at a fraction of its size as long as a crop keeps so many times the pixels per
# side that are wanted: the resize then outweighs how the decoder averages. Pillow's thumbnails keep the same.
REDUCING_GAP = 2
# The EXIF orientations that need a turn or reflection, and those of them that swap width and height.
TURNED, SIDEWAYS = range(2, 9), range(5, 9)


def read_part(path: Path, choose: Callable[[Size], Box], side: int) -> Pixels:
    """Read a rectangle of a picture: the same pixels as a crop of `read_image`.

    A JPEG with far more pixels in the rectangle than are wanted is decoded at 1/2, 1/4 or 1/8 of its size.
    The rectangle, which then may begin within a pixel, is resized to what is wanted at once.

    Args:
        path: the picture's file.
        choose: from the upright picture's width and height to left, upper, right, lower in its pixels;
            called once.
        side: pixels per side that the rectangle will be resized to.

    Returns:
        `(h, w, 3)` uint8 RGB; `(side, side, 3)` where the picture was decoded at a fraction of its size.

    Raises:
        OSError: as `read_image`.
    """
    content = path.read_bytes()
    header = plain_header(content)
    if header is None:
        return _read_any(content, choose, side)
    box = choose(header.size)
    if _factor(header.size, box, side) == 1:
        left, upper, right, lower = box
        with suppress(ValueError):  # Pillow says what is wrong with it, or reads it all the same
            return decode_rows(content, header, lower)[upper:lower, left:right]
    return _read_any(content, lambda _: box, side)


def _read_any(content: bytes, choose: Callable[[Size], Box], side: int) -> Pixels:
    with opened(io.BytesIO(content)) as picture:
        if not isinstance(picture, JpegImageFile):
            whole = upright_rgb(picture)
            return np.array(whole.crop(choose(whole.size)))
        orientation = picture.getexif().get(Base.Orientation, 1)
        width, height = picture.size
        box = choose((height, width) if orientation in SIDEWAYS else (width, height))
        factor = _factor(picture.size, box, side, orientation in TURNED)
        if factor == 1:
            return np.array(upright_rgb(picture).crop(box))
        picture.draft(None, (width // factor, height // factor))
        return _resize(upright_rgb(picture), box, factor, side)


def _factor(size: Size, box: Box, side: int, turned: bool = False) -> int:
    """How many times smaller a JPEG of that size may be decoded for a rectangle of it: 1, 2, 4 or 8."""
    left, upper, right, lower = box
    for factor in (8, 4, 2):
        # A last column that is not whole must not become the first one when the picture is turned.
        whole = not turned or not (size[0] % factor or size[1] % factor)
        if whole and min(right - left, lower - upper) >= factor * REDUCING_GAP * side:
            return factor
    return 1


def _resize(picture: Image.Image, box: Box, factor: int, side: int) -> Pixels:
    """Resize the rectangle, given in pixels of the full size, of a picture at 1/factor of that."""
    left, upper, right, lower = box
    x, y = left // factor, upper // factor
    # Rounded outwards and no further: what lies beside the rectangle is not to be averaged into it.
    cut = picture.crop((x, y, -(-right // factor), -(-lower // factor)))
    inside = (left / factor - x, upper / factor - y, right / factor - x, lower / factor - y)
    return np.array(cut.resize((side, side), Image.Resampling.BILINEAR, inside))
