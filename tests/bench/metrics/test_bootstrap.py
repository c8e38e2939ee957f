"""Resamples of the test images against a plain loop over the images that were drawn."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench.metrics.bootstrap import NAMES, draw, replicate
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS, Protocol
from bench.metrics.uncertainty import Interval, estimate
from plain_resamples import drawn_images

RESAMPLES = 40
# Resample 1 of 12 images with seed 0.
KNOWN_DRAW = [3, 1, 1, 0, 0, 0, 1, 1, 1, 2, 1, 1]


def made(images: int = 57) -> tuple[np.ndarray, np.ndarray]:
    """Scores with ties, difficult labels, a class with one positive and one with none."""
    g = np.random.default_rng(5)
    labels = g.choice(np.array([-1, -1, 0, 1], dtype=np.int8), size=(images, 6))
    labels[:, 1] = -1
    labels[7, 1] = 1
    labels[:, 4] = g.choice(np.array([-1, 0], dtype=np.int8), size=images)
    scores = (labels + g.normal(size=labels.shape)).round(1) - 0.5
    return scores.astype(np.float32), labels


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_every_resample_is_what_a_plain_loop_measures(protocol: Protocol) -> None:
    scores, labels = made()
    found = replicate(scores, labels, protocol, RESAMPLES, seed=3)
    assert found.metrics.shape == (RESAMPLES + 1, 3) and found.class_ap.shape == (RESAMPLES + 1, 6)
    missing = set()
    for row in range(RESAMPLES + 1):
        chosen = drawn_images(len(scores), 3, row)
        wanted = evaluate(scores[chosen], labels[chosen], protocol)
        assert found.metrics[row] == pytest.approx([wanted.value(name) for name in NAMES], abs=1e-11)
        nan = [np.nan if value is None else value for value in wanted.per_class_ap]
        assert found.class_ap[row] == pytest.approx(nan, abs=1e-11, nan_ok=True)
        missing.add(wanted.classes_without_positives)
    # Some resamples lack the class with one positive: it leaves their means.
    assert {(4,), (1, 4)} <= missing


def test_real_scores_are_resampled_exactly(shared: Path) -> None:
    with np.load(shared / "realdata" / "scores_voc2012val_resnet18.npz") as real:
        scores, labels = real["scores"], np.where(real["targets"] == 1, 1, -1)
    found = replicate(scores, labels, PROTOCOLS["salgl"], 2)
    for row in range(3):
        chosen = drawn_images(len(scores), 0, row)
        wanted = evaluate(scores[chosen], labels[chosen], PROTOCOLS["salgl"])
        assert found.metrics[row] == pytest.approx([wanted.value(name) for name in NAMES], abs=1e-11)
        assert found.class_ap[row] == pytest.approx(wanted.per_class_ap, abs=1e-11)


def test_draws_are_the_same_on_every_machine() -> None:
    assert draw(12, 0, 0).tolist() == [1] * 12
    assert draw(12, 0, 1).tolist() == KNOWN_DRAW
    assert Counter(drawn_images(12, 0, 1)) == Counter(np.repeat(np.arange(12), KNOWN_DRAW).tolist())


def test_draws_are_those_of_a_bootstrap() -> None:
    counts = np.stack([draw(500, 1, resample) for resample in range(1, 401)])
    assert (counts.sum(axis=1) == 500).all()
    # Each image is drawn once on average, and left out of 1/e of the resamples.
    assert np.abs(counts.mean(axis=0) - 1).max() < 5 / np.sqrt(400)
    assert (counts == 0).mean() == pytest.approx((1 - 1 / 500) ** 500, abs=0.005)
    assert len(np.unique(counts, axis=0)) == 400
    assert (draw(500, 2, 1) != draw(500, 1, 1)).any()


def test_the_number_of_cores_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, labels = made()
    bits = []
    for cores in (1, 3):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        found = replicate(scores, labels, PROTOCOLS["bench"], RESAMPLES)
        bits.append(found.metrics.tobytes() + found.class_ap.tobytes())
    assert bits[0] == bits[1]


def test_a_resample_without_any_positive_has_no_metrics() -> None:
    scores = np.array([[2.0], [1.0], [0.5]])
    found = replicate(scores, np.array([[1], [-1], [-1]]), PROTOCOLS["bench"], 60)
    empty = np.array([0 not in drawn_images(3, 0, row) for row in range(61)])
    assert empty.any() and not empty.all()
    assert (np.isnan(found.metrics).all(axis=1) == empty).all()
    assert estimate(found.metrics[None]).intervals()[0] == Interval(1, 1, 1)
