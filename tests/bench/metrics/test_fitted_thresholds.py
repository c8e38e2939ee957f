"""Fitted thresholds against plain loops over every threshold there is, and examples worked by hand."""

from itertools import pairwise, product

import numpy as np
import numpy.typing as npt
import pytest

from bench.errors import UserError
from bench.metrics.precision_recall import PrecisionRecall, precision_recall, precision_recall_of
from bench.metrics.protocol import PROTOCOLS, Protocol
from bench.metrics.thresholds import Target, fit_thresholds, parse_target

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int8]
BENCH = PROTOCOLS["bench"]


def made(seed: int, shape: tuple[int, int] = (30, 4), levels: int = 6) -> tuple[Floats, Ints]:
    """Scores with ties that know something of the labels, some of which are difficult."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([-1, -1, -1, 0, 1], dtype=np.int8), shape)
    labels[0] = 1
    scores = (labels + rng.integers(-levels, levels + 1, shape) / 4).astype(np.float32)
    return scores, labels


def cuts(scores: npt.NDArray[np.floating]) -> list[float]:
    """A threshold for each set of labels that one can predict, from none to all."""
    values = sorted(set(scores.ravel().tolist()), reverse=True)
    middles = [(above + below) / 2 for above, below in pairwise(values)]
    return [np.inf, *middles, -np.inf]


def at(scores: Floats, labels: Ints, limits: npt.ArrayLike, protocol: Protocol) -> PrecisionRecall:
    return precision_recall_of(scores >= np.asarray(limits), labels, protocol)


def f1_of(scores: Floats, labels: Ints, limit: float, protocol: Protocol) -> float:
    """Of one class, by counting."""
    hits = guesses = wanted = 0
    for score, label in zip(scores.tolist(), labels.tolist(), strict=True):
        if label == 0 and protocol.difficult_in_pr == "ignored":
            continue
        true = label == 1
        hits, guesses, wanted = hits + (true and score >= limit), guesses + (score >= limit), wanted + true
    return 2 * hits / (guesses + wanted) if guesses + wanted else 0.0


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("seed", range(3))
def test_each_class_has_the_best_f1_that_any_threshold_gives(seed: int, name: str) -> None:
    scores, labels = made(seed)
    protocol = PROTOCOLS[name]
    found = fit_thresholds(scores, labels, Target("CF1"), protocol)
    for c, limit in enumerate(found.per_class):
        column = scores[:, c], labels[:, c]
        best = max(f1_of(*column, cut, protocol) for cut in cuts(scores[:, c]))
        assert f1_of(*column, limit, protocol) == best
    if protocol.cf1 == "mean-of-classes":
        every = product(*(cuts(scores[:6, c]) for c in range(3)))
        scores, labels = scores[:6, :3], labels[:6, :3]
        best = max(at(scores, labels, limits, protocol).CF1 for limits in every)
        own = fit_thresholds(scores, labels, Target("CF1"), protocol)
        reached = at(scores, labels, own.per_class, protocol).CF1
        assert reached == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("name", PROTOCOLS)
@pytest.mark.parametrize("kind", ["CF1", "OF1"])
def test_the_one_for_all_has_the_best_value_under_each_protocol(kind: str, name: str) -> None:
    for seed in range(3):
        scores, labels = made(seed)
        found = fit_thresholds(scores, labels, parse_target(kind), PROTOCOLS[name])
        values = [getattr(at(scores, labels, cut, PROTOCOLS[name]), kind) for cut in cuts(scores)]
        reached = getattr(at(scores, labels, found.overall, PROTOCOLS[name]), kind)
        assert reached == pytest.approx(max(values), abs=1e-12)


@pytest.mark.parametrize("name", ["bench", "ml-gcn", "salgl"])
@pytest.mark.parametrize("seed", range(4))
def test_no_thresholds_of_the_classes_have_a_better_of1(seed: int, name: str) -> None:
    scores, labels = made(seed, (7, 3))
    found = fit_thresholds(scores, labels, Target("OF1"), PROTOCOLS[name])
    every = product(*(cuts(scores[:, c]) for c in range(3)))
    best = max(at(scores, labels, limits, PROTOCOLS[name]).OF1 for limits in every)
    reached = at(scores, labels, found.per_class, PROTOCOLS[name]).OF1
    assert reached == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("name", ["bench", "ml-gcn", "salgl"])
def test_a_precision_is_reached_by_the_lowest_threshold_that_reaches_it(name: str) -> None:
    protocol, wanted = PROTOCOLS[name], 0.6
    for seed in range(4):
        scores, labels = made(seed)
        found = fit_thresholds(scores, labels, Target("precision", wanted), protocol)
        for c, limit in enumerate(found.per_class):
            column = scores[:, [c]], labels[:, [c]]
            reaching = [
                cut
                for cut in cuts(scores[:, c])[1:]
                if precision_of(scores[:, c], labels[:, c], cut, protocol) >= wanted
            ]
            same = column[0] >= min(reaching, default=np.inf)
            counts = column[1] != 0 if protocol.difficult_in_pr == "ignored" else np.ones_like(same)
            np.testing.assert_array_equal((column[0] >= limit)[counts], same[counts])
            assert found.unreached[c] == (not reaching)
        reached = {cut: at(scores, labels, cut, protocol) for cut in cuts(scores)[1:]}
        precise = [cut for cut, values in reached.items() if wanted <= values.OP]
        assert at(scores, labels, found.overall, protocol) == reached[min(precise)]


def precision_of(scores: Floats, labels: Ints, limit: float, protocol: Protocol) -> float:
    kept = (labels != 0) | (protocol.difficult_in_pr != "ignored")
    predicted = kept & (scores >= limit)
    return float((labels[predicted] == 1).mean()) if predicted.any() else 0.0


def test_an_example_worked_by_hand() -> None:
    scores = np.array([[4, 0.5, 1], [3, 1, 1], [2, 2, 1], [1, 3, 1]], dtype=np.float32)
    labels = np.array([[1, -1, -1], [1, -1, -1], [-1, -1, -1], [1, 1, -1]], dtype=np.int8)
    found = fit_thresholds(scores, labels, Target("CF1"), BENCH)
    # F1 of the first class: 2/4, 4/5, 4/6, 6/7 for one to four images; of the second 2/2 for one.
    assert found.per_class.tolist() == [-np.inf, 2.5, found.overall]
    assert found.without_positives.tolist() == [False, False, True]
    found = fit_thresholds(scores, labels, Target("precision", 0.9), BENCH)
    assert found.per_class.tolist() == [2.5, 2.5, found.overall] and not found.unreached.any()
    # Of all labels, 4 and both 3s are right; with the 2s it is 3 of 5.
    assert found.overall == 2.5


def test_what_no_threshold_reaches_is_never_predicted() -> None:
    scores = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]], dtype=np.float32)
    labels = np.array([[-1, -1], [1, -1], [-1, 1]], dtype=np.int8)
    found = fit_thresholds(scores, labels, Target("precision", 0.9), BENCH)
    assert found.per_class.tolist() == [np.inf, 1.5] and found.unreached.tolist() == [True, False]
    assert found.overall == np.inf, "of the two highest scores one is wrong"


def test_equal_scores_are_predicted_together_or_not_at_all() -> None:
    scores, labels = np.zeros((5, 2), np.float32), np.full((5, 2), -1, np.int8)
    labels[0] = 1
    found = fit_thresholds(scores, labels, Target("CF1"), BENCH)
    assert found.per_class.tolist() == [-np.inf, -np.inf] and found.overall == -np.inf
    found = fit_thresholds(scores, labels, Target("precision", 0.5), BENCH)
    assert found.per_class.tolist() == [np.inf, np.inf]


def test_predictions_given_are_measured_as_those_over_the_threshold() -> None:
    scores, labels = made(0)
    for protocol in PROTOCOLS.values():
        over = scores > 0 if protocol.comparison == ">" else scores >= 0
        assert precision_recall_of(over, labels, protocol) == precision_recall(scores, labels, protocol)


def test_bad_input_is_refused() -> None:
    scores, labels = made(0)
    with pytest.raises(ValueError, match="no class has a positive"):
        fit_thresholds(scores, np.full_like(labels, -1), Target("CF1"), BENCH)
    with pytest.raises(ValueError, match="must be finite"):
        fit_thresholds(scores * np.float32(np.nan), labels, Target("CF1"), BENCH)
    for text in ("F1", "CF1=3", "precision", "precision=0", "precision=1.5", "precision=nan", "precision=x"):
        with pytest.raises(UserError, match="give CF1, OF1, or precision=P"):
            parse_target(text)
    assert [str(parse_target(text)) for text in ("cf1", "OF1", "precision=0.90", "precision=1")] == [
        *("CF1", "OF1", "precision=0.9", "precision=1")
    ]
