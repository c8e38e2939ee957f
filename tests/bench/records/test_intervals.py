"""Intervals of stored runs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.errors import UserError
from bench.metrics.bootstrap import NAMES
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.records.intervals import sample_of
from bench.records.record import Record
from bench.records.store import SCORES, RecordStore, Scores
from made_records import made_cell, made_record, store_made
from plain_crossed import crossed
from plain_resamples import drawn_images
from stored_intervals import interval


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return tmp_path / "work"


def stored(results: Path, *seeds: int) -> tuple[RecordStore, list[Record]]:
    cells = [made_cell(seed=seed) for seed in seeds]
    store = store_made(results, *cells)
    return store, [store.find(cell.run_id()) for cell in cells]


@pytest.mark.parametrize("name", NAMES)
def test_interval_of_the_mean_over_seeds(name: str, tmp_path: Path) -> None:
    store, records = stored(tmp_path, 0, 1, 2)
    found = interval(store, records, name, resamples=200, seed=9)
    runs = [store.scores(record) for record in records]
    values = [
        [
            evaluate(run.logits[chosen], run.labels[chosen], PROTOCOLS["bench"]).value(name)
            for chosen in (drawn_images(40, 9, row) for row in range(201))
        ]
        for run in runs
    ]
    assert found == pytest.approx(crossed(values)[:3])
    assert found.low < found.value < found.high
    one = interval(store, records[:1], name, resamples=200, seed=9)
    value, low, high = crossed(values[:1])[:3]
    assert one == pytest.approx((value, max(0.0, low), min(1.0, high)))
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
