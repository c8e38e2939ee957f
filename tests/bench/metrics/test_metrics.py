"""Metrics against scikit-learn and examples worked by hand, and what they promise of any scores."""

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from bench.metrics.average_precision import average_precision
from bench.metrics.evaluate import METRICS, Metrics, evaluate
from bench.metrics.precision_recall import PrecisionRecall, precision_recall
from bench.metrics.protocol import PROTOCOLS, Protocol
from bench.metrics.ranked_scores import RankedScores

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BENCH = PROTOCOLS["bench"]


def same(ours: npt.ArrayLike, expected: npt.ArrayLike) -> None:
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(expected, float), rtol=0, atol=1e-14)


def made(seed: int = 0, shape: tuple[int, int] = (300, 12), levels: int = 9) -> tuple[Floats, Ints]:
    """Scores with many ties, and labels 1, 0 and -1 that depend on them."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(-levels, levels + 1, shape) / 4
    labels = np.where(scores + rng.normal(0, 2, shape) > 2, 1, -1)
    labels[rng.random(shape) < 0.05] = 0
    return scores, labels


# --- scikit-learn


@pytest.mark.parametrize("seed", range(5))
def test_ap_equals_scikit_learn_with_ties(seed: int) -> None:
    scores, labels = made(seed)
    ours = average_precision(scores, labels, BENCH)
    for c in range(scores.shape[1]):
        counted = labels[:, c] != 0
        theirs = average_precision_score(labels[counted, c] == 1, scores[counted, c])
        same(ours[c], theirs)


@pytest.mark.parametrize("seed", range(3))
def test_precision_and_recall_equal_scikit_learn(seed: int) -> None:
    scores, labels = made(seed)
    true, predicted = labels == 1, (scores >= 0) & (labels != 0)
    ours = precision_recall(scores, labels, BENCH.model_copy(update={"cf1": "mean-of-classes"}))
    zero = {"zero_division": 0}
    theirs = PrecisionRecall(
        CP=precision_score(true, predicted, average="macro", **zero),
        CR=recall_score(true, predicted, average="macro", **zero),
        CF1=f1_score(true, predicted, average="macro", **zero),
        OP=precision_score(true, predicted, average="micro", **zero),
        OR=recall_score(true, predicted, average="micro", **zero),
        OF1=f1_score(true, predicted, average="micro", **zero),
    )
    same(ours, theirs)
    harmonic = precision_recall(scores, labels, BENCH)
    same(harmonic.CF1, 2 * ours.CP * ours.CR / (ours.CP + ours.CR))


# --- examples worked by hand


# Rows are images. Class 2 is predicted by nobody; image 1's difficult label would be, if it counted.
HAND_SCORES = np.array([[2.0, 1.0, -1.0, 3.0], [1.0, 0.5, -3.0, 2.0], [-1.0, 0.0, -2.0, -4.0]])
HAND_LABELS = np.array([[1, -1, 1, 1], [0, 1, -1, 1], [1, 1, -1, -1]])


def test_precision_and_recall_by_hand() -> None:
    # Per class, right / predicted / positive: 1/1/2, 2/3/2, 0/0/1, 2/2/2.
    values = precision_recall(HAND_SCORES, HAND_LABELS, BENCH)
    cp, cr = (1 + 2 / 3 + 0 + 1) / 4, (1 / 2 + 1 + 0 + 1) / 4
    same(values, [cp, cr, 2 * cp * cr / (cp + cr), 5 / 6, 5 / 7, 10 / 13])


@pytest.mark.parametrize(
    ("change", "cp", "op"),
    [
        ({"unpredicted": "zero-patched"}, (1 + 2 / 3 + 0 + 1) / 4, 5 / 7),
        ({"unpredicted": "one"}, (1 + 2 / 3 + 1 + 1) / 4, 5 / 6),
        ({"difficult_in_pr": "negative"}, (1 / 2 + 2 / 3 + 0 + 1) / 4, 5 / 7),
        ({"difficult_in_pr": "positive"}, (1 + 2 / 3 + 0 + 1) / 4, 6 / 7),
        # The score 0.0 of class 1 is on the threshold.
        ({"comparison": ">"}, (1 + 1 / 2 + 0 + 1) / 4, 4 / 5),
        # log(0.8 / 0.2) = 1.386: what is left is 2.0, 3.0 and 2.0; classes 1 and 2 have nothing.
        ({"threshold": 0.8}, (1 + 0 + 0 + 1) / 4, 3 / 3),
    ],
)
def test_choices_by_hand(change: dict[str, str | float], cp: float, op: float) -> None:
    values = precision_recall(HAND_SCORES, HAND_LABELS, Protocol.model_validate({"name": "x", **change}))
    same((values.CP, values.OP), (cp, op))


@pytest.mark.parametrize(("top3", "predicted", "right"), [("over-threshold", 6, 5), ("forced", 8, 6)])
def test_top3_by_hand(top3: str, predicted: int, right: int) -> None:
    # Forced adds class 0 (right) and class 2 to image 2; the others have three over the threshold, of
    # which image 1's difficult one holds its place and counts as nothing.
    values = precision_recall(
        HAND_SCORES, HAND_LABELS, Protocol.model_validate({"name": "x", "top3": top3}), 3
    )
    same(values.OP, right / predicted)


def test_top_k_takes_the_lower_class_of_equals() -> None:
    scores, labels = np.ones((1, 5)), np.array([[1, 1, -1, -1, -1]])
    same(precision_recall(scores, labels, BENCH, top_k=3).OP, 2 / 3)
    same(precision_recall(scores, labels, BENCH, top_k=9).OP, 2 / 5)
    with pytest.raises(ValueError, match="top_k is 0"):
        precision_recall(scores, labels, BENCH, top_k=0)


def test_nothing_predicted_is_zero() -> None:
    values = precision_recall(np.full((2, 2), -1.0), np.array([[1, -1], [-1, 1]]), BENCH)
    assert values == PrecisionRecall(0, 0, 0, 0, 0, 0)


# --- properties


@pytest.mark.parametrize("rule", ["ap", "ap_voc2012", "ap_voc11"])
def test_order_of_images_does_not_matter(rule: str) -> None:
    protocol = Protocol.model_validate({"name": "x", "ap": rule})
    scores, labels = made()
    order = np.random.default_rng(1).permutation(len(scores))
    assert evaluate(scores, labels, protocol) == evaluate(scores[order], labels[order], protocol)


@pytest.mark.parametrize("rule", ["ap", "ap_voc2012", "ap_voc11"])
@pytest.mark.parametrize("images", [5, 40])
def test_counts_equal_repeated_images(rule: str, images: int) -> None:
    protocol = Protocol.model_validate({"name": "x", "ap": rule})
    scores, labels = made(shape=(images, 8))
    ranking = RankedScores(scores, labels, protocol)
    np.testing.assert_array_equal(
        ranking.average_precision(np.ones(images, dtype=int)), ranking.average_precision()
    )
    rng = np.random.default_rng(3)
    for _ in range(20):
        drawn = rng.integers(0, images, images)
        counts = np.bincount(drawn, minlength=images)
        whole = average_precision(scores[drawn], labels[drawn], protocol)
        same(ranking.average_precision(counts), whole)
    with pytest.raises(ValueError, match="one per image"):
        ranking.average_precision(np.ones(images + 1, dtype=int))


def test_envelope_is_never_below() -> None:
    scores, labels = made()
    plain = average_precision(scores, labels, BENCH)
    assert (average_precision(scores, labels, PROTOCOLS["salgl"]) >= plain).all()


def test_perfect_scores_give_one_everywhere() -> None:
    labels = np.where(np.random.default_rng(0).random((50, 3)) < 0.5, 1, -1)
    for protocol in PROTOCOLS.values():
        metrics = evaluate(labels * 2.0, labels, protocol)
        # Three forced labels are too many for most images.
        names = [name for name in METRICS if protocol.top3 != "forced" or not name.endswith("top3")]
        assert {metrics.value(name) for name in names} == {1.0}


# --- classes without positives


def test_class_without_positives_is_reported_and_left_out() -> None:
    scores, labels = made()
    labels[:, 4] = -1
    labels[labels[:, 7] == 1, 7] = 0
    metrics = evaluate(scores, labels, BENCH)
    rest = [c for c in range(12) if c not in (4, 7)]
    alone = evaluate(scores[:, rest], labels[:, rest], BENCH)
    assert metrics.classes_without_positives == (4, 7)
    assert metrics.per_class_ap[4] is None
    assert (metrics.mAP, metrics.CP, metrics.CR, metrics.CF1) == (alone.mAP, alone.CP, alone.CR, alone.CF1)
    # What is predicted for them is wrong, and counts.
    assert metrics.OR == alone.OR
    assert metrics.OP < alone.OP


def test_no_positives_at_all_is_an_error() -> None:
    scores, labels = np.zeros((2, 2)), -np.ones((2, 2), dtype=int)
    assert np.isnan(average_precision(scores, labels, BENCH)).all()
    for measure in (evaluate, precision_recall):
        with pytest.raises(ValueError, match="no class has a positive"):
            measure(scores, labels, BENCH)


# --- bad input


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("measure", [average_precision, precision_recall, evaluate])
def test_scores_that_are_not_finite(measure: object, bad: float) -> None:
    scores, labels = made()
    scores[7, 2] = scores[9, 1] = bad
    assert callable(measure)
    with pytest.raises(ValueError, match=r"row 7, column 2 is -?(nan|inf)"):
        measure(scores, labels, BENCH)


def test_other_bad_input() -> None:
    scores, labels = made()
    with pytest.raises(ValueError, match=r"\(300, 12\) and labels \(300, 11\)"):
        evaluate(scores, labels[:, 1:], BENCH)
    with pytest.raises(ValueError, match="must both be"):
        evaluate(scores[0], labels[0], BENCH)
    with pytest.raises(ValueError, match="nothing to measure"):
        evaluate(scores[:0], labels[:0], BENCH)
    with pytest.raises(ValueError, match="not float16"):
        evaluate(scores.astype(np.float16), labels, BENCH)
    with pytest.raises(ValueError, match="no -1"):
        evaluate(scores, (labels == 1).astype(int), BENCH)
    labels[3, 1] = 2
    with pytest.raises(ValueError, match="row 3, column 1 is 2"):
        evaluate(scores, labels, BENCH)


# --- records


def test_metrics_go_to_json_and_back() -> None:
    scores, labels = made()
    labels[:, 4] = -1
    metrics = evaluate(scores, labels, BENCH)
    text = metrics.model_dump_json()
    assert "NaN" not in text
    assert Metrics.model_validate_json(text) == metrics
    assert metrics.num_images == 300
    with pytest.raises(ValidationError):
        Metrics.model_validate({**metrics.model_dump(), "mAP": 84.0})


def test_direction_and_range_of_every_metric() -> None:
    numbers = [name for name, field in Metrics.model_fields.items() if field.annotation is float]
    assert list(METRICS) == numbers
    assert numbers[0] == "mAP" and len(numbers) == 13
    metrics = evaluate(*made(), BENCH)
    for name, info in METRICS.items():
        assert info.name == name
        assert info.higher_is_better
        low, high = info.range
        assert low <= metrics.value(name) <= high
    assert METRICS["CF1_top3"].title == "CF1 top-3"
