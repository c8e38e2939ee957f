"""Read any picture as upright 8-bit RGB."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def read_image(path: Path) -> Image.Image:
    """Decode a picture wholly, turn it upright by its EXIF orientation, and convert it to RGB.

    Grey, CMYK, palette, transparent (its transparency is dropped, as the published codes do) and 16-bit
    pictures are read alike.

    Raises:
        OSError: not a picture, truncated, or larger than Pillow's limit against decompression bombs.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            return _to_rgb(ImageOps.exif_transpose(picture))
    except OSError:
        raise
    except Exception as error:  # each format's reader has its own kinds: SyntaxError, struct.error, ...
        raise OSError(f"damaged: {error}") from error


def _to_rgb(upright: Image.Image) -> Image.Image:
    if upright.mode == "I" or upright.mode.startswith("I;16"):
        # Pillow would clip 16-bit values at 255 instead of scaling them.
        upright = Image.fromarray((np.asarray(upright).clip(0, 65535) // 257).astype(np.uint8))
    elif upright.mode == "P":
        # By way of RGBA, because a palette may carry transparency that a direct conversion warns about.
        upright = upright.convert("RGBA")
    return upright.convert("RGB")
