"""The three rules of average precision on examples worked by hand."""

import itertools
from collections.abc import Sequence
from typing import get_args

import numpy as np
import pytest

from bench.metrics.average_precision import Curves, average_precision
from bench.metrics.protocol import PROTOCOLS, ApRule, Difficult, Protocol
from bench.metrics.ranked_scores import RankedScores


def ap_of(rule: str, scores: Sequence[float], labels: Sequence[int]) -> float:
    protocol = Protocol.model_validate({"name": "x", "ap": rule})
    column = np.array(scores, dtype=float)[:, None], np.array(labels)[:, None]
    return float(average_precision(*column, protocol)[0])


def test_three_ap_rules_by_hand() -> None:
    # Ranks 1 to 6: + - - + + -. Precision at the positives 1, 2/4, 3/5; envelope 1, 3/5, 3/5.
    scores, labels = [6, 5, 4, 3, 2, 1], [1, -1, -1, 1, 1, -1]
    assert ap_of("ap", scores, labels) == pytest.approx((1 + 2 / 4 + 3 / 5) / 3)
    assert ap_of("ap_voc2012", scores, labels) == pytest.approx((1 + 3 / 5 + 3 / 5) / 3)
    # Recall 1/3 is reached by the points 0 to 0.3, precision 1; the other seven have 3/5.
    assert ap_of("ap_voc11", scores, labels) == pytest.approx((4 * 1 + 7 * 3 / 5) / 11)


def test_eleven_points_compare_recall_exactly() -> None:
    # Three of ten positives first: recall 3/10 reaches the point 0.3 although 3 * 0.1 > 3 / 10 in floats.
    labels = [1] * 3 + [-1] * 10 + [1] * 7
    scores = [float(-rank) for rank in range(20)]
    assert ap_of("ap_voc11", scores, labels) == pytest.approx((4 * 1 + 7 * 10 / 20) / 11)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        # One positive on top, then a group of one positive and two negatives: precision 1, then 2/4.
        ("ap", (1 + 2 / 4) / 2),
        ("ap_voc2012", (1 + 2 / 4) / 2),
        ("ap_voc11", (6 * 1 + 5 * 2 / 4) / 11),
    ],
)
def test_tied_images_enter_together(rule: str, expected: float) -> None:
    scores = [2.0, 1.0, 1.0, 1.0]
    for tail in set(itertools.permutations([1, -1, -1])):
        assert ap_of(rule, scores, [1, *tail]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("difficult", "expected"),
    [("ignored", 1 / 1), ("negative", 1 / 2), ("positive", (1 + 1) / 2)],
)
def test_difficult_in_ap_by_hand(difficult: str, expected: float) -> None:
    protocol = Protocol.model_validate({"name": "x", "difficult_in_ap": difficult})
    ap = average_precision(np.array([[3.0], [2.0], [1.0]]), np.array([[0], [1], [-1]]), protocol)
    assert ap[0] == pytest.approx(expected)


def test_a_change_in_the_last_bit_of_float32_is_kept() -> None:
    # As probabilities in half precision the two scores would tie; as logits they are ranked.
    scores = np.array([[9.0], [np.nextafter(np.float32(9), np.float32(10))]], dtype=np.float32)
    assert average_precision(scores, np.array([[1], [-1]]), PROTOCOLS["bench"])[0] == 0.5
    assert average_precision(scores, np.array([[-1], [1]]), PROTOCOLS["bench"])[0] == 1.0


def test_precision_as_of_more_positives_by_hand() -> None:
    # Ranks: + - + -. As of 6 positives each of the two is three: precision 3/3, then 6/7.
    scores, labels = np.array([[4.0], [3.0], [2.0], [1.0]]), np.array([[1], [-1], [1], [-1]])
    for rule, expected in (
        ("ap", (1 + 6 / 7) / 2),
        ("ap_voc2012", (1 + 6 / 7) / 2),
        ("ap_voc11", (6 * 1 + 5 * 6 / 7) / 11),
    ):
        protocol = Protocol.model_validate({"name": "x", "ap": rule})
        ranked = RankedScores(scores, labels, protocol)
        assert ranked.average_precision(as_many=np.array([6]))[0] == pytest.approx(expected)
        as_many_as_there_are = ranked.average_precision(as_many=np.array([2]))
        assert as_many_as_there_are == average_precision(scores, labels, protocol)


def test_a_guess_has_the_share_of_the_positives_that_it_is_measured_as() -> None:
    labels = np.array([[1], [1], [-1], [-1], [-1], [-1]])
    ranked = RankedScores(np.zeros(labels.shape), labels, PROTOCOLS["bench"])
    counts = np.array([[1, 1, 1, 1, 1, 1], [0, 2, 1, 0, 1, 2], [0, 0, 2, 2, 1, 1]])
    found = ranked.average_precision(counts, np.array([[12], [1], [5]]))
    assert found[:2, 0] == pytest.approx([12 / 16, 1 / 5])
    assert np.isnan(found[2, 0])


@pytest.mark.parametrize("decimals", [1, 7])
@pytest.mark.parametrize("difficult", ["ignored", "positive", "negative"])
def test_sorted_scores_give_what_ranked_images_give(decimals: int, difficult: Difficult) -> None:
    draw = np.random.default_rng(0)
    labels = draw.choice(np.array([-1, -1, -1, 0, 1], dtype=np.int8), (400, 6))
    labels[:, 3] = -1
    scores = draw.standard_normal(labels.shape).astype(np.float32).round(decimals)
    for left_out in (None, draw.random(labels.shape) < 0.3):
        curves = Curves(scores, labels, difficult, left_out)
        for rule in get_args(ApRule):
            protocol = Protocol(name="x", ap=rule, difficult_in_ap=difficult)
            ranked = RankedScores(scores, labels, protocol, left_out).average_precision()
            # They add up in another order.
            assert curves.average_precision(rule) == pytest.approx(ranked, abs=1e-14, nan_ok=True)
            assert np.isnan(ranked[3])
