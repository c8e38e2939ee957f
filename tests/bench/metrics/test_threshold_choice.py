"""Thresholds of each class are used where they do better on images that they were not fitted on."""

import numpy as np
import pytest

from bench.metrics.precision_recall import precision_recall_of
from bench.metrics.protocol import PROTOCOLS
from bench.metrics.threshold_choice import own_thresholds_pay
from bench.metrics.thresholds import Target, fit_thresholds

BENCH = PROTOCOLS["bench"]


def made(images: int, shift: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of ten classes, whose best thresholds lie apart by up to `shift`."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random((images, 10)) < 0.15, 1, -1).astype(np.int8)
    labels[:10] = np.where(np.eye(10), 1, -1)
    scores = labels + rng.normal(0, 1, labels.shape) + shift * np.linspace(-1, 1, 10)
    return scores.astype(np.float32), labels


@pytest.mark.parametrize("kind", ["CF1", "OF1"])
def test_it_is_as_new_images_say(kind: str) -> None:
    """Many images and thresholds far apart ask for one each; on few images and equal ones that costs."""
    for images, shift, expected in ((2000, 2.0, True), (60, 0.0, False)):
        gains, pays = [], []
        for seed in range(20):
            scores, labels = made(images, shift, seed)
            fitted = fit_thresholds(scores, labels, Target(kind), BENCH)
            new, new_labels = made(5000, shift, 1000 + seed)
            own, one = (
                getattr(precision_recall_of(new >= limit, new_labels, BENCH), kind)
                for limit in (fitted.per_class, fitted.overall)
            )
            gains.append(own - one)
            pays.append(own_thresholds_pay(scores, labels, Target(kind), BENCH))
        assert np.mean(np.array(pays) == expected) >= 0.7
        gained = np.mean(np.where(pays, gains, 0))
        assert gained >= max(0, np.mean(gains)) - 0.003, "as good on new images as either rule throughout"


def test_where_nothing_is_left_to_fit_on_it_is_one_for_all() -> None:
    scores, labels = made(40, 2.0, 0)
    labels[1:] = -1
    assert not own_thresholds_pay(scores, labels, Target("CF1"), BENCH)
    assert own_thresholds_pay(scores, labels, Target("precision", 0.9), BENCH), "asked of each class"


def test_it_does_not_depend_on_the_machine_or_the_call() -> None:
    scores, labels = made(80, 0.7, 3)
    asked = {own_thresholds_pay(scores, labels, Target("CF1"), BENCH) for _ in range(3)}
    assert len(asked) == 1
