"""Read any picture as upright 8-bit RGB. Nothing else opens a picture."""

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf, isinf
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from bench.datasets.pictures.samples import Samples, declared, is_deep, refuse_unused, to_8_bits
from bench.settings import read_settings

# What photographs come in, all of them decoded by code that does nothing else: of Pillow's other formats one
# runs programs (EPS) and some are read by hardly anybody. Pillow opens MPO as JPEG, and PGM and PBM as PPM.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
# What their names end in, where pictures are looked for by name.
SUFFIXES = frozenset(
    {
        *(
            ".jpg",
            ".jpeg",
            ".jpe",
            ".jfif",
            ".mpo",
            ".png",
            ".apng",
            ".webp",
            ".bmp",
            ".gif",
            ".tif",
            ".tiff",
        ),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    }
)


def read_image(path: Path, max_pixels: float | None = None) -> Image.Image:
    """Decode a picture wholly, turn it upright by its EXIF orientation, and convert it to RGB.

    Grey, CMYK, palette, transparent (its transparency is dropped, as the published codes do) pictures and
    those of more than 8 bits are read alike.

    Args:
        path: the picture's file.
        max_pixels: as `opened`.

    Raises:
        OSError: not a picture in one of `FORMATS`, truncated, larger than it may be, or of a range that is
            not known.
    """
    with opened(path, max_pixels) as picture:
        return upright_rgb(picture)


def verify_image(path: Path, max_pixels: float | None = None) -> Image.Image:
    """Raise what `read_image` would raise, in less time.

    All of a JPEG is decoded but for the arithmetic that the full size takes, which cannot fail.

    Args:
        path: the picture's file.
        max_pixels: as `opened`.

    Returns:
        The picture, a JPEG at about an eighth of its size.
    """
    with opened(path, max_pixels) as picture:
        if isinstance(picture, JpegImageFile):
            picture.draft(None, (max(1, picture.width // 8), max(1, picture.height // 8)))
        return upright_rgb(picture)


@contextmanager
def opened(source: Path | BinaryIO, max_pixels: float | None = None) -> Iterator[ImageFile]:
    """Open a picture; whatever goes wrong before the block ends is an OSError, and nothing is warned of.

    Args:
        source: a file of one of `FORMATS`, whatever its name ends in; no pipe, which could be waited for for
            ever, and no device.
        max_pixels: pixels that it may have; `pixel_limit` if None.
    """
    limit = max_pixels or pixel_limit()
    if isinstance(source, Path):
        _refuse_pipe(source)
    with warnings.catch_warnings(), _refusing_beyond(limit):
        warnings.simplefilter("ignore")
        try:
            with Image.open(source, formats=FORMATS) as picture:
                if picture.width * picture.height > limit:
                    raise _too_large(limit)
                yield picture
        except UnidentifiedImageError as error:
            known = ", ".join(FORMATS)
            raise OSError(f"no picture, or a damaged one, in a format that is read: {known}") from error
        except Image.DecompressionBombError as error:
            raise _too_large(limit) from error
        except OSError:
            raise
        except Exception as error:  # each format's reader has its own kinds: SyntaxError, struct.error, ...
            raise OSError(f"damaged: {str(error) or type(error).__name__}") from error


def _refuse_pipe(path: Path) -> None:
    # What is not there, and a folder, is refused when it is opened.
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise OSError("it is no file but a pipe or a device; give the file that holds the picture")


@contextmanager
def _refusing_beyond(limit: float) -> Iterator[None]:
    """Let Pillow itself read larger pictures, or only smaller ones, where its own limit is another."""
    if limit == _pillows_limit():
        yield
        return
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None if isinf(limit) else int(limit)
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def pixel_limit() -> float:
    """Pixels that a picture may have: `max_pixels` of the configuration file, or Pillow's limit."""
    return read_settings().max_pixels or _pillows_limit()


def _pillows_limit() -> float:
    # Pillow warns of more than its number, and refuses more than twice as many.
    return 2 * (Image.MAX_IMAGE_PIXELS or inf)


def _too_large(limit: float) -> OSError:
    return OSError(
        f"it has more than the {limit:,.0f} pixels that a picture may have, lest a small file fill the "
        "memory; if it is sound, put a higher max_pixels into .bench.yaml"
    )


def upright_rgb(picture: Image.Image, samples: Samples | None = None) -> Image.Image:
    """Decode an opened picture, turn it upright in place, and convert it to RGB where it is not.

    Args:
        picture: as `opened` gives it.
        samples: what its file says of them; asked of the picture if None.

    Raises:
        OSError: it has more than 8 bits, and which values are black and white is not known.
    """
    samples = samples or declared(picture)
    ImageOps.exif_transpose(picture, in_place=True)
    if is_deep(picture):
        # Pillow would clip the values at 255 instead of scaling them.
        picture = to_8_bits(picture, samples)
    elif picture.mode == "P":
        # By way of RGBA, because a palette may carry transparency that a direct conversion warns about.
        picture = picture.convert("RGBA")
    # Converting RGB to RGB would copy it.
    rgb = picture if picture.mode == "RGB" else picture.convert("RGB")
    refuse_unused(rgb, samples)
    return rgb
