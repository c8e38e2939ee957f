"""Temperature and calibration error against known answers and plain loops."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import expit, logit

from bench.metrics.calibration import BINS, COLDEST, HOTTEST, fit_temperature, reliability
from bench.metrics.operating_point import NEVER, OperatingPoint, threshold_at
from bench.metrics.protocol import PROTOCOLS
from bench.metrics.thresholds import Target, fit_thresholds


def test_scores_that_are_too_sure_by_a_factor_get_it_as_temperature() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(-1, 1.5, (20_000, 5))
    labels = np.where(rng.random(true.shape) < expit(true), 1, -1).astype(np.int8)
    for factor in (0.5, 1.0, 2.5):
        assert fit_temperature(factor * true, labels) == pytest.approx(factor, rel=0.03)


def test_it_is_the_least_cross_entropy_and_difficult_labels_do_not_count() -> None:
    rng = np.random.default_rng(1)
    labels = rng.choice(np.array([-1, -1, 0, 1], dtype=np.int8), (60, 4))
    scores = (2 * labels + rng.normal(0, 3, labels.shape)).astype(np.float32)

    def cross_entropy(temperature: float) -> float:
        total = 0.0
        for score, label in zip(scores.ravel().tolist(), labels.ravel().tolist(), strict=True):
            total += 0.0 if label == 0 else float(np.logaddexp(0, -label * score / temperature))
        return total

    found = fit_temperature(scores, labels)
    assert found is not None
    assert min(0.9 * found, 1.1 * found, found, key=cross_entropy) == found
    assert cross_entropy(found) <= min(map(cross_entropy, np.geomspace(COLDEST, HOTTEST, 400)))
    assert fit_temperature(np.where(labels == 0, np.float32(50), scores), labels) == found


def test_scores_without_a_mistake_and_scores_that_know_nothing_get_none() -> None:
    labels = np.array([[1, -1], [-1, 1]], dtype=np.int8)
    assert fit_temperature(labels.astype(np.float64), labels) is None
    assert fit_temperature(-labels.astype(np.float64), labels) is None


def test_the_error_is_that_of_a_plain_loop() -> None:
    rng = np.random.default_rng(2)
    labels = rng.choice(np.array([-1, -1, 0, 1], dtype=np.int8), (200, 3))
    probabilities = rng.random(labels.shape) ** 2
    probabilities[0], probabilities[1] = 1.0, 0.0
    found = reliability(probabilities, labels)

    def error(columns: list[int]) -> float:
        total, apart = 0, 0.0
        for number in range(BINS):
            low, high = number / BINS, (number + 1) / BINS
            inside = [
                (p, label == 1)
                for p, label in zip(
                    probabilities[:, columns].ravel(), labels[:, columns].ravel(), strict=True
                )
                if label != 0 and (low <= p < high or (p == 1 and number == BINS - 1))
            ]
            if inside:
                mean, share = (float(np.mean(values)) for values in zip(*inside, strict=True))
                apart += len(inside) * abs(mean - share)
                total += len(inside)
        return apart / total

    np.testing.assert_allclose(found.error(), [error([c]) for c in range(3)], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.together().error(), [error([0, 1, 2])], rtol=0, atol=1e-12)
    assert found.counts.sum() == (labels != 0).sum() and found.positives.sum() == (labels == 1).sum()


def test_known_errors() -> None:
    labels = np.array([[1], [1], [1], [-1]], dtype=np.int8)
    assert reliability(np.full((4, 1), 0.75), labels).error() == pytest.approx([0.0])
    assert reliability(np.full((4, 1), 0.95), labels).error() == pytest.approx([0.2])
    assert np.isnan(reliability(np.full((4, 1), 0.5), np.zeros_like(labels)).error()).all()


def point(per_class: tuple[float, ...], temperature: float, overall: float = 0.5) -> OperatingPoint:
    names = tuple(f"class {number}" for number in range(len(per_class)))
    given = {"target": "CF1", "source": "made up", "images": 3, "overall": overall}
    return OperatingPoint(classes=names, temperature=temperature, per_class=per_class, **given)


def test_thresholds_on_probabilities_predict_what_those_on_logits_do() -> None:
    rng = np.random.default_rng(3)
    labels = rng.choice(np.array([-1, -1, 0, 1], dtype=np.int8), (300, 6))
    scores = (labels + rng.normal(0, 2, labels.shape)).astype(np.float32)
    fitted = fit_thresholds(scores, labels, Target("precision", 0.5), PROTOCOLS["bench"])
    for temperature in (0.4, 1.0, 7.0):
        limits = tuple(threshold_at(limit, temperature) for limit in fitted.per_class)
        made = point(limits, temperature, threshold_at(fitted.overall, temperature))
        np.testing.assert_array_equal(made.predicted(scores), scores >= fitted.per_class)
        np.testing.assert_array_equal(made.deciding_by(own=False).predicted(scores), scores >= fitted.overall)
        np.testing.assert_allclose(logit(made.probabilities(scores)) * temperature, scores, atol=1e-6)


def test_never_is_never_and_always_is_always() -> None:
    assert (threshold_at(np.inf, 2.0), threshold_at(-np.inf, 2.0)) == (NEVER, 0.0)
    surest = np.array([[1e30, -1e30]], dtype=np.float32)
    assert point((NEVER, 0.0), 1.0).predicted(surest).tolist() == [[False, True]]
    with pytest.raises(ValidationError, match="1 thresholds for 2 classes"):
        OperatingPoint(**{**point((0.5, 0.5), 1.0).model_dump(), "per_class": (0.5,)})
