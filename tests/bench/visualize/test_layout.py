"""What lies where in pictures of models: nothing covers another thing, and what belongs together does."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from bench.datasets.catalog import DATASETS
from bench.datasets.classes import COCO_CLASSES, VOC_CLASSES
from bench.datasets.super_categories import COCO_GROUPS, groups_of
from bench.visualize.beside import POINT, place_names
from bench.visualize.cloud import lay_out
from bench.visualize.graph import agreement, largest_tenth
from bench.visualize.matrix import LONGEST, names_for
from bench.visualize.order import at_most, by_company
from bench.visualize.sheet import SMALLEST, Sheet

Floats = NDArray[np.float64]


def apart(one: Floats, other: Floats) -> bool:
    """Whether two boxes, middles with half of width and height, do not touch."""
    return bool((np.abs(one[:2] - other[:2]) >= one[2:] + other[2:] - 1e-9).any())


def measure(word: str, size: float) -> tuple[float, float]:
    return 0.008 * size * len(word), 0.016 * size


@pytest.mark.parametrize("words", [VOC_CLASSES, COCO_CLASSES, ("a" * 300, "b")], ids=["voc", "coco", "long"])
def test_words_of_a_cloud_do_not_overlap(words: tuple[str, ...]) -> None:
    weights = np.random.default_rng(0).pareto(1.0, len(words)) + 0.1
    weights[-1] = 0
    room = 3.2, 2.4
    found = lay_out(words, weights, room, measure)
    boxes = [np.array([w.x, w.y, *(half / 2 for half in measure(words[w.place], w.size))]) for w in found]
    assert all(apart(one, other) for one, other in combinations(boxes, 2))
    assert all((np.abs(box[:2]) + box[2:] <= np.array(room) / 2).all() for box in boxes)
    # The heaviest stands largest in the middle, lighter ones are never larger, weightless ones are not there.
    order = [w.place for w in found]
    assert order == sorted(order, key=lambda place: -weights[place]) and len(words) - 1 not in order
    assert all(one.size >= other.size for one, other in pairwise(found))
    if words == VOC_CLASSES:
        assert len(found) == 19 and (found[0].x, found[0].y) == (0, 0)
        assert found[1].size / found[0].size == pytest.approx(
            np.sqrt(weights[order[1]] / weights[order[0]]), rel=1e-6
        )
    assert lay_out(words, weights, room, measure) == found


def test_names_beside_points_cover_neither_points_nor_names() -> None:
    rng = np.random.default_rng(0)
    points = 0.6 + 3 * rng.random((45, 2))
    extents = np.stack([0.2 + 0.5 * rng.random(45), np.full(45, 0.1)], axis=1)
    found = place_names(points, extents, (4.2, 4.2))
    boxes = [np.array([n.x, n.y, *extent / 2]) for n, extent in zip(found, extents, strict=True)]
    assert all(apart(one, other) for one, other in combinations(boxes, 2))
    dots = [np.array([*point, POINT, POINT]) for point in points]
    assert all(apart(box, dot) for box in boxes for dot in dots)
    assert all((box[:2] - box[2:] >= 0).all() and (box[:2] + box[2:] <= 4.2).all() for box in boxes)
    # Where there is room, a name is at the right of its point, and no line leads there.
    (alone,) = place_names(np.array([[2.0, 2.0]]), np.array([[0.4, 0.1]]), (4, 4))
    assert alone.x > 2.2 and alone.y == pytest.approx(2) and not alone.led


@pytest.mark.parametrize("words", ["dog", "a label with a rather long name", "w" * 200])
def test_a_text_is_fitted_to_its_place(words: str) -> None:
    sheet = Sheet(4, 2)
    text = sheet.fitted(0.5, 0.5, words, 1.0, 9, weight="bold")
    assert sheet.extent(text.get_text(), text.get_fontsize(), weight="bold")[0] <= 1.0
    assert SMALLEST <= text.get_fontsize() <= 9
    assert text.get_text() == words or text.get_text().endswith("…")
    assert (words == "dog") == (text.get_fontsize() == 9)
    lines = sheet.lines("one two three four five six " * 4, 1.0, 9)
    assert " ".join(lines).split() == ("one two three four five six " * 4).split()
    assert all(sheet.extent(line, 9)[0] <= 1.0 for line in lines) and len(lines) > 3


def test_names_of_a_matrix_take_as_much_room_as_they_need() -> None:
    short, long = names_for(["a", "b"], 2.0), names_for(["a", "b" * 100], 2.0)
    assert short.room < 0.3 < long.room <= LONGEST * 1.3 and long.texts[1].endswith("…")
    assert names_for(["a"] * 40, 2.0).size == SMALLEST


def test_labels_that_occur_together_stand_together() -> None:
    rng = np.random.default_rng(1)
    group = rng.permutation(np.repeat(np.arange(4), 5))
    probability = np.where(group[:, None] == group, 0.6, 0.05) + 0.1 * rng.random((20, 20))
    order = by_company(probability)
    assert sorted(order) == list(range(20))
    assert sum(group[one] != group[other] for one, other in pairwise(order)) == 3
    assert by_company(np.zeros((2, 2))) == [0, 1] and sorted(by_company(np.zeros((5, 5)))) == [*range(5)]
    assert at_most(3, np.array([5.0, 1, 4, 3, 2]), [1]) == [0, 1, 2]


def test_the_largest_tenth_of_each_row_is_marked() -> None:
    weights = np.random.default_rng(2).random((20, 20)) + 9 * np.eye(20)
    marked = largest_tenth(weights)
    off = np.where(np.eye(20), -1, weights)
    assert (marked.sum(axis=1) == 2).all() and not marked.diagonal().any()
    for row, marks in zip(off, marked, strict=True):
        assert set(np.flatnonzero(marks)) == set(np.argsort(row)[-2:])
    assert (largest_tenth(np.ones((3, 3))).sum(axis=1) == 1).all()


def test_agreement_is_of_ranks_off_the_diagonal() -> None:
    one = np.random.default_rng(3).random((6, 6))
    other = np.exp(one) + 100 * np.eye(6)
    assert agreement(one, other) == pytest.approx(1)
    off = ~np.eye(6, dtype=bool)
    assert agreement(one, one.T) == pytest.approx(spearmanr(one[off], one.T[off]).statistic)
    assert np.isnan(agreement(one, np.ones((6, 6))))
    assert np.isnan(agreement(np.ones((1, 1)), np.ones((1, 1))))


def test_super_categories_are_those_of_voc_and_coco() -> None:
    for name in ("voc2007", "voc2012"):
        groups = groups_of(DATASETS[name].classes)
        assert groups is not None and list(groups) == ["person", "animal", "vehicle", "indoor"]
        assert sorted(label for labels in groups.values() for label in labels) == sorted(VOC_CLASSES)
    assert len(COCO_GROUPS) == 12 and groups_of(COCO_CLASSES) == COCO_GROUPS
    # A few of each, by the `supercategory` of the annotations.
    for label, group in {
        **{"boat": "vehicle", "bench": "outdoor", "giraffe": "animal", "suitcase": "accessory"},
        **{"tennis racket": "sports", "bowl": "kitchen", "cake": "food", "toilet": "furniture"},
        **{"cell phone": "electronic", "refrigerator": "appliance", "book": "indoor", "person": "person"},
    }.items():
        assert label in COCO_GROUPS[group]
    assert groups_of(("dog", "person")) == {"person": ("person",), "animal": ("dog",)}
    assert groups_of(("dog", "unicorn")) is None
