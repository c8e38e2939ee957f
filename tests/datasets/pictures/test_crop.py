"""The part of a picture that a crop needs has the pixels of a crop of the whole, however it was read."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.datasets.pictures import jpeg
from bench.datasets.pictures.crop import Box, read_part
from bench.datasets.pictures.jpeg import plain_header
from bench.datasets.pictures.read import read_image
from bench.profile.photographs import make_photographs

ORIENTATION = 0x0112
BOXES: list[Box] = [(0, 0, 640, 480), (0, 0, 300, 200), (340, 280, 640, 480), (101, 33, 420, 399)]


@pytest.fixture(scope="module")
def photograph(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    folder = tmp_path_factory.mktemp("photographs")
    index = make_photographs(folder, 1)
    return Image.open(index.path(0)).convert("RGB")


def whole(path: Path) -> Image.Image:
    """The picture as Pillow alone reads it."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


def encoded(picture: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    "options", [{}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}, {"restart_marker_rows": 1}]
)
@pytest.mark.parametrize("box", BOXES)
def test_a_plain_jpeg_has_pillows_pixels(
    mode: str, options: dict[str, object], box: Box, photograph: Image.Image, tmp_path: Path
) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(photograph.convert(mode), quality=90, **options))
    assert plain_header(path.read_bytes()) is not None, "read the fast way"
    expected = whole(path)
    np.testing.assert_array_equal(read_part(path, lambda _: box, 448), np.asarray(expected.crop(box)))
    assert read_image(path).tobytes() == expected.tobytes()


def test_rows_below_the_crop_are_not_decoded(
    photograph: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.jpg"
    photograph.save(path)
    decoded = []

    def spy(*arguments: object, **options: object) -> object:
        decoded.append(original(*arguments, **options))
        return decoded[-1]

    original = jpeg.simplejpeg.decode_jpeg
    monkeypatch.setattr(jpeg.simplejpeg, "decode_jpeg", spy)
    read_part(path, lambda _: (0, 0, 300, 200), 448)
    assert 200 <= decoded[0].shape[0] < 240


@pytest.mark.parametrize(
    "kind", ["PNG", "CMYK", "transparent", "16 bits", "palette", "two frames", "trailing bytes"]
)
def test_other_pictures_are_what_read_image_gives(kind: str, photograph: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    if kind == "PNG":
        photograph.save(path, "PNG")
    elif kind == "CMYK":
        photograph.convert("CMYK").save(path, "JPEG")
    elif kind == "transparent":
        photograph.convert("RGBA").save(path, "PNG")
    elif kind == "16 bits":
        Image.fromarray(np.asarray(photograph.convert("L")).astype(np.uint16) * 257).save(path, "PNG")
    elif kind == "palette":
        photograph.convert("P").save(path, "GIF")
    elif kind == "two frames":
        photograph.save(path, "MPO", save_all=True, append_images=[photograph.rotate(180)])
    else:
        path.write_bytes(encoded(photograph) + b"\0" * 7)
    expected = read_image(path)
    for box in BOXES:
        np.testing.assert_array_equal(
            read_part(path, lambda _, box=box: box, 448), np.asarray(expected.crop(box))
        )


@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_a_turned_photograph_is_cropped_upright(
    orientation: int, photograph: Image.Image, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / "picture.jpg"
    photograph.save(path, exif=exif)
    upright = read_image(path)
    sizes = []

    def choose(size: tuple[int, int]) -> Box:
        sizes.append(size)
        return (10, 20, 310, 420)

    part = read_part(path, choose, 448)
    np.testing.assert_array_equal(part, np.asarray(upright.crop((10, 20, 310, 420))))
    assert sizes == [upright.size], "asked once, of the upright picture"


@pytest.fixture(scope="module")
def large(photograph: Image.Image) -> Image.Image:
    return photograph.resize((2405, 1803), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("box", [(0, 0, 1803, 1803), (601, 301, 1802, 1502), (3, 5, 1024, 1027)])
@pytest.mark.parametrize("trim", [0, 5])
def test_a_large_photograph_is_decoded_smaller_and_looks_the_same(
    orientation: int, box: Box, trim: int, large: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Sides that eight divides, and sides that leave a row and a column that are not whole.
    picture = large.crop((0, 0, 2405 - trim, 1803 - 3 * bool(trim)))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / "picture.jpg"
    picture.save(path, exif=exif, quality=92)
    box = (box[0], box[1], min(box[2], 1800), min(box[3], 1800))
    found = read_part(path, lambda _: box, 128).astype(int)
    divides = not (picture.size[0] % 2 or picture.size[1] % 2)
    if orientation == 1 or divides:
        assert found.shape == (128, 128, 3), "resized at once"
        expected = read_image(path).crop(box).resize((128, 128), Image.Resampling.BILINEAR)
        apart = np.abs(found - np.asarray(expected))
        # The decoder averages squares of pixels, which is another way to interpolate, and a shift by half a
        # pixel would show as more.
        assert apart.mean() <= 0.6 and apart.max() <= 16
    else:
        np.testing.assert_array_equal(found, np.asarray(read_image(path).crop(box)))


def test_a_crop_that_is_hardly_reduced_is_decoded_whole(large: Image.Image, tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    large.save(path)
    box = (0, 0, 1700, 1700)
    np.testing.assert_array_equal(read_part(path, lambda _: box, 448), np.asarray(whole(path).crop(box)))


@pytest.mark.parametrize("share", [0.001, 0.3, 0.6, 0.99])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_truncated_picture_is_an_oserror(
    share: float, kind: str, photograph: Image.Image, tmp_path: Path
) -> None:
    path = tmp_path / "picture.jpg"
    photograph.save(path, kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(OSError):
        read_part(path, lambda _: (0, 0, 100, 100), 448)
    with pytest.raises(OSError):
        read_part(path, lambda size: (0, 0, *size), 448)


def test_what_the_fast_decoder_refuses_is_left_to_pillow(photograph: Image.Image, tmp_path: Path) -> None:
    content = bytearray(encoded(photograph, quality=90))
    # A stretch of zeros in the pixels: Pillow goes on behind it.
    middle = len(content) // 2
    content[middle : middle + 40] = bytes(40)
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    expected = whole(path)
    assert read_image(path).tobytes() == expected.tobytes()
    for box in ((0, 0, 640, 480), (0, 100, 640, 400)):
        found = read_part(path, lambda _, box=box: box, 448)
        np.testing.assert_array_equal(found, np.asarray(expected.crop(box)))


@pytest.mark.parametrize("limit", [1000, 100_000])
def test_a_decompression_bomb_is_an_oserror(
    limit: int, photograph: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "picture.jpg"
    photograph.save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(OSError):
        read_part(path, lambda size: (0, 0, *size), 448)
    with pytest.raises(OSError):
        read_image(path)


def test_real_photographs_have_pillows_pixels(shared: Path) -> None:
    files = sorted((shared / "realdata" / "coco").rglob("*.jpg"))[::6]
    files += sorted((shared / "realdata" / "VOCdevkit").rglob("*.jpg"))[::6]
    assert len(files) > 50
    fast = 0
    for path in files:
        expected = whole(path)
        width, height = expected.size
        box = (width // 5, height // 7, width - width // 9, height - height // 4)
        np.testing.assert_array_equal(
            read_part(path, lambda _, box=box: box, 448), np.asarray(expected.crop(box))
        )
        fast += plain_header(path.read_bytes()) is not None
    assert fast > 0.9 * len(files)
