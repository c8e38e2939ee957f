"""Which methods of a table are shown to be better than which, and between which ranks each one lies."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from bench.metrics.bootstrap import NAMES
from bench.metrics.uncertainty import SHARE, estimate, holm
from bench.records.evidence import UNKNOWN, Evidence, evidence_of
from bench.records.groups import group_records
from bench.records.intervals import metrics_of, samples_of
from bench.records.record import Record
from bench.records.store import RecordStore, Scores
from made_comparison import made, put
from made_records import made_cell


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))


NOISE = {"resnet": 3.0, "ml-gcn": 1.5, "ssgrl": 1.45, "add-gcn": 0.7}
"""Methods of which two are alike; each is run three times."""


def evidence(folder: Path) -> Evidence:
    store = RecordStore(folder / "results")
    records = [record for record in store.all() if isinstance(record, Record)]
    (group,) = group_records(records)
    return evidence_of(store, group)


def put_all(folder: Path, seeds: int = 3, **noise: float) -> None:
    for number, (method, level) in enumerate(noise.items()):
        for seed in range(seeds):
            put(folder, made_cell(method, seed), made(noise=level, seed=10 * number + seed))


def test_all_pairs_and_metrics_are_adjusted_together(tmp_path: Path) -> None:
    put_all(tmp_path, **NOISE)
    found = evidence(tmp_path)
    store = RecordStore(tmp_path / "results")
    values = {
        method: metrics_of(samples_of(store, [store.find(made_cell(method, s).run_id()) for s in range(3)]))
        for method in NOISE
    }
    pairs = list(combinations(NOISE, 2))
    differences = [estimate(values[a], values[b]) for a, b in pairs]
    p = holm(np.concatenate([one.p_values() for one in differences]))
    assert len(p) == 18
    shown = set()
    for number, (pair, difference) in enumerate(zip(pairs, differences, strict=True)):
        for column, metric in enumerate(NAMES):
            if p[3 * number + column] <= 0.05:
                shown.add((metric, *(pair if difference.value[column] > 0 else pair[::-1])))
    assert found.better == shown and 6 < len(shown) < 18
    for method in NOISE:
        intervals = estimate(values[method]).intervals(SHARE)
        assert [found.interval(method, metric) for metric in NAMES] == intervals
    assert found.positives is not None and found.positives.tolist() == [24, 47, 73, 94, 137, 155, 173]


def test_what_cannot_be_told_from_the_best_leads(tmp_path: Path) -> None:
    put_all(tmp_path, **NOISE)
    found = evidence(tmp_path)
    assert found.leading("mAP", tuple(NOISE)) == {"add-gcn"}
    assert found.leading("mAP", ("resnet", "ml-gcn", "ssgrl")) == {"ml-gcn", "ssgrl"}
    assert found.leading("mAP", ("ml-gcn",)) == frozenset(), "there is nothing to be better than"
    ranks = {method: found.ranks(method, "mAP", tuple(NOISE)) for method in NOISE}
    assert ranks == {"add-gcn": (1, 1), "ml-gcn": (2, 3), "ssgrl": (2, 3), "resnet": (4, 4)}


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_method_with_few_seeds_is_not_tested_and_may_have_any_rank(seeds: int, tmp_path: Path) -> None:
    put_all(tmp_path, **NOISE)
    put_all(tmp_path, seeds, salgl=0.1)
    found = evidence(tmp_path)
    assert found.tested == tuple(NOISE)
    everyone = (*NOISE, "salgl")
    assert found.leading("mAP", everyone) == {"add-gcn"}
    assert found.interval("salgl", "mAP").value > found.interval("add-gcn", "mAP").value
    assert found.ranks("salgl", "mAP", everyone) == (1, 5)
    assert found.ranks("add-gcn", "mAP", everyone) == (1, 2)


def test_the_label_frequency_is_tested_though_it_has_no_seed(tmp_path: Path) -> None:
    put(tmp_path, made_cell("prior"), made(noise=9))
    put_all(tmp_path, **{"resnet": 1.0})
    found = evidence(tmp_path)
    assert found.tested == ("prior", "resnet")
    assert found.leading("mAP", found.tested) == {"resnet"}


def test_scores_of_other_labels_are_named_and_not_tested(tmp_path: Path) -> None:
    put_all(tmp_path, **{"resnet": 3.0, "ml-gcn": 0.5})
    for seed in range(3):
        scores = made(noise=0.1, seed=seed)
        other = Scores(scores.ids, scores.logits, np.roll(scores.labels, 1, axis=0))
        put(tmp_path, made_cell("salgl", seed), other)
    found = evidence(tmp_path)
    assert found.tested == ("resnet", "ml-gcn") and found.interval("salgl", "mAP") == UNKNOWN
    (note,) = found.notes.values()
    assert "test images and labels are not those of the other methods" in note
    assert made_cell("salgl").run_id() in note
