"""Any picture is read as upright 8-bit RGB; what is no whole picture is an OSError."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bench.datasets.pictures.read import read_image, verify_image

Pixels = NDArray[np.uint8]
ORIENTATION = 0x0112
# Four corners of different colours, so that no turn or reflection looks like another.
CORNERS = Image.fromarray(
    np.array(
        [[[255, 0, 0], [0, 255, 0], [9, 9, 9]], [[0, 0, 255], [255, 255, 255], [90, 90, 90]]], dtype=np.uint8
    )
)
# What a camera did to the upright picture, for each value of the EXIF tag.
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def read(picture: Image.Image, folder: Path, kind: str, **options: object) -> Pixels:
    """The pixels as they are read from a file whose name ends in .jpg, whatever it holds."""
    path = folder / "picture.jpg"
    picture.save(path, kind, **options)
    found = read_image(path)
    assert found.mode == "RGB"
    verify_image(path)
    return np.asarray(found)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "RGBA"])
def test_other_modes_give_the_same_colours_as_rgb(mode: str, tmp_path: Path) -> None:
    black_and_white = Image.fromarray(np.array([[0, 255, 0], [255, 255, 0]], dtype=np.uint8))
    expected = np.asarray(black_and_white.convert("RGB"))
    np.testing.assert_array_equal(read(black_and_white.convert(mode), tmp_path, "PNG"), expected)


def test_grey_jpeg_is_the_same_value_three_times(tmp_path: Path) -> None:
    grey = Image.new("L", (16, 8), 77)
    np.testing.assert_array_equal(read(grey, tmp_path, "JPEG", quality=100), np.full((8, 16, 3), 77))


def test_cmyk_jpeg_has_the_colours_of_the_ink(tmp_path: Path) -> None:
    yellow = Image.new("CMYK", (16, 16), (0, 0, 255, 0))
    pixels = read(yellow, tmp_path, "JPEG", quality=100).astype(int)
    assert np.abs(pixels - [255, 255, 0]).max() <= 3


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_is_looked_up(kind: str, tmp_path: Path) -> None:
    palette = CORNERS.convert("P", palette=Image.Palette.ADAPTIVE, colors=6)
    np.testing.assert_array_equal(read(palette, tmp_path, kind), np.asarray(CORNERS))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("transparent", [0, b"\x00\x80\xff"])
def test_transparency_is_dropped(transparent: int | bytes, tmp_path: Path) -> None:
    palette = CORNERS.convert("P", palette=Image.Palette.ADAPTIVE, colors=6)
    pixels = read(palette, tmp_path, "PNG", transparency=transparent)
    np.testing.assert_array_equal(pixels, np.asarray(CORNERS))
    see_through = CORNERS.convert("RGBA")
    see_through.putalpha(40)
    np.testing.assert_array_equal(read(see_through, tmp_path, "PNG"), np.asarray(CORNERS))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_and_not_clipped(kind: str, tmp_path: Path) -> None:
    values = np.array([[0, 257, 32896], [65535, 65280, 1000]], dtype=np.uint16)
    pixels = read(Image.fromarray(values), tmp_path, kind)
    np.testing.assert_array_equal(pixels[..., 0], [[0, 1, 128], [255, 254, 3]])
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_every_exif_orientation_is_turned_upright(orientation: int, kind: str, tmp_path: Path) -> None:
    turn = TURNS[orientation]
    stored = CORNERS if turn is None else CORNERS.transpose(turn)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    np.testing.assert_array_equal(read(stored, tmp_path, kind, exif=exif), np.asarray(CORNERS))


@pytest.mark.parametrize("orientation", TURNS)
def test_a_turned_jpeg_has_its_colours_in_the_right_corners(orientation: int, tmp_path: Path) -> None:
    large = CORNERS.crop((0, 0, 2, 2)).resize((64, 32), Image.Resampling.NEAREST)
    turn = TURNS[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    pixels = read(large if turn is None else large.transpose(turn), tmp_path, "JPEG", exif=exif, quality=100)
    assert pixels.shape == (32, 64, 3)
    assert np.abs(pixels[8::16, 16::32].astype(int) - np.asarray(CORNERS)[:, :2].astype(int)).max() <= 4


# To read a picture and to see whether it can be read are to end alike.
reading = pytest.mark.parametrize("look", [read_image, verify_image])
Look = Callable[[Path], object]


@reading
def test_damaged_exif_is_an_oserror_too(look: Look, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[0x010F] = "a maker"
    path = tmp_path / "picture.jpg"
    CORNERS.save(path, "JPEG", exif=exif)
    # The text now stands under a tag that holds a number, which Pillow answers with struct.error.
    content = path.read_bytes()
    assert content.count(b"\x01\x0f\x00\x02") == 1
    path.write_bytes(content.replace(b"\x01\x0f\x00\x02", b"\x01\x00\x00\x02"))
    with pytest.raises(OSError, match="damaged"):
        look(path)


@reading
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8\xff\xe0", b"garbage" * 99, b"<!DOCTYPE html><html><body>404</body></html>"]
)
def test_what_is_no_picture_is_an_oserror(look: Look, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    with pytest.raises(OSError):
        look(path)


@reading
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_an_oserror(look: Look, kind: str, share: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    path = tmp_path / "picture.jpg"
    Image.fromarray(noise).save(path, kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(OSError):
        look(path)


@reading
def test_a_decompression_bomb_is_an_oserror(
    look: Look, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.jpg"
    CORNERS.resize((64, 64)).save(path, "PNG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(OSError):
        look(path)


@pytest.mark.parametrize("open_one", [read_image, verify_image])
def test_a_pipe_is_not_waited_for(open_one: Callable[[Path], object], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to("pipe.jpg")
    for name in ("pipe.jpg", "link.jpg"):
        with pytest.raises(OSError, match="it is no file but a pipe or a device; give the file"):
            open_one(tmp_path / name)
