"""Each augmentation is the published one: a composition of Pillow and torchvision for the same draws."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageEnhance, ImageOps
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from bench.datasets.feed import EvalImages, TrainingImages, augmentation_rng
from bench.datasets.index import SplitIndex
from bench.datasets.open import open_dataset
from bench.datasets.pictures.augment import DISTORTIONS, GREY, HOLE, cut_out, rand_augment
from bench.datasets.pictures.crop import read_part
from bench.datasets.pictures.jpeg import Pixels
from bench.datasets.pictures.read import read_image
from bench.datasets.pictures.transforms import Augmentation, multi_scale_box, random_box, transform
from bench.engine.building.build import augmentation_of
from bench.experiment.schedule import load_schedule
from trees import write_voc

Draw = np.random.Generator


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SplitIndex:
    """Six pictures, wider than high."""
    root = tmp_path_factory.mktemp("pictures")
    write_voc(root, train=6, test=3, size=(160, 120))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_WORK", str(root / "work"))
        return open_dataset("voc2007", root).train


def smooth(width: int, height: int) -> Image.Image:
    """A picture without fine detail, on which ways to resize agree."""
    small = np.random.default_rng(4).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def resize(picture: Image.Image, side: int) -> Image.Image:
    resized: Image.Image = tv.resize(picture, [side, side], v2.InterpolationMode.BILINEAR)
    return resized


def ml_gcn(picture: Image.Image, rng: Draw) -> Image.Image:
    return resize(picture.crop(multi_scale_box(picture.size, rng)), 448)


def add_gcn(picture: Image.Image, rng: Draw) -> Image.Image:
    square = resize(picture, 448 + 64)
    return resize(square.crop(multi_scale_box(square.size, rng)), 448)


def ssgrl(picture: Image.Image, rng: Draw) -> Image.Image:
    square = resize(picture, 640)
    side = (640, 576, 512, 384, 320)[rng.integers(5)]
    left, upper = rng.integers(640 - side + 1), rng.integers(640 - side + 1)
    return resize(tv.crop(square, upper, left, side, side), 576)


def salgl(picture: Image.Image, rng: Draw) -> Image.Image:
    return resize(picture, 448)


COMPOSITIONS: dict[str, Callable[[Image.Image, Draw], Image.Image]] = {
    "ml-gcn": ml_gcn,
    "add-gcn": add_gcn,
    "ssgrl": ssgrl,
    "resnet101": ssgrl,
    "salgl": salgl,
    "tdrg": add_gcn,
}
FLIPPED = {"ml-gcn", "add-gcn", "salgl", "tdrg"}


@pytest.mark.parametrize("name", COMPOSITIONS)
def test_a_recipe_feeds_what_pillow_and_torchvision_make_of_the_picture(name: str, index: SplitIndex) -> None:
    schedule = load_schedule(name, {"cutout": 0, "rand_augment": False})
    images = TrainingImages(index, augmentation_of(schedule), seed=3)
    mirrored = 0
    for position in range(len(index)):
        rng = augmentation_rng(3, 1, index.ids[position])
        expected = COMPOSITIONS[name](read_image(index.path(position)), rng)
        if name in FLIPPED and rng.random() < 0.5:
            expected, mirrored = tv.hflip(expected), mirrored + 1
        found = images[1, position].image.permute(1, 2, 0).numpy().astype(int)
        assert found.shape == (schedule.image_size, schedule.image_size, 3)
        # Each of two resizes rounds.
        apart = np.abs(found - np.asarray(expected))
        assert apart.max() <= 4 and apart.mean() <= 0.7
    assert (0 < mirrored < len(index)) == (name in FLIPPED)


@pytest.mark.parametrize(
    ("name", "side", "whole"),
    [
        ("ml-gcn", 448, 448),
        ("add-gcn", 512, 512),
        ("ssgrl", 576, 640),
        ("salgl", 448, 448),
        ("tdrg", 448, 448),
    ],
)
def test_a_test_image_is_resized_and_its_centre_cut_out(
    name: str, side: int, whole: int, index: SplitIndex
) -> None:
    schedule = load_schedule(name, {})
    found = EvalImages(index, schedule.test_size, schedule.test_resize)[2].image
    expected = v2.CenterCrop(side)(resize(read_image(index.path(2)), whole))
    assert torch.equal(found, tv.pil_to_tensor(expected))


def test_a_random_crop_is_anywhere_and_of_every_size() -> None:
    rng = np.random.default_rng(0)
    boxes = [random_box((640, 640), (640, 576, 320), rng) for _ in range(3000)]
    assert all(right - left == lower - upper for left, upper, right, lower in boxes)
    assert all(min(box) >= 0 and max(box) <= 640 for box in boxes)
    sides = Counter(right - left for left, _, right, _ in boxes)
    assert set(sides) == {640, 576, 320} and all(900 < count < 1100 for count in sides.values())
    for axis in (0, 1):
        places = {box[axis] for box in boxes if box[2] - box[0] == 576}
        assert {min(places), max(places)} == {0, 64} and len(places) > 60
    assert {box[:2] for box in boxes if box[2] - box[0] == 640} == {(0, 0)}


def test_cutout_is_a_rectangle_of_one_colour_as_pillow_draws_it() -> None:
    areas = []
    for seed in range(60):
        rng, again = np.random.default_rng(seed), np.random.default_rng(seed)
        picture = smooth(60, 40)
        pixels = np.array(picture)
        cut_out(pixels, 0.5, rng)
        y, x = int(again.integers(40)), int(again.integers(60))
        colour = tuple(again.integers(0, 256, 3).tolist())
        corners = (max(x - 15, 0), max(y - 10, 0), min(x + 15, 60), min(y + 10, 40))
        ImageDraw.Draw(picture).rectangle(corners, fill=colour)
        np.testing.assert_array_equal(pixels, np.asarray(picture))
        areas.append((pixels != np.array(smooth(60, 40))).any(axis=2).mean())
    assert 0.05 < min(areas) < max(areas) < 0.28


def shear(picture: Image.Image, matrix: tuple[float, ...], resample: Any) -> Image.Image:
    return picture.transform(picture.size, Image.Transform.AFFINE, matrix, resample, fillcolor=GREY)


def rotated(picture: Image.Image, level: int) -> Image.Image:
    """By way of transparency, as the package does it."""
    turned = picture.convert("RGBA").rotate(30 * level / 9)
    return Image.composite(turned, Image.new("RGBA", turned.size, (128,) * 4), turned).convert("RGB")


def punched(picture: Image.Image, level: int, rng: Draw) -> Image.Image:
    pixels = np.array(picture)
    half = int(np.round(np.linspace(0, 20, 10))[level]) // 2
    y, x = rng.integers(pixels.shape[0]), rng.integers(pixels.shape[1])
    pixels[max(0, y - half) : y + half, max(0, x - half) : x + half] = HOLE
    return Image.fromarray(pixels)


# In the order of DISTORTIONS: what the package `randaugment` makes of a picture at a level with a sign.
BICUBIC, NEAREST = Image.Resampling.BICUBIC, Image.Resampling.NEAREST
PUBLISHED: list[Callable[[Image.Image, int, int, Draw], Image.Image]] = [
    lambda p, level, sign, rng: ImageOps.invert(p),
    lambda p, level, sign, rng: punched(p, level, rng),
    lambda p, level, sign, rng: ImageEnhance.Sharpness(p).enhance(1 + 0.1 * level * sign),
    lambda p, level, sign, rng: ImageOps.autocontrast(p),
    lambda p, level, sign, rng: ImageOps.posterize(p, int(np.round(np.linspace(8, 4, 10))[level])),
    lambda p, level, sign, rng: shear(p, (1, level / 30 * sign, 0, 0, 1, 0), BICUBIC),
    lambda p, level, sign, rng: shear(p, (1, 0, 150 / 331 * level / 9 * sign * p.size[0], 0, 1, 0), NEAREST),
    lambda p, level, sign, rng: shear(p, (1, 0, 0, 0, 1, 150 / 331 * level / 9 * sign * p.size[1]), NEAREST),
    lambda p, level, sign, rng: shear(p, (1, 0, 0, level / 30 * sign, 1, 0), BICUBIC),
    lambda p, level, sign, rng: rotated(p, level),
    lambda p, level, sign, rng: ImageOps.equalize(p),
    lambda p, level, sign, rng: ImageEnhance.Contrast(p).enhance(1 + 0.1 * level * sign),
    lambda p, level, sign, rng: ImageEnhance.Color(p).enhance(1 + 0.1 * level * sign),
    lambda p, level, sign, rng: p.point(lambda i: i if i < np.linspace(256, 0, 10)[level] else 255 - i),
    lambda p, level, sign, rng: ImageEnhance.Brightness(p).enhance(1 + 0.1 * level * sign),
]
PLAIN = {0, 1, 3, 4, 9, 10, 13}  # which of them have no sign


@pytest.mark.parametrize("number", range(len(PUBLISHED)))
def test_every_distortion_is_that_of_the_published_package(number: int) -> None:
    assert len(DISTORTIONS) == len(PUBLISHED) == 15
    picture = smooth(48, 32)
    for level in range(1, 10):
        ours = DISTORTIONS[number](picture, level / 9, np.random.default_rng(level))
        again = np.random.default_rng(level)
        sign = 1 if number in PLAIN else 1 - 2 * int(again.integers(2))
        expected = PUBLISHED[number](picture, level, sign, again)
        assert ours.size == picture.size
        apart = np.abs(np.asarray(ours).astype(int) - np.asarray(expected))
        assert apart.max() <= 1, level  # 0.3 * 5 / 9 and 5 / 30 are not the same number


def test_both_directions_are_drawn() -> None:
    picture = smooth(48, 32)
    signed = [number for number in range(15) if number not in PLAIN]
    for number in signed:
        rng = np.random.default_rng(0)
        assert len({DISTORTIONS[number](picture, 0.5, rng).tobytes() for _ in range(20)}) == 2


def test_a_distortion_is_applied_half_of_the_time_and_two_at_most() -> None:
    pixels = np.array(smooth(48, 32))
    rng = np.random.default_rng(0)
    same = sum(np.array_equal(rand_augment(pixels, rng), pixels) for _ in range(2000))
    # A quarter are left alone, and the few that are posterised to 8 bits, or inverted twice.
    assert 0.23 < same / 2000 < 0.31
    np.testing.assert_array_equal(pixels, np.array(smooth(48, 32)))


def augmented(index: SplitIndex, seed: int = 0, epoch: int = 0) -> list[int]:
    how = Augmentation(48, crop="none", flip=True, cutout=0.5, rand_augment=True)
    images = TrainingImages(index, how, seed)
    return [images[epoch, position].checksum for position in range(len(index))]


def test_distortions_depend_on_seed_epoch_and_image_alone(index: SplitIndex) -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    first = augmented(index)
    state = torch.get_rng_state()
    torch.manual_seed(2)
    np.random.seed(2)
    assert augmented(index) == first
    assert len({*first, *augmented(index, seed=1), *augmented(index, epoch=1)}) == 3 * len(index)
    torch.manual_seed(1)
    assert torch.equal(torch.get_rng_state(), state), "the global generator is left alone"


def test_nothing_more_is_drawn_than_crop_and_mirror_where_nothing_more_is_asked(index: SplitIndex) -> None:
    images = TrainingImages(index, augmentation_of(load_schedule("demo", {})), seed=0)
    for position in range(len(index)):
        rng = augmentation_rng(0, 2, index.ids[position])
        crop = read_part(index.path(position), partial(multi_scale_box, rng=rng), 96)
        expected = transform(crop, 96, True, rng)
        np.testing.assert_array_equal(images[2, position].image.permute(1, 2, 0).numpy(), expected)


def test_cutout_leaves_the_picture_that_was_read_alone(index: SplitIndex, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    smooth(48, 48).save(path)
    how = Augmentation(48, crop="none", flip=False, cutout=0.3)

    def read() -> Pixels:
        return how.read(path, np.random.default_rng(5))

    np.testing.assert_array_equal(read(), read())
    plain = Augmentation(48, crop="none", flip=False).read(path, np.random.default_rng(5))
    np.testing.assert_array_equal(plain, np.array(smooth(48, 48)))
    assert (read() != plain).any()
