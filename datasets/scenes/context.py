"""The labels of the splits for context, which co-occur as in training, by chance, or the other way round.

All three have the same number of pictures, of positives of each class, and of pictures with one label, two,
three, ... Label sets are drawn as for any picture; then pairs of pictures exchange a label that only one of
them has for one that only the other has, which changes none of these numbers. Exchanges are kept that bring
the pairs of labels nearer to a target. With chance the pairs that these numbers alone would give, and
training those of the training pictures, the target is chance + STRENGTH x (training - chance).

The kind of scene, and so the background, is drawn without regard to the labels: it tells nothing about them
in any of the three, which differ in the co-occurrence of labels alone.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.datasets.scenes.draw import draw_labels, draw_scene_type

STRENGTH: Final[Mapping[str, int]] = {"alike": 1, "independent": 0, "reversed": -1}
"""The splits, and how much of training's co-occurrence is in each."""
# Exchanges proposed for each picture: beyond this the pairs come no nearer to their target.
_PROPOSALS = 50

Labels = NDArray[np.bool_]
Counts = NDArray[np.int64]


def label_sets(training: Labels, images: int, rng: np.random.Generator) -> dict[str, Labels]:
    """The labels of every picture of the splits of `STRENGTH`, each `(images, C)`.

    Args:
        training: `(N, C)`, the labels of the training pictures.
        images: pictures of each split.
        rng: what is drawn from.
    """
    drawn = np.stack([draw_labels(draw_scene_type(rng)[1], rng) for _ in range(images)])
    sets = {}
    for split, strength in STRENGTH.items():
        # Also what three labels have in common is to be gone where training's pairs are not wanted.
        start = drawn if strength > 0 else _exchanged(drawn, None, rng)
        sets[split] = _exchanged(start, _target(training, drawn, strength), rng)
    return sets


def _target(training: Labels, labels: Labels, strength: int) -> Counts:
    """How many pictures of a split are to hold each pair of labels, `(C, C)`."""
    beyond = _pairs(training) - _chance(training)
    wanted = _chance(labels) + strength * beyond * (len(labels) / len(training))
    return np.rint(np.maximum(wanted, 0)).astype(np.int64)


def _pairs(labels: Labels) -> Counts:
    """How many pictures hold each pair of labels."""
    there = labels.astype(np.int64)
    return there.T @ there


def _chance(labels: Labels) -> NDArray[np.float64]:
    """The pairs if labels were independent, scaled to the number of pairs that there are."""
    counts = labels.sum(axis=0)
    expected = np.outer(counts, counts) / len(labels)
    above = np.triu_indices(len(counts), 1)
    scale = _pairs(labels)[above].sum() / max(expected[above].sum(), 1)
    return np.asarray(expected * scale)


def _exchanged(labels: Labels, target: Counts | None, rng: np.random.Generator) -> Labels:
    """The label sets after exchanges; every one is made without a target, else those that lead to it."""
    there = labels.astype(np.int64)
    away = _pairs(labels) - (0 if target is None else target)
    proposals = _PROPOSALS * len(there)
    pictures = rng.integers(len(there), size=(proposals, 2)).tolist()
    for (one, other), (first, second) in zip(pictures, rng.random((proposals, 2)).tolist(), strict=True):
        mine = np.flatnonzero(there[one] > there[other])
        theirs = np.flatnonzero(there[other] > there[one])
        if not len(mine) or not len(theirs):
            continue
        i, j = mine[int(first * len(mine))], theirs[int(second * len(theirs))]
        # What the exchange adds to the pairs of i, and takes from those of j.
        change = there[other] - there[one]
        change[[i, j]] = 0
        farther = (change * (away[i] - away[j] + change)).sum()
        if target is None or farther < 0:
            there[one, [i, j]] = 0, 1
            there[other, [i, j]] = 1, 0
            for label, added in ((i, change), (j, -change)):
                away[label] += added
                away[:, label] += added
    return there.astype(bool)
