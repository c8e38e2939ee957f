"""Samples of more than 8 bits: scaled by what the file says, or refused; never black without a word."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from bench.datasets.pictures.crop import read_part
from bench.datasets.pictures.read import read_image, verify_image

READERS: dict[str, Callable[[Path], object]] = {
    "whole": read_image,
    "verified": verify_image,
    "part": lambda path: read_part(path, lambda size: (0, 0, *size), 64),
}
GREY = np.arange(256, dtype=np.uint8).reshape(16, 16)
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
MIN, MAX, S_MIN, S_MAX = 280, 281, 340, 341
SHORT, FLOAT, DOUBLE = 3, 11, 12


def write_tiff(path: Path, values: NDArray[np.generic], **tags: tuple[int, object]) -> Path:
    """A TIFF file of these values; a tag is given as its number (behind a letter), its type and value."""
    found = TiffImagePlugin.ImageFileDirectory_v2()
    for name, (kind, value) in tags.items():
        number = int(name[1:])
        found.tagtype[number] = kind
        found[number] = value
    Image.fromarray(values).save(path, "TIFF", tiffinfo=found)
    return path


def levels(path: Path) -> NDArray[np.uint8]:
    """The grey levels of a picture, alike however it is read."""
    picture = read_image(path)
    pixels = np.asarray(picture)
    assert (pixels == pixels[..., :1]).all()
    np.testing.assert_array_equal(np.asarray(verify_image(path)), pixels)
    np.testing.assert_array_equal(READERS["part"](path), pixels)
    return pixels[..., 0]


def assert_refused(path: Path, reason: str) -> None:
    for look in READERS.values():
        with pytest.raises(OSError, match=reason):
            look(path)


@pytest.mark.parametrize("dtype", [np.float32])
def test_floats_from_0_to_1_are_scaled(dtype: type, tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", (GREY / 255).astype(dtype))
    np.testing.assert_array_equal(levels(path), GREY)


def test_floats_of_another_range_are_refused_unless_the_file_says_it(tmp_path: Path) -> None:
    values = GREY.astype(np.float32) * 4
    assert_refused(write_tiff(tmp_path / "a.tif", values), "32-bit float values from 0 to 1020")
    said = write_tiff(tmp_path / "b.tif", values, t340=(FLOAT, 0.0), t341=(FLOAT, 1020.0))
    np.testing.assert_array_equal(levels(said), GREY)
    shifted = write_tiff(tmp_path / "c.tif", values - 500, t340=(FLOAT, -500.0), t341=(FLOAT, 520.0))
    np.testing.assert_array_equal(levels(shifted), GREY)
    wrong = write_tiff(tmp_path / "d.tif", values, t340=(FLOAT, 0.0), t341=(FLOAT, 9.0))
    assert_refused(wrong, "its range is not known")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(value: float, tmp_path: Path) -> None:
    values = (GREY / 255).astype(np.float32)
    values[3, 3] = value
    assert_refused(write_tiff(tmp_path / "a.tif", values), "not finite")


def test_32_bit_integers_are_scaled_by_what_the_file_says(tmp_path: Path) -> None:
    values = GREY.astype(np.int32)
    assert_refused(write_tiff(tmp_path / "a.tif", values), "32-bit signed values from 0 to 255")
    said = write_tiff(tmp_path / "b.tif", values, t281=(SHORT, 255))
    np.testing.assert_array_equal(levels(said), GREY)
    full = write_tiff(tmp_path / "c.tif", values * (2**31 // 256))
    np.testing.assert_allclose(levels(full).astype(int), GREY, atol=1)
    assert_refused(write_tiff(tmp_path / "d.tif", values - 9), "from -9 to 246")


def patch(path: Path, pixels: bytes, entries: dict[int, int]) -> Path:
    """Write other pixels, and other values of tags, into a TIFF file as Pillow cannot write it."""
    content = bytearray(path.read_bytes())
    with Image.open(path) as picture:
        start = picture.tag_v2[273][0]
    content[start : start + len(pixels)] = pixels
    directory = int.from_bytes(content[4:8], "little")
    patched = set()
    for number in range(int.from_bytes(content[directory : directory + 2], "little")):
        at = directory + 2 + 12 * number
        tag = int.from_bytes(content[at : at + 2], "little")
        if tag in entries:
            width = 2 if content[at + 2] == SHORT else 4
            content[at + 8 : at + 8 + width] = entries[tag].to_bytes(width, "little")
            patched.add(tag)
    assert patched == entries.keys()
    path.write_bytes(content)
    return path


def unsigned_32(path: Path, values: NDArray[np.uint32]) -> Path:
    write_tiff(path, values.view(np.int32))
    return patch(path, b"", {SAMPLE_FORMAT: 1})


def test_unsigned_32_bits_use_their_whole_range(tmp_path: Path) -> None:
    full = unsigned_32(tmp_path / "a.tif", GREY.astype(np.uint32) * 16843009)
    np.testing.assert_array_equal(levels(full), GREY)
    assert_refused(unsigned_32(tmp_path / "b.tif", GREY.astype(np.uint32)), "32-bit unsigned values")


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_fewer_bits_in_16_are_not_read_as_black(bits: int, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    values = GREY.astype(np.uint16) << (bits - 8)
    Image.fromarray(values).save(path, kind)
    assert_refused(path, f"its range is not known: 16-bit unsigned values from 0 to {values.max()}, ")


def test_12_bits_in_16_are_scaled_where_the_file_says_so(tmp_path: Path) -> None:
    values = GREY.astype(np.uint16) * 16
    for tag in ("t281", "t341"):
        path = write_tiff(tmp_path / f"{tag}.tif", values, **{tag: (SHORT, 4095)})
        np.testing.assert_array_equal(levels(path), (values.astype(float) * 255 / 4095).round())


def test_12_bits_that_are_stored_as_12_are_scaled(tmp_path: Path) -> None:
    # Two samples in three bytes.
    values = np.array([[0, 4095], [2048, 1024]], np.uint16)
    pairs = [(first << 12 | second).to_bytes(3, "big") for first, second in values.tolist()]
    path = write_tiff(tmp_path / "a.tif", np.zeros((2, 3), np.uint8))
    patch(path, b"".join(pairs), {256: 2, BITS_PER_SAMPLE: 12, 279: 6})
    np.testing.assert_array_equal(levels(path), [[0, 255], [128, 64]])


def test_a_pgm_says_what_white_is(tmp_path: Path) -> None:
    path = tmp_path / "a.pgm"
    values = (GREY.astype(np.uint16) * 16).astype(">u2")
    path.write_bytes(b"P5 16 16 4095\n" + values.tobytes())
    np.testing.assert_allclose(levels(path).astype(int), values / 4095 * 255, atol=1)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_colours_of_12_bits_in_16_are_refused(kind: str, tmp_path: Path) -> None:
    import cv2

    colours = np.random.default_rng(0).integers(0, 4096, (16, 16, 3)).astype(np.uint16)
    path = tmp_path / f"a.{kind.lower()}"
    assert cv2.imwrite(str(path), colours)
    assert_refused(path, "its range is not known: 16-bit values")
    assert cv2.imwrite(str(path), colours * 16)
    read = np.asarray(read_image(path)).astype(int)
    # Pillow rounds what a PPM holds, and cuts off the lower bits of the others.
    np.testing.assert_allclose(read, (colours * 16 >> 8)[..., ::-1], atol=kind == "PPM")


def test_colours_that_are_written_out_are_refused_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.ppm"
    path.write_text(f"P3 256 1 65535 {' '.join(str(grey) for grey in GREY.repeat(3))}")
    assert_refused(path, "its range is not known: 16-bit values")


@pytest.mark.parametrize("bits", [8, 16])
def test_films_whose_white_is_zero_are_not_read_as_negatives(bits: int, tmp_path: Path) -> None:
    values = GREY.astype(np.uint16) * 257 if bits == 16 else GREY
    path = write_tiff(tmp_path / "a.tif", values)
    np.testing.assert_array_equal(levels(patch(path, b"", {PHOTOMETRIC: 0})), 255 - GREY)


def test_16_bits_that_use_their_range_stay_what_they_are_whatever_the_tags_say(tmp_path: Path) -> None:
    values = (GREY.astype(np.uint16) * 200) + 100
    path = write_tiff(tmp_path / "a.tif", values, t281=(SHORT, int(values.max())))
    np.testing.assert_array_equal(levels(path), values // 257)


@pytest.mark.parametrize("value", [0, 3000, 65535])
def test_a_picture_of_one_value_is_read(value: int, tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", np.full((8, 8), value, np.uint16))
    assert (levels(path) == value // 257).all()


@pytest.mark.parametrize("value", [(SHORT, 0), (DOUBLE, float("nan")), (2, "white")])
def test_tags_that_say_nothing_are_not_believed(value: tuple[int, object], tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", GREY.astype(np.uint16), t281=value)
    assert_refused(path, "its range is not known")
