"""`bench profile metrics` computes what scikit-learn and loops do, and times all in the same repeats."""

import re
from pathlib import Path

import numpy as np
import pytest

from bench.metrics.evaluate import METRICS, evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.profile.metrics import LOOPED, made_scores, measure_metrics
from bench.profile.plain_metrics import walked_metrics
from bench.profile.report import load
from bench_command import bench


def test_the_loops_compute_what_a_protocol_of_the_published_codes_gives() -> None:
    draw = np.random.default_rng(0)
    labels = draw.choice(np.array([-1, -1, 0, 1], dtype=np.int8), (60, 5))
    scores = draw.permutation(labels.size).reshape(labels.shape).astype(np.float32) / 100 - 1.5
    ours = evaluate(scores, labels, PROTOCOLS["ml-gcn"])
    assert walked_metrics(scores, labels) == pytest.approx([ours.value(name) for name in METRICS], abs=1e-12)


def test_everything_is_measured_in_the_same_repeats_and_equal() -> None:
    found = measure_metrics(images=300, classes=12, repeats=2)
    assert found.equal() and found.to_scikit_learn < 1e-12
    every, one = found.figures
    for figure in (every, one):
        assert len(figure.values) == len(figure.beside) == 2 and figure.times() is not None
    assert f"300 images x {LOOPED} labels" in one.what and "300 images x 12 labels" in every.what
    assert not found._replace(to_loops=0.1).equal()


def test_made_labels_have_a_positive_of_every_class() -> None:
    scores, labels = made_scores(5, 40)
    assert (
        scores.dtype == np.float32 and (labels == 1).any(axis=0).all() and set(np.unique(labels)) == {-1, 1}
    )


def test_the_command_writes_what_it_prints(tmp_path: Path) -> None:
    arguments = ("--images", "200", "--classes", "4", "--repeats", "2", "--out", "perf/metrics.json")
    done = bench(tmp_path, None, "profile", "metrics", *arguments)
    assert done.exit_code == 0, done.output
    assert re.search(r"^metrics, .* cores, load ", done.output, re.M)
    # How fast it is here and now is for nobody to test, also not that it is so in every repeat.
    said = r"times as fast; at least (?:2|50) is aimed at, (?:NOT )?kept(?: in some repeats)?$"
    assert len(re.findall(said, done.output, re.M)) == 2
    report = load(tmp_path / "perf" / "metrics.json")
    assert report.part == "metrics" and len(report.figures) == 2 and "largest difference" in report.notes[0]
    table = bench(tmp_path, None, "profile", "table", "--from", "perf")
    assert "scikit-learn's average precision alone" in table.output


def test_too_few_images_are_named(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "profile", "metrics", "--images", "0")
    assert done.exit_code == 2 and "--images" in done.output
