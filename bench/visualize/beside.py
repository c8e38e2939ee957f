"""Where the names of points stand, so that none covers another one or a point."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POINT = 0.055
"""Inches around the middle of a point that no name covers."""
FREE, INSET = 0.015, 0.05
"""Inches between two names, and between a name and the edge of the room."""
DISTANCES = (0.07, 0.12, 0.18, 0.26, 0.36, 0.48, 0.62, 0.8)
"""Inches from a point to the nearest edge of its name, in the order in which they are tried."""
LED = 0.12
"""From this distance on a line leads to the name."""
DIRECTIONS = 16


@dataclass(frozen=True)
class Name:
    """The middle of a name, and whether a line leads there from its point."""

    x: float
    y: float
    led: bool


def place_names(points: Floats, extents: Floats, room: tuple[float, float]) -> list[Name]:
    """Give each point a place for its name: the nearest that is free, to its right before others.

    Points with the nearest neighbours choose first. Where nothing is free, it is the place that covers least.

    Args:
        points: `(n, 2)`, inches.
        extents: `(n, 2)`, width and height of the names, inches.
        room: width and height of what names may cover, inches.
    """
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(len(points), np.inf))
    taken: list[Floats] = []
    found: dict[int, Name] = {}
    for number in np.argsort(gaps.min(axis=1), kind="stable"):
        half = extents[number] / 2
        middles, distances = _candidates(points[number], half)
        covered = _covered(middles, half, points, taken, room)
        best = int(covered.argmin())  # the first of equals
        x, y = middles[best]
        taken.append(np.array([x, y, *half]))
        found[int(number)] = Name(float(x), float(y), bool(distances[best] >= LED))
    return [found[number] for number in range(len(points))]


def _candidates(point: Floats, half: Floats) -> tuple[Floats, Floats]:
    """Middles `(P, 2)` of a name around a point, and how far its edge is from the point."""
    turns = sorted(range(DIRECTIONS), key=lambda turn: (min(turn, DIRECTIONS - turn), turn))
    angles = np.array([math.tau * turn / DIRECTIONS for turn in turns])
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # As far as the edge of the name reaches that way.
    reach = (half / np.maximum(np.abs(ways), 1e-9)).min(axis=1)
    distances = np.repeat(DISTANCES, len(ways))
    along = distances + np.tile(reach, len(DISTANCES))
    return point + np.tile(ways, (len(DISTANCES), 1)) * along[:, None], distances


def _covered(
    middles: Floats, half: Floats, points: Floats, taken: Sequence[Floats], room: tuple[float, float]
) -> Floats:
    """`(P,)`, the area of points, other names and the outside that a name at each place would cover."""
    boxes = [np.array([*point, POINT, POINT]) for point in points]
    boxes += [box + np.array([0, 0, FREE, FREE]) for box in taken]
    total = np.zeros(len(middles))
    for box in boxes:
        overlap = half + box[2:] - np.abs(middles - box[:2])
        total += np.clip(np.minimum(overlap, 2 * half), 0, None).prod(axis=1)
    inside = np.array(room) / 2 - INSET
    outside = np.clip(np.abs(middles - np.array(room) / 2) + half - inside, 0, None)
    total += 10 * outside.sum(axis=1)
    return total
