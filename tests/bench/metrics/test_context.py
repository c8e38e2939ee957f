"""mAP in and out of context: which positives are on which side, and what they are worth."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from bench.metrics.bootstrap import draw
from bench.metrics.context import FEWEST, context_of, replicate_context
from bench.metrics.protocol import PROTOCOLS, Protocol

BENCH = PROTOCOLS["bench"]


def made(images: int = 300, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Five classes, the first two often together; some labels are difficult, some scores equal."""
    rng = np.random.default_rng(seed)
    common = rng.random((images, 1))
    there = rng.random((images, 5)) < (0.15, 0.2, 0.3, 0.1, 0.4)
    there[:, :2] |= (common < 0.1) & (rng.random((images, 2)) < 0.8)
    labels = np.where(there, 1, -1).astype(np.int8)
    labels[rng.random(labels.shape) < 0.05] = 0
    scores = (labels + 1.5 * rng.normal(size=labels.shape)).round(1).astype(np.float32)
    return scores, labels


def test_the_companion_is_the_class_that_is_most_often_there_too() -> None:
    labels = np.array(
        [[1, 1, -1, -1], [1, 1, -1, -1], [1, -1, 1, -1], [-1, 1, 1, -1], [-1, 0, 1, -1], [-1, -1, -1, 1]]
    )
    # Class 2 is once with either: the first of equals. Class 3 is alone. A difficult label is no companion.
    assert context_of(labels, BENCH).companions.tolist() == [1, 0, 0, -1]


def test_positives_are_in_context_out_of_it_or_neither() -> None:
    labels = np.array([[1, 1], [1, -1], [1, 0], [-1, 1], [0, 1], [-1, -1]])
    context = context_of(labels, BENCH)
    assert context.inside[:, 0].tolist() == [True, False, False, False, False, False]
    assert context.outside[:, 0].tolist() == [False, True, False, False, False, False]
    assert context.negative[:, 0].tolist() == [False, False, False, True, False, True]


@pytest.mark.parametrize(("difficult", "where"), [("negative", "negative"), ("positive", "inside")])
def test_what_a_difficult_label_is_the_protocol_says(difficult: str, where: str) -> None:
    labels = np.array([[1, 1], [0, 1], [-1, -1]])
    protocol = Protocol.model_validate({"name": "x", "difficult_in_ap": difficult})
    context = context_of(labels, protocol)
    there = {name: bool(getattr(context, name)[1, 0]) for name in ("inside", "outside", "negative")}
    assert there == {name: name == where for name in there}


@pytest.mark.parametrize("few", ["in", "out"])
def test_a_class_with_few_positives_on_a_side_is_not_measured(few: str) -> None:
    rows = {"in": [1, 1], "out": [1, -1]}
    for fewer, measured in ((FEWEST, [0]), (FEWEST - 1, [])):
        count = {"in": 9, "out": 9, few: fewer}
        labels = np.array([rows[side] for side in rows for _ in range(count[side])] + [[-1, -1]] * 5)
        assert context_of(labels, BENCH).measured.tolist() == measured


def test_a_class_without_negatives_is_not_measured() -> None:
    labels = np.array([[1, 1]] * 9 + [[1, -1]] * 9)
    assert context_of(labels, BENCH).measured.tolist() == []
    assert np.isnan(replicate_context(np.ones(labels.shape), labels, BENCH, 3, 0)).all()


def test_by_hand() -> None:
    """Five in context on top, then one negative, then five out of it, then another negative."""
    labels = np.array([[1, 1]] * 5 + [[-1, 1]] + [[1, -1]] * 5 + [[-1, 1]])
    scores = np.stack([np.arange(12.0, 0, -1), np.zeros(12)], axis=1)
    assert context_of(labels, BENCH).measured.tolist() == [0], "the other class is but twice without it"
    # Each of the five counts as two of the ten positives: 2/3, 4/5, 6/7, 8/9, 10/11 out of context.
    outside = np.mean([2 / 3, 4 / 5, 6 / 7, 8 / 9, 10 / 11])
    assert replicate_context(scores, labels, BENCH, 0, 0) == pytest.approx(np.array([[1, outside]]))


def test_scores_that_say_nothing_have_no_gap_whatever_the_number_of_positives() -> None:
    _, labels = made()
    context = context_of(labels, BENCH)
    sizes = context.inside.sum(axis=0), context.outside.sum(axis=0)
    assert (np.abs(sizes[0] - sizes[1]) > 5).any()
    found = replicate_context(np.zeros(labels.shape), labels, BENCH, 20, 0)
    assert found[:, 0] == pytest.approx(found[:, 1])


def test_scores_that_see_the_companion_have_a_gap() -> None:
    _, labels = made(1000)
    noise = np.random.default_rng(1).normal(size=labels.shape)
    blind, seeing = labels + noise, labels + noise
    seeing[:, :2] += labels[:, 1::-1]  # each of the two first is taken for more likely beside the other
    gaps = [np.diff(replicate_context(scores, labels, BENCH, 0, 0)[0])[0] for scores in (blind, seeing)]
    assert abs(gaps[0]) < 0.05
    assert gaps[1] < gaps[0] - 0.05


@pytest.mark.parametrize("difficult", ["ignored", "negative", "positive"])
def test_it_is_the_weighted_ap_of_scikit_learn_on_every_resample(difficult: str) -> None:
    scores, labels = made(120)
    protocol = Protocol.model_validate({"name": "x", "difficult_in_ap": difficult})
    context = context_of(labels, protocol)
    assert len(context.measured) >= 3
    found = replicate_context(scores, labels, protocol, 30, 7)
    assert found.shape == (31, 2)
    for resample in (0, 1, 2, 30):
        counts = draw(len(scores), 7, resample)
        expected = []
        for c in context.measured:
            sides = []
            for side in (context.inside[:, c], context.outside[:, c]):
                kept = side | context.negative[:, c]
                many = counts[context.positive[:, c]].sum() / counts[side].sum()
                weights = counts * np.where(side, many, 1)
                sides.append(
                    average_precision_score(side[kept], scores[kept, c], sample_weight=weights[kept])
                )
            expected.append(sides)
        assert found[resample] == pytest.approx(np.mean(expected, axis=0))


def test_a_class_that_a_resample_has_on_one_side_alone_is_in_neither_mean() -> None:
    rng = np.random.default_rng(3)
    rare = [[1, 1, -1]] * FEWEST + [[1, -1, -1]] * FEWEST
    often = np.where(rng.random((60, 2)) < 0.5, 1, -1)
    labels = np.array(rare + [[-1, *row] for row in often.tolist()])
    scores = labels + rng.normal(size=labels.shape)
    context = context_of(labels, BENCH)
    assert 0 in context.measured
    found = replicate_context(scores, labels, BENCH, 400, 0)
    counts = np.stack([draw(len(labels), 0, row) for row in range(401)])
    lacking = (counts[:, context.inside[:, 0]].sum(axis=1) == 0).nonzero()[0]
    assert len(lacking) and not np.isnan(found).any()
    without = replicate_context(scores[:, 1:], labels[:, 1:], BENCH, 400, 0)
    assert found[lacking] == pytest.approx(without[lacking])
    assert (np.abs(found - without) > 1e-6).any()
