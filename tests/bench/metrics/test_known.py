"""Known labels: which they are, and metrics of the others, as if the known ones were not there."""

from typing import Any

import numpy as np
import pytest

from bench.metrics.average_precision import average_precision
from bench.metrics.bootstrap import replicate
from bench.metrics.evaluate import METRICS, evaluate
from bench.metrics.known import PERCENTS, evaluate_unknown, given_labels, known_labels
from bench.metrics.protocol import PROTOCOLS

IMAGES, CLASSES = 300, 8
IDS = [f"image {number}" for number in range(IMAGES)]


def drawn(seed: int = 0) -> tuple[Any, Any]:
    draw = np.random.default_rng(seed)
    labels = draw.choice(np.array([-1, -1, -1, 0, 1], np.int8), (IMAGES, CLASSES))
    return (labels + draw.normal(size=labels.shape)).astype(np.float32), labels


def test_each_image_has_as_many_known_labels_as_asked_and_keeps_them() -> None:
    labels = np.ones((IMAGES, 20), np.int8)
    before = np.zeros_like(labels, dtype=bool)
    for percent in PERCENTS:
        known = known_labels(IDS, labels, percent)
        assert (known.sum(axis=1) == 20 * percent // 100).all()
        assert (before <= known).all(), "a smaller share is among a larger one"
        assert abs(known.mean(axis=0) - percent / 100).max() < 0.12, "no class is known more often"
        before = known
    assert not known_labels(IDS, labels, 0).any() and not known_labels(IDS, labels[:, :1], 75).any()


def test_they_follow_from_the_id_alone() -> None:
    _, labels = drawn()
    known = known_labels(IDS, labels, 50)
    order = np.random.default_rng(1).permutation(IMAGES)
    again = known_labels([IDS[i] for i in order], labels[order], 50)
    np.testing.assert_array_equal(again, known[order])
    # What they are must not change, or stored scores would be measured on other labels.
    assert np.flatnonzero(known_labels(["000001"], np.ones((1, 8), np.int8), 50)).tolist() == [0, 3, 4, 5]


def test_a_difficult_label_is_never_known() -> None:
    _, labels = drawn()
    known, given = known_labels(IDS, labels, 75), given_labels(IDS, labels, 75)
    assert not known[labels == 0].any()
    np.testing.assert_array_equal(given >= 0, known)
    np.testing.assert_array_equal(given[known], labels[known] > 0)
    assert given.dtype == np.int8 and (given[~known] == -1).all()


@pytest.mark.parametrize("name", PROTOCOLS)
def test_known_labels_are_in_no_metric(name: str) -> None:
    protocol, (scores, labels) = PROTOCOLS[name], drawn()
    known = known_labels(IDS, labels, 50)
    found = evaluate_unknown(scores, labels, known, protocol)
    assert found is not None
    # Whatever is said of known labels, and whatever they are, changes nothing.
    other, negative = np.where(known, 50, scores).astype(np.float32), np.where(known, -1, labels)
    assert evaluate_unknown(other, negative, known, protocol) == found
    # Class by class, as if the images in which it is known were not there.
    for column in range(CLASSES):
        kept = ~known[:, column]
        alone = slice(column, column + 1)
        (ap,) = average_precision(scores[kept, alone], labels[kept, alone], protocol)
        assert found.per_class_ap[column] == pytest.approx(ap, abs=1e-12)
        counts = evaluate(scores[kept, alone], labels[kept, alone], protocol)
        shown = evaluate(scores[:, alone], labels[:, alone], protocol, known[:, alone])
        assert [shown.value(metric) for metric in METRICS] == [counts.value(metric) for metric in METRICS]


def test_only_unknown_labels_compete_for_the_top_places() -> None:
    scores = np.array([[5, 4, 3, 2, 1]], np.float32)
    labels = np.array([[1, 1, -1, 1, 1]], np.int8)
    known = np.array([[True, True, False, False, False]])
    found = evaluate(scores, labels, PROTOCOLS["bench"], known)
    assert found.OR_top3 == 1 and found.OP_top3 == pytest.approx(2 / 3)


def test_resamples_leave_them_out_too() -> None:
    scores, labels = drawn()
    known = known_labels(IDS, labels, 50)
    protocol = PROTOCOLS["bench"]
    replicates = replicate(scores, labels, protocol, 5, left_out=known)
    found = evaluate_unknown(scores, labels, known, protocol)
    assert found is not None
    np.testing.assert_allclose(replicates.metrics[0], [found.mAP, found.CF1, found.OF1], atol=1e-11)
    other = replicate(np.where(known, 50, scores).astype(np.float32), labels, protocol, 5, left_out=known)
    np.testing.assert_array_equal(other.metrics, replicates.metrics)


def test_where_no_positive_is_left_there_is_nothing_to_measure() -> None:
    labels = np.array([[1, -1], [-1, -1]], np.int8)
    scores = np.zeros((2, 2), np.float32)
    assert evaluate_unknown(scores, labels, labels == 1, PROTOCOLS["bench"]) is None
    assert evaluate_unknown(scores, labels, labels == 2, PROTOCOLS["bench"]) is not None
