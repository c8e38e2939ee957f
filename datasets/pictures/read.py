"""Read any picture as upright 8-bit RGB."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile


def read_image(path: Path) -> Image.Image:
    """Decode a picture wholly, turn it upright by its EXIF orientation, and convert it to RGB.

    Grey, CMYK, palette, transparent (its transparency is dropped, as the published codes do) and 16-bit
    pictures are read alike.

    Raises:
        OSError: not a picture, truncated, or larger than Pillow's limit against decompression bombs.
    """
    with damage_is_oserror(), Image.open(path) as picture:
        return upright_rgb(picture)


def verify_image(path: Path) -> None:
    """Raise what `read_image` would raise, in less time.

    All of a JPEG is decoded but for the arithmetic that the full size takes, which cannot fail.
    """
    with damage_is_oserror(), Image.open(path) as picture:
        if isinstance(picture, JpegImageFile):
            picture.draft(None, (max(1, picture.width // 8), max(1, picture.height // 8)))
        upright_rgb(picture)


@contextmanager
def damage_is_oserror() -> Iterator[None]:
    """Turn whatever a reader raises into OSError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # each format's reader has its own kinds: SyntaxError, struct.error, ...
        raise OSError(f"damaged: {error}") from error


def upright_rgb(picture: Image.Image) -> Image.Image:
    """Decode an opened picture, turn it upright in place, and convert it to RGB where it is not."""
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode == "I" or picture.mode.startswith("I;16"):
        # Pillow would clip 16-bit values at 255 instead of scaling them.
        picture = Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8))
    elif picture.mode == "P":
        # By way of RGBA, because a palette may carry transparency that a direct conversion warns about.
        picture = picture.convert("RGBA")
    # Converting RGB to RGB would copy it.
    return picture if picture.mode == "RGB" else picture.convert("RGB")
