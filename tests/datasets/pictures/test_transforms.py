"""The crop has the shapes and places that ML-GCN and ADD-GCN publish, and draws from its generator alone."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import transforms

from bench.datasets.pictures.jpeg import Pixels
from bench.datasets.pictures.transforms import (
    Augmentation,
    crop_box,
    multi_scale_box,
    random_resized_box,
    transform,
    warp,
)


def boxes(size: tuple[int, int], count: int = 4000) -> list[tuple[float, float, float, float]]:
    rng = np.random.default_rng(0)
    return [multi_scale_box(size, rng) for _ in range(count)]


def noise(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))


def fed(picture: Image.Image, side: int, rng: np.random.Generator) -> Pixels:
    """A training picture, cropped and mirrored as the generator says."""
    cut = picture.crop(multi_scale_box(picture.size, rng))
    return transform(np.array(cut), side, True, rng)


def test_19_shapes_at_13_places() -> None:
    # Sides of 400 and 800: every shape leaves a margin that four steps divide.
    width, height = 801, 400
    shapes: Counter[tuple[float, float]] = Counter()
    places: dict[tuple[float, float], set[tuple[int, int]]] = {}
    for left, upper, right, lower in boxes((width, height)):
        shape = (right - left, lower - upper)
        shapes[shape] += 1
        spare = (width - shape[0], height - shape[1])
        steps = tuple(
            round(4 * at / room) if room else 0 for at, room in zip((left, upper), spare, strict=True)
        )
        places.setdefault(shape, set()).add((steps[0], steps[1]))
    sides = [400, 350, 300, 264, 200]
    expected = {(a, b) for i, a in enumerate(sides) for j, b in enumerate(sides) if abs(i - j) <= 2}
    assert set(shapes) == expected and len(expected) == 19
    # Corners, middles of the sides, centre; and the centres of the quarters.
    thirteen = {(x, y) for x in (0, 2, 4) for y in (0, 2, 4)} | {(x, y) for x in (1, 3) for y in (1, 3)}
    assert len(thirteen) == 13
    inner = [shape for shape in expected if shape[1] < 400]
    assert all(places[shape] == thirteen for shape in inner)


def test_shapes_and_places_are_drawn_evenly() -> None:
    shapes = Counter((right - left, lower - upper) for left, upper, right, lower in boxes((801, 400), 19000))
    assert all(850 < count < 1150 for count in shapes.values())


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 500), (500, 1), (2, 3), (7, 5), (33, 1000), (1000, 33), (375, 500), (448, 448)]
)
def test_the_crop_lies_in_the_picture_and_holds_something(size: tuple[int, int]) -> None:
    for left, upper, right, lower in boxes(size, 500):
        assert 0 <= left < right <= size[0] and 0 <= upper < lower <= size[1]


@pytest.mark.parametrize("size", [(1, 1), (2, 90), (90, 2)])
def test_a_tiny_picture_can_be_fed(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert fed(noise(*size), 32, rng).shape == (32, 32, 3)


def test_the_same_generator_gives_the_same_picture_and_another_one_does_not() -> None:
    picture = noise(60, 40)

    def pixels(seed: int) -> bytes:
        return fed(picture, 32, np.random.default_rng(seed)).tobytes()

    np.random.seed(5)
    first = pixels(3)
    np.random.seed(6)
    assert pixels(3) == first
    assert len({pixels(seed) for seed in range(20)}) > 15


def test_half_of_the_pictures_are_mirrored() -> None:
    pixels = np.asarray(noise(32, 32))
    rng = np.random.default_rng(0)
    seen = Counter(transform(pixels, 32, True, rng).tobytes() for _ in range(1000))
    mirrored = pixels[:, ::-1].tobytes()
    assert set(seen) == {pixels.tobytes(), mirrored}
    assert 440 < seen[mirrored] < 560
    assert {transform(pixels, 32, False, rng).tobytes() for _ in range(20)} == {pixels.tobytes()}


def test_without_a_crop_the_whole_picture_is_fed() -> None:
    assert crop_box((64, 48), "none", np.random.default_rng(0)) == (0, 0, 64, 48)


@pytest.mark.parametrize(
    "size", [(20, 20), (31, 7), (300, 448), (447, 448), (480, 480), (480, 300), (300, 480), (1500, 1100)]
)
@pytest.mark.parametrize("mirror", [False, True])
def test_the_resize_is_pillows_but_for_rounding(size: tuple[int, int], mirror: bool) -> None:
    # Enlarged, reduced, and one of each: noise is where ways to resize differ most.
    picture = noise(*size)
    expected = picture.resize((448, 448), Image.Resampling.BILINEAR)
    if mirror:
        expected = expected.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    flipping = next(seed for seed in range(99) if (np.random.default_rng(seed).random() < 0.5) == mirror)
    found = transform(np.array(picture), 448, True, np.random.default_rng(flipping)).astype(int)
    apart = np.abs(found - np.asarray(expected))
    assert apart.max() <= 2 and apart.mean() <= 0.5


def test_a_crop_that_is_a_view_is_resized_like_a_copy() -> None:
    whole = np.array(noise(700, 600))
    for view in (whole[100:300, 50:350], whole[10:590, 20:680]):
        rngs = (np.random.default_rng(1), np.random.default_rng(1))
        np.testing.assert_array_equal(
            transform(view, 448, True, rngs[0]), transform(view.copy(), 448, True, rngs[1])
        )


@pytest.mark.parametrize("size", [(1, 1), (500, 375), (32, 32), (10, 300)])
def test_warp_gives_a_square_of_the_whole_picture(size: tuple[int, int]) -> None:
    picture = noise(*size)
    warped = warp(picture, 32)
    assert warped.size == (32, 32)
    assert np.abs(np.asarray(warped).mean((0, 1)) - np.asarray(picture).mean((0, 1))).max() < 12
    assert warp(picture, 32).tobytes() == warped.tobytes()


def test_warp_keeps_a_picture_of_that_size() -> None:
    assert warp(noise(32, 32), 32).tobytes() == noise(32, 32).tobytes()


def resized_boxes(size: tuple[int, int], least: float, count: int = 4000) -> NDArray[np.float64]:
    """Width, height, left and upper of crops."""
    rng = np.random.default_rng(0)
    drawn = [random_resized_box(size, least, rng) for _ in range(count)]
    return np.array(
        [(right - left, lower - upper, left, upper) for left, upper, right, lower in drawn], float
    )


def test_a_resized_crop_has_the_shares_ratios_and_places_of_torchvisions() -> None:
    width, height = 500, 400
    ours = resized_boxes((width, height), 0.3)
    torch.manual_seed(0)
    picture = noise(width, height)
    drawn = [transforms.RandomResizedCrop.get_params(picture, [0.3, 1], [3 / 4, 4 / 3]) for _ in range(4000)]
    theirs = np.array([(w, h, left, upper) for upper, left, h, w in drawn], float)
    for name, of in {
        "share": lambda boxes: boxes[:, 0] * boxes[:, 1] / (width * height),
        "ratio": lambda boxes: np.log(boxes[:, 0] / boxes[:, 1]),
        "left": lambda boxes: boxes[:, 2] / np.maximum(1, width - boxes[:, 0]),
        "upper": lambda boxes: boxes[:, 3] / np.maximum(1, height - boxes[:, 1]),
    }.items():
        found, expected = np.sort(of(ours)), np.sort(of(theirs))
        spread = expected.max() - expected.min()
        assert np.abs(found - expected).max() < 0.06 * spread, name
    assert (ours[:, 0] * ours[:, 1]).min() > 0.29 * width * height


@pytest.mark.parametrize(
    ("size", "crop"),
    [((1000, 100), (433, 0, 133, 100)), ((100, 1000), (0, 433, 100, 133)), ((1, 90), (0, 44, 1, 1))],
)
def test_a_long_picture_is_cropped_in_the_middle(
    size: tuple[int, int], crop: tuple[int, int, int, int]
) -> None:
    width, height, left, upper = crop[2], crop[3], crop[0], crop[1]
    boxes = {tuple(box) for box in resized_boxes(size, 0.9, 50).astype(int).tolist()}
    assert boxes == {(width, height, left, upper)}


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (2, 3), (7, 5), (33, 1000), (375, 500), (448, 448)])
@pytest.mark.parametrize("least", [0.01, 0.7, 1.0])
def test_a_resized_crop_lies_in_the_picture(size: tuple[int, int], least: float) -> None:
    for width, height, left, upper in resized_boxes(size, least, 300):
        assert 1 <= width <= size[0] - left and 1 <= height <= size[1] - upper and min(left, upper) >= 0


def test_a_resized_crop_depends_on_its_generator_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    noise(60, 40).save(path)

    def pixels(seed: int, **changes: Any) -> bytes:
        how = Augmentation(32, **{"crop": "random-resized", "crop_scale": 0.5, "flip": False, **changes})
        return how.read(path, np.random.default_rng(seed)).tobytes()

    np.random.seed(5)
    torch.manual_seed(5)
    first = pixels(3)
    np.random.seed(6)
    torch.manual_seed(6)
    assert pixels(3) == first
    assert len({pixels(seed) for seed in range(20)}) == 20
    assert pixels(3, crop_scale=0.9) != first
    assert pixels(3, resize=48) != first
    box = random_resized_box((60, 40), 0.5, np.random.default_rng(3))
    left, upper, right, lower = box
    assert crop_box((60, 40), "random-resized", np.random.default_rng(3), least=0.5) == box
    cut = np.array(noise(60, 40))[upper:lower, left:right]
    assert transform(cut, 32, False, np.random.default_rng(0)).tobytes() == first
