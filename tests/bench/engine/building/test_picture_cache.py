"""A run with `picture_cache` in its configuration file is fed, and scores, what it is without."""

from pathlib import Path

import numpy as np
import pytest

from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from trees import write_voc

RUN = ("run", "--methods", "resnet", "--epochs", "2", *TINY)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_voc(root, train=8, test=5)
    return root


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    return run(tmp_path_factory.mktemp("without"), data)


@pytest.fixture(scope="module")
def with_cache(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    folder = tmp_path_factory.mktemp("with")
    (folder / ".bench.yaml").write_text("picture_cache: 1\n")
    return run(folder, data)


def run(folder: Path, data: Path, *more: str) -> Path:
    done = bench(folder, data, *RUN, *more)
    assert done.exit_code == 0, done.output
    return folder


def record_in(folder: Path) -> tuple[Record, RecordStore]:
    store = RecordStore(folder / "results")
    records = [record for record in store.all() if isinstance(record, Record)]
    (record,) = (record for record in records if record.cell.method.name == "resnet")
    assert record.status == "finished"
    return record, store


def pictures(folder: Path) -> set[Path]:
    return {path for path in (folder / "work" / "pictures").rglob("*") if path.is_file()}


def assert_the_same(folder: Path, other: Path) -> None:
    (ours, our_store), (theirs, their_store) = record_in(folder), record_in(other)
    assert [epoch.feed for epoch in ours.history] == [epoch.feed for epoch in theirs.history]
    assert ours.eval_feed == theirs.eval_feed is not None
    assert [epoch.loss for epoch in ours.history] == [epoch.loss for epoch in theirs.history]
    assert ours.run_id == theirs.run_id and ours.metrics == theirs.metrics
    np.testing.assert_array_equal(our_store.scores(ours).logits, their_store.scores(theirs).logits)


def test_feed_and_scores_are_the_same(without: Path, with_cache: Path) -> None:
    assert_the_same(with_cache, without)
    assert not pictures(without) and len(pictures(with_cache)) == 8 + 5


def test_a_second_run_and_loading_processes_find_the_pictures(
    without: Path, with_cache: Path, data: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in pictures(with_cache)}
    run(with_cache, data, "--overwrite", "always", "--workers", "2")
    assert_the_same(with_cache, without)
    assert {path: path.stat().st_mtime_ns for path in pictures(with_cache)} == before


def test_a_stored_model_is_evaluated_with_it(without: Path, with_cache: Path, data: Path) -> None:
    found = []
    for folder in (without, with_cache):
        model = folder / "work" / "runs" / record_in(folder)[0].run_id / "model.safetensors"
        arguments = ("--checkpoint", str(model), "--data", "voc2007", "--device", "cpu")
        found.append(bench(folder, data, "evaluate", *arguments, "--per-class"))
    assert all(done.exit_code == 0 for done in found), found[1].output
    metrics = [done.stdout[done.stdout.index("mAP") :] for done in found]
    assert metrics[0] == metrics[1]


def test_bench_clean_knows_it(with_cache: Path, data: Path) -> None:
    assert "pictures" in bench(with_cache, data, "clean").output
    done = bench(with_cache, data, "clean", "pictures", "--yes")
    assert done.exit_code == 0 and not pictures(with_cache), done.output
