"""The images that tell most, found from stored scores. Equal scores give the same images.

An image counts as right for a method when the method gives every label that is there, and none that is not,
its side of a probability of 0.5; difficult labels count neither way.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bench.visualize.catalog import Rule

Floats = NDArray[np.float32]
Labels = NDArray[np.int8]
Order = NDArray[np.int64]


def most_telling(rule: Rule, logits: Floats, labels: Labels, count: int) -> list[int]:
    """Positions of `count` images, best first; fewer where there are fewer.

    No two have the same labels, for as long as there are others.

    Args:
        rule: `differing`, for methods to be compared: images with several labels that at least one method
            has right, by how far apart the methods' probabilities of these labels are. `sure`, for what
            methods look at: images with several labels, by how many methods have them right, then by how
            many labels, then by the smallest probability that any method gives one of them. Where there are
            too few such images, those with one label come next, and then those that no method has right.
        logits: `(M, N, C)`, of each method.
        labels: `(N, C)`, 1, 0 (difficult) or -1.
        count: how many.
    """
    order = _RULES[rule](expit(logits), labels == 1, labels == -1)
    sets = [labels[position].tobytes() for position in order]
    first = {key: place for place, key in reversed(list(enumerate(sets)))}
    new = [place for place, key in enumerate(sets) if first[key] == place]
    again = [place for place, key in enumerate(sets) if first[key] != place]
    return [int(order[place]) for place in (new + again)[:count]]


def _differing(probability: Floats, present: NDArray[np.bool_], absent: NDArray[np.bool_]) -> Order:
    number = present.sum(axis=1)
    spread = np.where(present, np.ptp(probability, axis=0), 0).sum(axis=1) / np.maximum(number, 1)
    solved = _right(probability, present, absent) > 0
    return np.lexsort((-spread, ~solved, -np.minimum(number, 2)))


def _sure(probability: Floats, present: NDArray[np.bool_], absent: NDArray[np.bool_]) -> Order:
    number = present.sum(axis=1)
    least = np.where(present, probability.min(axis=0), 1).min(axis=1)
    solved = _right(probability, present, absent)
    return np.lexsort((-least, -number, -solved, -np.minimum(number, 2)))


def _right(probability: Floats, present: NDArray[np.bool_], absent: NDArray[np.bool_]) -> Order:
    """`(N,)`, how many of the methods have an image right."""
    predicted = probability >= 0.5
    wrong = (present & ~predicted) | (absent & predicted)
    counted: Order = (~wrong.any(axis=2)).sum(axis=0)
    return counted


_RULES: Mapping[Rule, Callable[[Floats, NDArray[np.bool_], NDArray[np.bool_]], Order]] = {
    "differing": _differing,
    "sure": _sure,
}
