"""Where the objects of the `scenes` data set are met, as data: colours, sizes, places, scene types.

A colour is a range to draw from, (hue from, to, saturation from, to, value from, to) in degrees and per
cent; heights and widths are per cent of the picture. Anything changed here changes the pictures, so
`generator.VERSION` has to go up with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.datasets.scenes.shapes import Points, path

Hsv = tuple[float, float, float, float, float, float]
Tones = tuple[Hsv, ...]

DARK: Tones = ((200, 260, 5, 30, 8, 24),)
LIGHT: Tones = ((30, 220, 0, 12, 86, 100),)
ANY: Tones = ((0, 360, 55, 95, 45, 95),)
RED: Tones = ((345, 372, 70, 95, 60, 95),)
YELLOW: Tones = ((42, 58, 70, 100, 80, 100),)
GLASS: Tones = ((190, 215, 12, 38, 72, 97),)
WOOD: Tones = ((18, 34, 45, 80, 28, 62),)
GREEN: Tones = ((85, 145, 45, 85, 28, 62),)
SKY: Tones = ((195, 218, 20, 60, 75, 98), (200, 230, 3, 15, 62, 88), (18, 40, 25, 60, 80, 98))
GRASS: Tones = ((75, 125, 35, 75, 40, 75),)
GREY: Tones = ((200, 250, 2, 14, 32, 62),)
PASTEL: Tones = ((0, 360, 8, 35, 70, 95),)


@dataclass(frozen=True)
class Look:
    """How one class is coloured and placed; one of several colour ranges is taken per object."""

    band: tuple[float, float]
    """The height at which its centre is found."""
    size: float
    main: Tones
    accent: Tones
    dark: Tones = DARK
    light: Tones = LIGHT
    crowd: float = 0.12
    """Chance that one more of the same class follows."""
    tilt: float = 7.0
    """Spread of the rotation in degrees."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One area of a background, with `grain` = (count, dx, dy): strokes that give it a texture."""

    tones: Tones
    points: Points
    grain: tuple[int, float, float]


@dataclass(frozen=True)
class SceneType:
    """A kind of scene: how often it comes, how likely each class is in it, and its background."""

    weight: float
    odds: Mapping[str, float]
    layers: tuple[Layer, ...]


def _layer(tones: Tones, text: str, grain: tuple[int, float, float] = (0, 0, 0)) -> Layer:
    return Layer(tones, path(text), grain)


def _rows(tones: Tones, top: float, bottom: float, grain: tuple[int, float, float] = (0, 0, 0)) -> Layer:
    """A full-width strip; it reaches past the sides because backgrounds are bent and shifted."""
    return _layer(tones, f"-20,{top} 50,{top} 120,{top} 120,{bottom} -20,{bottom}", grain)


LOOKS: Mapping[str, Look] = {
    "ball": Look((62, 92), 0.6, (*RED, (190, 220, 70, 95, 70, 95)), YELLOW, crowd=0.15, tilt=90),
    "bicycle": Look((58, 84), 1.05, (*RED, (120, 230, 60, 95, 50, 90)), RED),
    "bird": Look(
        (8, 52), 0.7, ((195, 225, 60, 95, 55, 95), *RED), YELLOW, ((215, 250, 50, 80, 20, 45),), crowd=0.3
    ),
    "boat": Look((36, 68), 1.15, (*WOOD, (200, 230, 60, 90, 30, 65)), RED + YELLOW, crowd=0.25),
    "book": Look((58, 88), 0.75, (*RED, (210, 280, 50, 85, 35, 70)), YELLOW, crowd=0.2, tilt=14),
    "bottle": Look((48, 82), 0.85, (*GREEN, (15, 30, 65, 95, 25, 50)), RED + YELLOW, crowd=0.3),
    "bus": Look((50, 78), 1.35, RED + YELLOW, ((200, 240, 40, 90, 30, 90),), light=GLASS, tilt=4),
    "car": Look((60, 88), 1.05, ANY + GREY, YELLOW, light=GLASS, crowd=0.3, tilt=4),
    "cat": Look((55, 86), 0.85, ((20, 32, 65, 90, 70, 95), (220, 250, 3, 15, 22, 55)), GREEN, tilt=9),
    "chair": Look((55, 82), 1.05, WOOD, ((0, 360, 45, 85, 40, 85),), crowd=0.3, tilt=5),
    "clock": Look((14, 48), 0.65, RED + WOOD + ((200, 240, 50, 90, 30, 70),), RED, tilt=18),
    "cup": Look((60, 88), 0.65, ((0, 360, 45, 90, 55, 95),), ((0, 360, 5, 40, 85, 100),), crowd=0.3),
    "dog": Look((60, 86), 0.85, ((22, 38, 45, 80, 35, 78), (25, 45, 8, 30, 65, 92)), RED, tilt=9),
    "fish": Look((62, 92), 0.7, ((14, 36, 80, 100, 80, 100), (175, 200, 50, 90, 60, 90)), LIGHT, crowd=0.35),
    "house": Look(
        (36, 62), 1.35, ((20, 60, 10, 45, 72, 97),), ((5, 25, 55, 85, 40, 75),), light=GLASS, tilt=3
    ),
    "lamp": Look((36, 74), 0.95, ((32, 56, 45, 85, 85, 100), (330, 355, 30, 60, 75, 95)), WOOD, tilt=5),
    "person": Look((50, 80), 1.15, ANY, ((18, 32, 30, 65, 45, 97),), crowd=0.3, tilt=5),
    "trafficlight": Look(
        (28, 62), 1.0, ((355, 368, 85, 100, 85, 100),), ((120, 155, 80, 100, 70, 95),), light=YELLOW, tilt=4
    ),
    "tree": Look((34, 64), 1.4, GREEN, WOOD, crowd=0.35, tilt=4),
    "umbrella": Look((42, 76), 0.95, ANY, LIGHT + YELLOW, tilt=16),
}

# (class that is there, class that then joins, chance): dependence that no scene type explains.
COMPANIONS: tuple[tuple[str, str, float], ...] = (
    ("dog", "ball", 0.25),
    ("person", "umbrella", 0.15),
    ("person", "bicycle", 0.12),
    ("cat", "fish", 0.15),
    ("book", "lamp", 0.3),
    ("bottle", "cup", 0.25),
    ("car", "trafficlight", 0.2),
    ("house", "tree", 0.25),
)

SCENES: Mapping[str, SceneType] = {
    "street": SceneType(
        0.20,
        {
            "car": 0.55,
            "bus": 0.35,
            "person": 0.4,
            "house": 0.3,
            "trafficlight": 0.35,
            "bicycle": 0.22,
            "tree": 0.15,
            "dog": 0.08,
            "umbrella": 0.08,
            "clock": 0.06,
            "bird": 0.05,
            "cat": 0.04,
        },
        (
            _rows(SKY, -20, 50),
            _layer(GREY + PASTEL, "-20,14 18,14 18,56 -20,56", (7, 3, 0)),
            _layer(GREY + PASTEL, "18,26 46,26 46,56 18,56", (7, 3, 0)),
            _layer(GREY + PASTEL, "58,18 82,18 82,56 58,56", (7, 3, 0)),
            _layer(GREY + PASTEL, "82,30 120,30 120,56 82,56", (7, 3, 0)),
            _rows(((30, 50, 4, 16, 60, 82),), 53, 64, (8, 2, 0)),
            _rows(((220, 250, 2, 10, 24, 44),), 63, 120, (18, 4, 0)),
            _layer(LIGHT, "2,80 20,80 18,84 0,84"),
            _layer(LIGHT, "40,80 58,80 57,84 38,84"),
            _layer(LIGHT, "80,80 98,80 98,84 79,84"),
        ),
    ),
    "park": SceneType(
        0.17,
        {
            "tree": 0.55,
            "person": 0.35,
            "dog": 0.4,
            "bird": 0.3,
            "bicycle": 0.25,
            "ball": 0.25,
            "umbrella": 0.1,
            "boat": 0.06,
            "book": 0.07,
            "cat": 0.05,
            "bottle": 0.06,
            "chair": 0.1,
        },
        (
            _rows(SKY, -20, 50),
            _layer(GREEN, "-20,60 -20,38 0,30 18,36 34,28 52,38 70,31 88,37 120,30 120,60", (24, 2, 2)),
            _rows(GRASS, 50, 120, (42, 0.6, 3)),
            _layer(((28, 45, 20, 45, 62, 85),), "44,52 52,52 88,120 20,120", (6, 3, 0)),
        ),
    ),
    "sea": SceneType(
        0.16,
        {
            "boat": 0.6,
            "bird": 0.4,
            "fish": 0.4,
            "person": 0.25,
            "umbrella": 0.25,
            "ball": 0.2,
            "bottle": 0.07,
            "dog": 0.06,
            "house": 0.06,
            "book": 0.05,
            "chair": 0.08,
        },
        (
            _rows(SKY, -20, 42),
            _rows(((180, 218, 45, 85, 45, 80),), 38, 90, (36, 6, 0.4)),
            _layer(
                ((36, 50, 25, 50, 75, 95),),
                "-20,82 10,76 30,80 55,74 80,79 120,74 120,120 -20,120",
                (24, 1, 0.5),
            ),
        ),
    ),
    "kitchen": SceneType(
        0.17,
        {
            "cup": 0.55,
            "bottle": 0.45,
            "chair": 0.4,
            "clock": 0.28,
            "lamp": 0.2,
            "fish": 0.18,
            "cat": 0.14,
            "person": 0.2,
            "book": 0.08,
            "ball": 0.03,
        },
        (
            _rows(PASTEL, -20, 60, (14, 5, 0)),
            _layer(WOOD + PASTEL, "2,-20 40,-20 40,24 2,24", (4, 0, 12)),
            _layer(WOOD + PASTEL, "42,-20 74,-20 74,24 42,24", (4, 0, 12)),
            _rows(((0, 360, 2, 15, 60, 90),), 56, 64),
            _rows(WOOD + PASTEL, 64, 90, (5, 0, 14)),
            _rows(((20, 50, 10, 35, 45, 75),), 88, 120, (10, 8, 0)),
        ),
    ),
    "bedroom": SceneType(
        0.16,
        {
            "lamp": 0.5,
            "book": 0.42,
            "chair": 0.3,
            "clock": 0.3,
            "cat": 0.3,
            "person": 0.15,
            "cup": 0.14,
            "ball": 0.1,
            "dog": 0.1,
            "bottle": 0.06,
            "umbrella": 0.04,
        },
        (
            _rows(((0, 360, 10, 45, 55, 92),), -20, 74, (10, 0, 10)),
            _layer(LIGHT, "56,8 88,8 88,40 56,40"),
            _layer(SKY, "59,11 85,11 85,37 59,37"),
            _rows(WOOD, 70, 120, (16, 10, 0)),
            _layer(WOOD, "-4,44 6,44 6,84 -4,84"),
            _layer(((0, 360, 25, 65, 40, 85),), "4,62 62,62 74,86 4,86", (7, 4, 1)),
            _layer(LIGHT, "6,56 24,56 26,65 6,65"),
        ),
    ),
    "meadow": SceneType(
        0.14,
        {
            "house": 0.5,
            "tree": 0.45,
            "bird": 0.35,
            "dog": 0.25,
            "cat": 0.15,
            "person": 0.2,
            "car": 0.14,
            "bicycle": 0.1,
            "bus": 0.05,
            "fish": 0.05,
            "ball": 0.04,
            "umbrella": 0.05,
        },
        (
            _rows(SKY, -20, 60),
            _layer(GREEN + GRASS, "-20,60 -20,44 10,34 36,44 60,36 90,46 120,38 120,60", (10, 3, 1)),
            _rows(((48, 75, 40, 75, 60, 90),), 52, 76, (24, 0.5, 3)),
            _rows(GRASS, 70, 120, (30, 0.6, 4)),
            _layer(WOOD, "-20,64 120,62 120,64 -20,66"),
        ),
    ),
}
