"""Words laid out in a cloud, larger where they weigh more. Equal words and weights lie in equal places."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.visualize.sheet import SMALLEST

SIZES = (46, 40, 35, 31, 27, 24, 21, 19, 17, 15)
"""Points that the word that weighs most may have: the largest at which all words find room."""
AT_MOST = 60
"""Words of a cloud."""
AROUND = 0.03
"""Inches that are left free around a word."""
STEP = 0.035
"""Inches between the turns of the spiral that a word is moved along, and between its places there."""

Floats = NDArray[np.float64]
Measure = Callable[[str, float], tuple[float, float]]
"""Width and height of a word at a size in points, inches."""


@dataclass(frozen=True)
class Word:
    """A word in its place: its middle, in inches from the middle of the cloud, and its size in points."""

    place: int
    x: float
    y: float
    size: float


def lay_out(words: Sequence[str], weights: Floats, room: tuple[float, float], measure: Measure) -> list[Word]:
    """Lay words of positive weight out from the middle, the heaviest first, without overlap.

    The area of a word follows its weight, as far as it can still be read; what finds no room is left out.

    Args:
        words: the words.
        weights: one for each.
        room: width and height, inches.
        measure: how large a word is.
    """
    order = [int(n) for n in np.argsort(-weights, kind="stable")[:AT_MOST] if weights[n] > 0]
    if not order:
        return []
    share = np.sqrt(weights[order] / weights[order[0]])
    at_ten = np.array([measure(words[n], 10) for n in order]) / 10
    places = _spiral(room)
    placed: list[Word] = []
    for largest in SIZES:
        sizes = np.maximum(SMALLEST, largest * share)
        placed = _place(order, sizes, at_ten * sizes[:, None] + AROUND, places, room)
        if len(placed) == len(order):
            break
    return placed


def _place(
    order: Sequence[int], sizes: Floats, extents: Floats, places: Floats, room: tuple[float, float]
) -> list[Word]:
    """Each word at the first place of the spiral where it is in the room and on no other."""
    placed: list[Word] = []
    taken = np.zeros((0, 4))  # middle, and half of width and height
    for number, size, extent in zip(order, sizes, extents, strict=True):
        half = extent / 2
        free = (np.abs(places) + half <= np.array(room) / 2).all(axis=1)
        apart = np.abs(places[:, None] - taken[:, :2]) >= half + taken[:, 2:]
        free &= apart.any(axis=2).all(axis=1)
        if free.any():
            x, y = places[free.argmax()]
            taken = np.vstack([taken, [x, y, *half]])
            placed.append(Word(number, float(x), float(y), float(size)))
    return placed


def _spiral(room: tuple[float, float]) -> Floats:
    """`(P, 2)`, places on an Archimedean spiral in the shape of the room, from its middle to its edge."""
    angle, angles = 0.0, []
    while (radius := STEP * angle / math.tau) <= max(room) / 2:
        angles.append(angle)
        angle += STEP / max(radius, STEP)
    turned = np.array(angles)
    circle = np.stack([np.cos(turned), np.sin(turned)], axis=1) * (STEP * turned / math.tau)[:, None]
    places: Floats = circle * np.array(room) / max(room)
    return places
