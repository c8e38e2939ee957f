"""What the objects of the `scenes` data set look like, as data: the outlines of the 20 classes.

Coordinates are per cent of a square box with y pointing down; points are spelled as in SVG ("x,y x,y").
Parts are listed from back to front. Anything changed here changes the pictures, so
`generator.VERSION` has to go up with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Slot = Literal["main", "dark", "light", "accent"]
Points = NDArray[np.float64]

SLOTS: tuple[Slot, ...] = ("main", "dark", "light", "accent")


@dataclass(frozen=True, eq=False)
class Part:
    """One primitive in one of the object's four colours: a filled outline, or a stroke if it has a width."""

    slot: Slot
    points: Points
    width: float = 0.0


def path(text: str) -> Points:
    """The points of an SVG `points` attribute."""
    return np.array([[float(v) for v in pair.split(",")] for pair in text.split()])


def _round(cx: float, cy: float, rx: float, ry: float, corners: int = 18) -> Points:
    turn = np.arange(corners) * (2 * np.pi / corners)
    return np.stack([cx + rx * np.cos(turn), cy + ry * np.sin(turn)], axis=1)


def _poly(slot: Slot, text: str) -> Part:
    return Part(slot, path(text))


def _oval(slot: Slot, cx: float, cy: float, rx: float, ry: float) -> Part:
    return Part(slot, _round(cx, cy, rx, ry))


def _line(slot: Slot, width: float, text: str) -> Part:
    return Part(slot, path(text), width)


def _ring(slot: Slot, width: float, cx: float, cy: float, rx: float, ry: float) -> Part:
    points = _round(cx, cy, rx, ry)
    return Part(slot, np.concatenate([points, points[:1]]), width)


PARTS: Mapping[str, tuple[Part, ...]] = {
    "ball": (
        _oval("light", 50, 50, 46, 46),
        _poly("main", "50,50 96,50 90,73 73,90"),
        _poly("accent", "50,50 27,90 10,73 4,50"),
        _poly("main", "50,50 27,10 50,4 73,10"),
        _ring("dark", 3, 50, 50, 46, 46),
    ),
    "bicycle": (
        _ring("dark", 5, 22, 66, 20, 20),
        _ring("dark", 5, 78, 66, 20, 20),
        _line("main", 6, "22,66 42,36 70,36 50,66 22,66"),
        _line("main", 6, "40,30 50,66"),
        _line("main", 6, "67,24 78,66"),
        _line("dark", 5, "60,22 74,22"),
        _line("dark", 6, "33,29 47,29"),
    ),
    "bird": (
        _poly("dark", "30,50 3,36 2,52 10,62"),
        _oval("main", 50, 52, 27, 15),
        _oval("main", 77, 40, 11, 11),
        _poly("accent", "85,34 100,42 85,46"),
        _poly("dark", "34,50 62,50 48,26 20,8"),
        _oval("light", 80, 38, 3.2, 3.2),
        _line("accent", 3, "46,66 44,82 52,82"),
        _line("accent", 3, "55,66 55,82 63,82"),
    ),
    "boat": (
        _line("dark", 4, "48,66 48,4"),
        _poly("light", "52,6 52,60 92,60"),
        _poly("accent", "44,14 44,60 12,60"),
        _poly("main", "2,64 98,64 82,90 18,90"),
        _line("light", 4, "6,70 94,70"),
    ),
    "book": (
        _poly("main", "1,26 50,36 99,26 99,84 50,95 1,84"),
        _poly("light", "6,22 30,22 49,32 49,88 30,79 6,78"),
        _poly("light", "94,22 70,22 51,32 51,88 70,79 94,78"),
        _line("dark", 2.5, "14,36 40,42"),
        _line("dark", 2.5, "14,48 40,54"),
        _line("dark", 2.5, "14,60 40,66"),
        _line("dark", 2.5, "60,42 86,36"),
        _line("dark", 2.5, "60,54 86,48"),
        _line("dark", 2.5, "60,66 86,60"),
    ),
    "bottle": (
        _poly("main", "32,98 32,46 43,28 43,8 57,8 57,28 68,46 68,98"),
        _poly("accent", "41,1 59,1 59,12 41,12"),
        _poly("light", "32,56 68,56 68,80 32,80"),
        _line("light", 3, "39,48 46,34"),
        _poly("accent", "42,63 58,63 58,73 42,73"),
    ),
    "bus": (
        _poly("main", "2,22 8,16 94,16 98,24 98,78 2,78"),
        _poly("light", "7,28 24,28 24,48 7,48"),
        _poly("light", "28,28 45,28 45,48 28,48"),
        _poly("light", "49,28 66,28 66,48 49,48"),
        _poly("light", "72,28 92,28 92,70 72,70"),
        _line("accent", 6, "2,60 70,60"),
        _line("dark", 3, "82,28 82,70"),
        _oval("dark", 20, 79, 10, 10),
        _oval("dark", 62, 79, 10, 10),
        _oval("light", 20, 79, 4, 4),
        _oval("light", 62, 79, 4, 4),
    ),
    "car": (
        _poly("main", "2,66 5,52 22,46 35,28 66,28 82,46 96,51 98,66 95,73 5,73"),
        _poly("light", "28,46 38,33 50,33 50,46"),
        _poly("light", "54,46 54,33 64,33 75,46"),
        _oval("dark", 24, 73, 12, 12),
        _oval("dark", 76, 73, 12, 12),
        _oval("light", 24, 73, 5, 5),
        _oval("light", 76, 73, 5, 5),
        _oval("accent", 94, 57, 4, 4),
        _line("dark", 2, "52,46 52,68"),
    ),
    "cat": (
        _line("main", 8, "66,90 90,88 97,70 90,56"),
        _oval("main", 50, 70, 24, 28),
        _poly("main", "29,30 27,2 46,16"),
        _poly("main", "71,30 73,2 54,16"),
        _oval("main", 50, 31, 23, 19),
        _oval("light", 50, 76, 11, 17),
        _oval("accent", 41, 28, 5, 5),
        _oval("accent", 59, 28, 5, 5),
        _oval("dark", 41, 28, 2, 4.5),
        _oval("dark", 59, 28, 2, 4.5),
        _poly("dark", "46,37 54,37 50,42"),
        _line("light", 1.6, "20,34 44,39 20,44"),
        _line("light", 1.6, "80,34 56,39 80,44"),
    ),
    "chair": (
        _line("dark", 6, "66,6 66,86"),
        _line("main", 7, "23,4 23,92"),
        _line("main", 7, "64,4 64,54"),
        _line("main", 7, "23,12 64,12"),
        _line("main", 7, "23,28 64,28"),
        _poly("accent", "20,50 66,50 86,64 36,64"),
        _line("main", 4, "35,66 87,66"),
        _line("main", 7, "38,64 38,99"),
        _line("main", 7, "84,64 84,99"),
    ),
    "clock": (
        _oval("light", 50, 50, 44, 44),
        _ring("main", 9, 50, 50, 43, 43),
        _line("dark", 4, "50,13 50,21"),
        _line("dark", 4, "87,50 79,50"),
        _line("dark", 4, "50,87 50,79"),
        _line("dark", 4, "13,50 21,50"),
        _line("dark", 5, "50,50 50,22"),
        _line("dark", 6, "50,50 69,61"),
        _oval("accent", 50, 50, 5, 5),
    ),
    "cup": (
        _ring("main", 8, 74, 53, 17, 17),
        _poly("main", "14,26 74,26 70,76 62,90 26,90 18,76"),
        _oval("light", 44, 26, 30, 8),
        _oval("dark", 44, 27, 24, 5.5),
        _line("accent", 8, "17,54 71,54"),
    ),
    "dog": (
        _line("main", 6, "18,50 8,36 10,22"),
        _line("main", 9, "24,60 22,94"),
        _line("dark", 8, "32,62 33,92"),
        _line("main", 9, "60,62 60,94"),
        _line("dark", 8, "67,60 70,92"),
        _oval("main", 43, 54, 30, 15),
        _poly("main", "58,44 68,24 82,40 72,62"),
        _oval("main", 77, 31, 13, 12),
        _oval("main", 90, 36, 9, 6.5),
        _poly("dark", "64,20 74,20 73,42 64,46 60,38"),
        _oval("dark", 97, 34, 3.2, 3.2),
        _oval("dark", 82, 28, 2, 2),
        _line("accent", 5, "64,42 76,48"),
    ),
    "fish": (
        _poly("main", "72,50 98,26 92,50 98,74"),
        _poly("accent", "34,34 54,14 64,34"),
        _poly("accent", "42,66 54,82 58,64"),
        _oval("main", 44, 50, 38, 20),
        _line("accent", 6, "50,33 54,50 50,67"),
        _line("accent", 6, "64,37 67,50 64,63"),
        _line("dark", 2.5, "30,36 34,50 30,64"),
        _oval("light", 19, 45, 5.5, 5.5),
        _oval("dark", 18, 45, 2.6, 2.6),
    ),
    "house": (
        _poly("accent", "70,10 82,10 82,40 70,40"),
        _poly("main", "14,46 86,46 86,96 14,96"),
        _poly("accent", "3,49 50,7 97,49"),
        _poly("dark", "42,66 58,66 58,96 42,96"),
        _poly("light", "20,56 36,56 36,72 20,72"),
        _poly("light", "64,56 80,56 80,72 64,72"),
        _line("dark", 2.5, "28,56 28,72"),
        _line("dark", 2.5, "72,56 72,72"),
    ),
    "lamp": (
        _line("dark", 5, "50,50 50,90"),
        _oval("light", 50, 52, 12, 8),
        _poly("main", "30,6 70,6 92,52 8,52"),
        _line("accent", 5, "11,48 89,48"),
        _oval("dark", 50, 92, 24, 6),
    ),
    "person": (
        _line("dark", 11, "44,58 39,97"),
        _line("dark", 11, "56,58 63,97"),
        _line("main", 8, "35,28 21,46"),
        _line("main", 8, "65,28 82,44"),
        _line("accent", 7, "22,45 26,60"),
        _line("accent", 7, "81,43 90,30"),
        _poly("main", "33,25 42,22 58,22 67,25 64,62 36,62"),
        _poly("accent", "46,16 54,16 54,25 46,25"),
        _oval("accent", 50, 11, 9.5, 11),
        _poly("dark", "40,11 41,3 50,-2 59,3 60,11 55,5 46,5"),
    ),
    "trafficlight": (
        _line("dark", 8, "50,60 50,100"),
        _poly("dark", "31,2 69,2 69,66 31,66"),
        _oval("main", 50, 13, 9.5, 9.5),
        _oval("light", 50, 34, 9.5, 9.5),
        _oval("accent", 50, 55, 9.5, 9.5),
    ),
    "tree": (
        _poly("accent", "44,52 56,52 61,98 39,98"),
        _line("accent", 5, "50,66 68,50"),
        _oval("main", 28, 44, 24, 19),
        _oval("main", 72, 44, 24, 19),
        _oval("main", 50, 26, 30, 25),
        _oval("main", 50, 48, 24, 14),
    ),
    "umbrella": (
        _line("dark", 4.5, "50,4 50,88 54,96 62,96 66,88"),
        _poly("main", "3,52 8,34 20,18 36,9 50,6 64,9 80,18 92,34 97,52 82,46 66,52 50,46 34,52 18,46"),
        _poly("accent", "50,6 36,9 24,28 18,46 34,52"),
        _poly("accent", "50,6 64,9 76,28 82,46 66,52"),
    ),
}
