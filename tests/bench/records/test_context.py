"""mAP in and out of context of stored runs: means over seeds, intervals, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import UserError
from bench.experiment.cell import CellSpec
from bench.metrics.context import replicate_context
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.records import context as records_context
from bench.records.context import by_companions, by_splits
from bench.records.intervals import RESAMPLES
from bench.records.record import Record
from bench.records.store import SCORES, RecordStore
from made_comparison import CLASSES, made, put
from made_records import made_cell
from plain_crossed import crossed
from stored_intervals import interval


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))


def stored(folder: Path, *runs: tuple[CellSpec, dict[str, Any]]) -> tuple[RecordStore, list[Record]]:
    store = RecordStore(folder / "results")
    return store, [store.find(put(folder, cell, made(**how))) for cell, how in runs]


def seeds(folder: Path, data: str = "voc2007", **how: Any) -> tuple[RecordStore, list[Record]]:
    return stored(
        folder, *((made_cell("resnet", seed, data), {"seed": seed + 1, **how}) for seed in range(2))
    )


def test_values_are_those_of_the_scores_of_each_seed(tmp_path: Path) -> None:
    store, records = seeds(tmp_path)
    found = by_companions(store, records)
    assert found.replicates.shape == (2, RESAMPLES + 1, 2)
    for (inside, outside, gap), record in zip(found.values(), records, strict=True):
        scores = store.scores(record)
        expected = replicate_context(scores.logits, scores.labels, record.cell.protocol, 0, 0)[0]
        assert [inside, outside] == pytest.approx(expected.tolist())
        assert gap == pytest.approx(inside - outside)


def test_intervals_are_of_the_mean_over_seeds_and_the_gap_is_paired(tmp_path: Path) -> None:
    store, records = seeds(tmp_path)
    found = by_companions(store, records)
    assert [one.value for one in found.intervals()] == pytest.approx(found.values().mean(axis=0).tolist())
    sides = {**dict(enumerate(np.moveaxis(found.replicates, -1, 0))), 2: found.replicates @ [1, -1]}
    for column, one in enumerate(found.intervals()):
        assert one == pytest.approx(crossed(sides[column].tolist())[:3])
        assert one.low < one.value < one.high
    inside, outside, gap = (one.high - one.low for one in found.intervals())
    # The two sides share their negatives, so what moves one moves the other: apart they would add up.
    assert gap < np.hypot(inside, outside)


def test_it_is_measured_once_and_again_where_what_is_kept_is_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, records = seeds(tmp_path)
    first = by_companions(store, records).replicates
    measured = []

    def count(*arguments: Any) -> Any:
        measured.append(1)
        return replicate_context(*arguments)

    monkeypatch.setattr(records_context, "replicate_context", count)
    assert (by_companions(store, records).replicates == first).all() and not measured
    for file in (tmp_path / "work" / "bootstrap").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert (by_companions(store, records).replicates == first).all() and len(measured) == 2


def test_the_protocol_is_that_of_the_record(tmp_path: Path) -> None:
    store, (record, *_) = seeds(tmp_path)
    other = record.model_copy(
        update={"cell": record.cell.model_copy(update={"protocol": PROTOCOLS["ssgrl"]})}
    )
    one, another = (by_companions(store, [run]).values() for run in (record, other))
    assert (one != another).all()


def test_the_order_of_the_images_changes_nothing(tmp_path: Path) -> None:
    store, records = seeds(tmp_path)
    scores = store.scores(records[0])
    turned = replace(
        scores, ids=scores.ids[::-1], logits=scores.logits[::-1].copy(), labels=scores.labels[::-1].copy()
    )
    first = by_companions(store, records[:1]).replicates
    assert (by_companions(store, [store.save(records[0], turned)]).replicates == first).all()


def test_runs_on_other_images_are_not_averaged(tmp_path: Path) -> None:
    store, records = stored(
        tmp_path, (made_cell("resnet", 0), {"images": 300}), (made_cell("resnet", 1), {"images": 200})
    )
    with pytest.raises(UserError, match="do not share their test images"):
        by_companions(store, records)


def test_scores_that_are_not_its_own_are_refused(tmp_path: Path) -> None:
    store, records = seeds(tmp_path)
    (store.folder / records[1].run_id / SCORES).unlink()
    with pytest.raises(UserError, match="are not those that the record was written with"):
        by_companions(store, records)


def test_two_splits_are_compared_by_their_map(tmp_path: Path) -> None:
    store, inside = seeds(tmp_path, "scenes-alike", noise=1.0)
    _, outside = seeds(tmp_path, "scenes-reversed", noise=2.0)
    found = by_splits(store, inside, outside)
    maps = []
    for side in (inside, outside):
        scores = [store.scores(record) for record in side]
        maps.append([evaluate(one.logits, one.labels, PROTOCOLS["bench"]).mAP for one in scores])
    assert found.values()[:, :2] == pytest.approx(np.array(maps).T)
    assert (found.values()[:, 2] > 0.05).all()
    assert found.intervals()[0] == interval(store, inside, "mAP")
    # Nothing pairs the images of the two: what is uncertain of one adds to what is of the other.
    images = by_splits(store, inside[:1], outside[:1]).intervals()
    widths = [one.high - one.low for one in images]
    assert widths[2] == pytest.approx(np.hypot(widths[0], widths[1]), rel=0.15)


def test_where_no_class_can_be_measured_there_is_no_number(tmp_path: Path) -> None:
    assert len(CLASSES) == 7
    store, records = stored(tmp_path, (made_cell(), {"images": 12}))
    found = by_companions(store, records)
    assert np.isnan(found.values()).all()
    assert all(np.isnan(one).all() for one in found.intervals())
