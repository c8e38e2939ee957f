"""Intervals and p-values, and those of stored runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.errors import UserError
from bench.metrics.bootstrap import NAMES, replicate
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.records.intervals import (
    SHARE,
    adjusted_p_values,
    holm,
    interval,
    p_value,
    percentile_interval,
    sample_of,
)
from bench.records.store import SCORES, Record, RecordStore, Scores
from made_records import made_cell, made_record, store_made
from plain_resamples import drawn_images


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return tmp_path / "work"


def test_percentiles_of_the_resamples() -> None:
    values = np.array([0.5, *np.linspace(0, 1, 1001)])
    assert percentile_interval(values) == pytest.approx((0.5, 0.025, 0.975))
    above = np.array([0.9, *np.linspace(0.6, 1, 1001) ** 3])
    _, low, high = percentile_interval(above)
    bounds = np.quantile(above[1:], [0.025, 0.975]) - above[1:].mean()
    assert (low, high) == pytest.approx(0.9 + bounds) and high > 1
    assert percentile_interval(above, SHARE).high == 1
    assert np.isnan(percentile_interval(np.array([np.nan, 0.2, 0.4]))).all()


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    """mAP of many draws of images from one distribution, against mAP of a very large draw."""
    g = np.random.default_rng(0)

    def images(number: int) -> tuple[np.ndarray, np.ndarray]:
        labels = np.where(g.random((number, 2)) < 0.3, 1, -1)
        return labels + g.normal(size=labels.shape), labels

    scores, labels = images(200_000)
    truth = evaluate(scores, labels, PROTOCOLS["bench"]).mAP
    hits = 0
    for _ in range(60):
        found = percentile_interval(replicate(*images(250), PROTOCOLS["bench"], 100).metrics[:, 0])
        hits += found.low <= truth <= found.high
    assert 51 <= hits <= 59  # 95 % of 60 are 57


@pytest.mark.parametrize(
    ("resampled", "expected"),
    [
        ([0.1] * 99, 2 / 100),
        ([-0.1] * 99, 2 / 100),
        ([0.0] * 99, 1.0),  # the same scores
        ([0.1] * 95 + [-0.1] * 4, 2 * 5 / 100),
        ([0.1] * 94 + [0.0] + [-0.1] * 4, 2 * 6 / 100),
        ([0.1] * 50 + [-0.1] * 49, 1.0),
        ([0.1] * 49 + [np.nan] * 50, 2 / 50),
    ],
)
def test_p_value_counts_the_rarer_side(resampled: list[float], expected: float) -> None:
    assert p_value(np.array([np.nanmean(resampled), *resampled])) == pytest.approx(expected)


def test_p_value_agrees_with_the_interval() -> None:
    g = np.random.default_rng(4)
    for shift in np.linspace(0, 4, 41):
        values = g.normal(size=1001) + shift
        found = percentile_interval(values)
        assert (p_value(values) <= 0.05) == (found.low > 0) or abs(found.low) < 0.1


def stepdown(differences: np.ndarray) -> list[float]:
    """The definition, class by class: Romano and Wolf 2016, Algorithm 4.2."""
    observed, resampled = differences[0], differences[1:]
    spread = resampled.std(axis=0, ddof=1)
    order = sorted(range(len(observed)), key=lambda c: -abs(observed[c]) / spread[c])
    adjusted, least = [0.0] * len(observed), 0.0
    for rank, c in enumerate(order):
        largest = [max(abs(row[k] - observed[k]) / spread[k] for k in order[rank:]) for row in resampled]
        least = max(
            least, (1 + sum(value >= abs(observed[c]) / spread[c] for value in largest)) / len(differences)
        )
        adjusted[c] = least
    return adjusted


def test_adjusted_p_values_are_those_of_the_definition() -> None:
    g = np.random.default_rng(8)
    differences = g.normal(size=(201, 7)) * [1, 2, 1, 3, 1, 1, 1] + [3, 1, -2.5, 8, 0, 0.5, -1]
    found = adjusted_p_values(differences)
    assert found == pytest.approx(stepdown(differences))
    alone = np.array([adjusted_p_values(differences[:, [c]])[0] for c in range(7)])
    assert (found >= alone).all() and (found > alone).any()


def test_adjusted_p_values_of_differences_that_do_not_vary() -> None:
    g = np.random.default_rng(8)
    differences = np.stack([np.zeros(101), np.full(101, 0.3), g.normal(size=101) + 50], axis=1)
    assert adjusted_p_values(differences).tolist() == [1, 1, 1 / 101]
    lacking = differences.copy()
    lacking[5:50, 2] = np.nan
    assert adjusted_p_values(lacking)[2] == 1 / 101


def test_adjustment_keeps_false_findings_rare_and_finds_what_is_there() -> None:
    g = np.random.default_rng(2)
    false, found = 0, 0
    for _ in range(150):
        observed = g.normal(size=80)
        observed[0] += 6
        p = adjusted_p_values(np.concatenate([observed[None], observed + g.normal(size=(400, 80))]))
        false += bool((p[1:] <= 0.05).any())
        found += bool(p[0] <= 0.05)
    assert false <= 16  # 5 % of 150 are 7.5
    assert found >= 140  # Holm's procedure could not find it: 80 / 401 is above 0.05


def stored(results: Path, *seeds: int) -> tuple[RecordStore, list[Record]]:
    cells = [made_cell(seed=seed) for seed in seeds]
    store = store_made(results, *cells)
    return store, [store.find(cell.run_id()) for cell in cells]


@pytest.mark.parametrize("name", NAMES)
def test_interval_of_the_mean_over_seeds(name: str, tmp_path: Path) -> None:
    store, records = stored(tmp_path, 0, 1, 2)
    found = interval(store, records, name, resamples=200, seed=9)
    values = []
    for row in range(201):
        chosen = drawn_images(40, 9, row)
        runs = [store.scores(record) for record in records]
        measured = [
            evaluate(run.logits[chosen], run.labels[chosen], PROTOCOLS["bench"]).value(name) for run in runs
        ]
        values.append(np.mean(measured))
    assert found.value == pytest.approx(np.mean([r.metrics.value(name) for r in records if r.metrics]))
    around = np.quantile(values[1:], [0.025, 0.975]) - np.mean(values[1:])
    assert found[1:] == pytest.approx(values[0] + around)
    assert found.low < found.value < found.high
    one = interval(store, records[:1], name, resamples=200, seed=9)
    assert one.value == pytest.approx(values_of(records[0], name)) and one != found


def values_of(record: Record, name: str) -> float:
    assert record.metrics
    return record.metrics.value(name)


def test_interval_is_kept_and_found_again(tmp_path: Path, work: Path) -> None:
    store, records = stored(tmp_path, 0)
    found = interval(store, records, "mAP", resamples=50)
    (kept,) = (work / "bootstrap").iterdir()
    whole = kept.read_bytes()
    (store.folder / records[0].run_id / SCORES).rename(tmp_path / "aside")
    assert interval(store, records, "mAP", resamples=50) == found
    # Other choices are other intervals: they need the scores again.
    choices: list[dict[str, object]] = [{"resamples": 60}, {"seed": 1}, {"protocol": PROTOCOLS["ssgrl"]}]
    for choice in choices:
        with pytest.raises(UserError, match="are not those that the record was written with"):
            interval(store, records, "mAP", **{"resamples": 50, **choice})  # type: ignore[arg-type]
    (tmp_path / "aside").rename(store.folder / records[0].run_id / SCORES)
    others = [interval(store, records, "mAP", **{"resamples": 50, **choice}) for choice in choices]  # type: ignore[arg-type]
    assert len({found, *others}) == 4
    # The protocols of ML-GCN and ADD-GCN are one under two names.
    files = len(list((work / "bootstrap").iterdir()))
    for name in ("ml-gcn", "add-gcn"):
        interval(store, records, "CF1", PROTOCOLS[name], 50)
    assert len(list((work / "bootstrap").iterdir())) == files + 1
    for damage in (b"", whole[: len(whole) // 2], b"PK" + whole[5:]):
        kept.write_bytes(damage)
        assert interval(store, records, "mAP", resamples=50) == found
        assert kept.read_bytes() == whole


def test_order_of_the_images_changes_nothing(tmp_path: Path) -> None:
    cell = made_cell()
    record, scores = made_record(cell)
    turned = Scores(scores.ids[::-1], scores.logits[::-1], scores.labels[::-1])
    samples = []
    for number, one in enumerate((scores, turned)):
        store = RecordStore(tmp_path / str(number))
        saved = store.save(record, one)
        samples.append(sample_of(store, saved, cell.protocol, 50))
    assert samples[0].test_set == samples[1].test_set
    assert (samples[0].replicates.metrics == samples[1].replicates.metrics).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda scores: replace(scores, ids=np.char.add(scores.ids, "x")), "do not share their test images"),
        (lambda scores: replace(scores, labels=-scores.labels), "do not share their test images and labels"),
        (lambda scores: replace(scores, ids=np.full(40, "one")), "have the image one twice"),
        (
            lambda scores: replace(scores, logits=scores.logits * np.nan),
            "logits holds what is no finite",
        ),
    ],
)
def test_seeds_on_other_images_have_no_interval(
    change: Callable[[Scores], Scores], message: str, tmp_path: Path
) -> None:
    store, records = stored(tmp_path, 0)
    record, scores = made_record(made_cell(seed=1))
    other = store.save(record, change(scores))
    with pytest.raises(UserError, match=message):
        interval(store, [*records, other], "mAP", resamples=20)


def test_scores_that_were_exchanged_are_refused(tmp_path: Path) -> None:
    store, records = stored(tmp_path, 0, 1)
    paths = [store.folder / record.run_id / SCORES for record in records]
    paths[0].write_bytes(paths[1].read_bytes())
    with pytest.raises(UserError, match="are not those that the record was written with"):
        interval(store, records[:1], "mAP", resamples=20)


def test_the_interval_holds_the_value_where_classes_are_rare() -> None:
    """Copies of a lone positive rank together and absent classes drop out, which lifts every resample."""
    g = np.random.default_rng(3)
    labels = np.full((120, 40), -1)
    labels[np.arange(80), np.repeat(np.arange(40), 2)] = 1
    found = replicate(labels + 2 * g.normal(size=labels.shape), labels, PROTOCOLS["bench"], 200)
    value, low, high = percentile_interval(found.metrics[:, 0], SHARE)
    assert found.metrics[1:, 0].mean() > value + (high - low) / 4
    assert low < value < high


def test_holm_adjusts_for_those_that_are_tested() -> None:
    # Three are tested: 0.01 x 3, then the greater of that and 0.02 x 2, then of that and 0.9 x 1.
    assert holm(np.array([0.9, np.nan, 0.01, 0.02])) == pytest.approx([0.9, np.nan, 0.03, 0.04], nan_ok=True)
    assert holm(np.array([0.03, 0.02, 0.5])) == pytest.approx([0.06, 0.06, 0.5])
    assert holm(np.array([0.6, 0.7])) == pytest.approx([1, 1])
    assert np.isnan(holm(np.array([np.nan]))).all()
