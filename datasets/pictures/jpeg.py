"""Decode the JPEG files that most data sets consist of: the pixels that Pillow gives, in less time."""

import struct
import warnings
from typing import NamedTuple, cast

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import Base

from bench.datasets.pictures.read import pixel_limit

Size = tuple[int, int]
Pixels = NDArray[np.uint8]

# Markers of the JPEG format (ITU-T T.81, table B.1): frames whose rows follow one another, frames that are
# refined, where EXIF and XMP stand, where the pixels begin, and the end.
SEQUENTIAL, PROGRESSIVE, APP1, SCAN, END = (0xC0, 0xC1), 0xC2, 0xE1, 0xDA, b"\xff\xd9"
# Rows to decode below the last that is wanted, because colours are stored at a lower resolution and
# interpolated from their neighbours.
ROWS_BELOW = 16
# The EXIF orientations that need a turn or reflection.
TURNED = range(2, 9)


class PlainJpeg(NamedTuple):
    """The header of a JPEG that needs nothing but decoding.

    Attributes:
        size: width and height, pixels.
        height_at: where in the file the height stands, if decoding may end before the last row.
    """

    size: Size
    height_at: int | None


def plain_header(content: bytes, max_pixels: float | None = None) -> PlainJpeg | None:
    """The header of a whole JPEG, colour or grey, of 8 bits, that stands upright; None for all else.

    Args:
        content: of the file.
        max_pixels: as `opened`.
    """
    if not (content.startswith(b"\xff\xd8") and content.endswith(END)):
        return None
    size, height_at, channels, at = None, None, 0, 2
    while at + 10 <= len(content):
        # A frame gives bits, height, width, channels; a scan begins with the number of channels in it.
        prefix, marker, length, first, height, width, last = struct.unpack_from(">BBHBHHB", content, at)
        if prefix != 0xFF or (marker == APP1 and _may_be_turned(content[at + 4 : at + 2 + length])):
            return None
        if marker == SCAN:
            return PlainJpeg(size, height_at if first == channels else None) if size else None
        if marker in SEQUENTIAL or marker == PROGRESSIVE:
            bomb = width * height > (max_pixels or pixel_limit())  # which is said where Pillow opens it
            if first != 8 or last not in (1, 3) or not height or bomb:
                return None
            size, channels = (width, height), last
            height_at = at + 5 if marker in SEQUENTIAL else None
        at += 2 + length
    return None


def _may_be_turned(segment: bytes) -> bool:
    """Whether EXIF or XMP may say that the picture is to be turned.

    Pillow joins the parts of EXIF that is longer than a segment; such a part begins like a whole one, and is
    no EXIF by itself.
    """
    if not segment.startswith(b"Exif"):
        return b"Orientation" in segment
    exif = Image.Exif()
    try:
        with warnings.catch_warnings(action="ignore"):
            exif.load(segment)
            return exif.get(Base.Orientation, 1) in TURNED
    except Exception:  # damaged, which has many names: Pillow knows what to make of it
        return True


def decode_rows(content: bytes, header: PlainJpeg, rows: int) -> Pixels:
    """The first `(rows, w, 3)` RGB pixels, or somewhat more, of a JPEG that `plain_header` knows.

    Raises:
        ValueError: it cannot be decoded.
    """
    needed = rows + ROWS_BELOW
    if header.height_at is None or needed >= header.size[1]:
        return cast(Pixels, simplejpeg.decode_jpeg(content, "RGB"))
    # Told that the picture ends there, the decoder ends there; strict, it would complain of what follows.
    shortened = bytearray(content)
    struct.pack_into(">H", shortened, header.height_at, needed)
    return cast(Pixels, simplejpeg.decode_jpeg(shortened, "RGB", strict=False))
