"""From samples of more than 8 bits to 8 bits, by the range that the file says they have."""

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

Range = tuple[float, float]

BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO = 0  # as films that are scanned
# TIFF tags of the least and the greatest value: SMinSampleValue and MinSampleValue, and so on.
LEAST, GREATEST = (340, 280), (341, 281)
KINDS: dict[object, Literal["unsigned", "signed", "float"]] = {1: "unsigned", 2: "signed", 3: "float"}
# A picture whose values stay below this share of their range has its uppermost four bits unused, as 12 bits
# in 16 do: it would be read as black.
LEAST_USE = 1 / 16


class Samples(NamedTuple):
    """What a file says of its samples.

    Attributes:
        kind: how they are stored.
        bits: of one.
        said: the least and the greatest value, by its TIFF tags.
        reduced: the decoder hands out the upper 8 of 16 bits.
        inverted: white is the least value.
    """

    kind: Literal["unsigned", "signed", "float"]
    bits: int
    said: Range | None = None
    reduced: bool = False
    inverted: bool = False

    def of_type(self) -> Range:
        """Black and white, where nothing but the type is known; numbers below zero have no meaning then."""
        if self.kind == "float":
            return 0, 1
        return 0, 2 ** (self.bits - (self.kind == "signed")) - 1


def declared(picture: Image.Image) -> Samples:
    """What an opened picture, not yet decoded, says of its samples."""
    if isinstance(picture, TiffImageFile):
        tags = picture.tag_v2
        kind = KINDS.get(_number(tags.get(SAMPLE_FORMAT, 1)), "unsigned")
        bits = int(_number(tags.get(BITS_PER_SAMPLE, 1)) or 1)
        # Of pictures of 8 bits Pillow sees to that.
        inverted = is_deep(picture) and _number(tags.get(PHOTOMETRIC)) == WHITE_IS_ZERO
        return Samples(kind, bits, _said(tags), _is_reduced(picture), inverted)
    if picture.mode == "F":
        return Samples("float", 32)
    # All others store 16 bits; Pillow scales what a PGM says it has to them.
    return Samples("unsigned", 16, reduced=_is_reduced(picture))


def _is_reduced(picture: Image.Image) -> bool:
    return picture.mode in ("RGB", "RGBA") and any(
        ";16" in str(tile.args) or _is_wide_ppm(tile) for tile in getattr(picture, "tile", ())
    )


def _is_wide_ppm(tile: Any) -> bool:
    """Whether the decoder of a PPM is told a greatest value that takes more than 8 bits."""
    return tile.codec_name in ("ppm", "ppm_plain") and tile.args[1] > 255


def _said(tags: Any) -> Range | None:
    low, high = (
        next((value for tag in wanted if (value := _number(tags.get(tag))) is not None), None)
        for wanted in (LEAST, GREATEST)
    )
    low = low or 0.0
    return None if high is None or not low < high else (low, high)


def _number(value: object) -> float | None:
    """The first value of a tag, if it is a finite number: tags may hold anything."""
    first = value[0] if isinstance(value, tuple) and value else value
    try:
        number = float(first)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def is_deep(picture: Image.Image) -> bool:
    """Whether its samples have more than 8 bits once it is decoded."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def to_8_bits(picture: Image.Image, samples: Samples) -> Image.Image:
    """A decoded grey picture of more than 8 bits, in 8.

    Raises:
        OSError: the values lie outside the range of their type or use hardly any of it, and the file does not
            say another.
    """
    values = np.asarray(picture)
    if picture.mode == "I" and samples.kind == "unsigned" and samples.bits == 32:
        values = values.view(np.uint32)
    low, high = _range(values, samples)
    if (low, high) == (0, 65535):
        grey = (values // 257).astype(np.uint8)
    else:
        scaled = (values.astype(np.float32) - low) * (255 / (high - low))
        grey = scaled.round().clip(0, 255).astype(np.uint8)
    return Image.fromarray(255 - grey if samples.inverted else grey)


def _range(values: NDArray[Any], samples: Samples) -> Range:
    least, greatest = float(values.min()), float(values.max())
    if not (math.isfinite(least) and math.isfinite(greatest)):
        raise OSError("it holds values that are not finite numbers; mend or leave out this picture")
    low, high = samples.of_type()
    plausible = low <= least and greatest <= high and (greatest >= LEAST_USE * high or least == greatest)
    said = samples.said
    if said is not None and not (said[0] <= least and greatest <= said[1]):
        said = None  # tags that contradict the values
    # In unsigned samples the tags may be statistics of the picture, and its values fill their type.
    if said is not None and not (samples.kind == "unsigned" and plausible):
        return said
    if not plausible:
        raise _unknown_range(f"{samples.bits}-bit {samples.kind}", least, greatest, low, high)
    return low, high


def refuse_unused(picture: Image.Image, samples: Samples) -> None:
    """Refuse an RGB picture whose upper 8 of 16 bits leave hardly anything to see.

    Raises:
        OSError: it uses hardly any of its range.
    """
    if not samples.reduced:
        return
    extrema = [(int(low), int(high)) for low, high in picture.getextrema()]  # type: ignore[misc]
    greatest = max(high for _, high in extrema)
    # A PPM's values are rounded to 8 bits, those of others cut.
    if greatest <= LEAST_USE * 256 and any(low != high for low, high in extrema):
        raise _unknown_range("16-bit", 0, 256 * greatest + 255, 0, 65535)


def _unknown_range(kind: str, least: float, greatest: float, low: float, high: float) -> OSError:
    return OSError(
        f"its range is not known: {kind} values from {least:g} to {greatest:g}, where {low:g} is black and "
        f"{high:g} white; convert it to 8 bits, or give its range in the TIFF tags SMinSampleValue and "
        "SMaxSampleValue"
    )
