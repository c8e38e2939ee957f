"""An exponential average of the weights beside them: both are measured, and neither moves the other."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.records.record import Record
from bench.records.store import RecordStore, Scores
from bench_command import SALGL, TINY, bench
from trees import write_voc

pytestmark = pytest.mark.slow

SETTINGS = {
    "neither": ("--set", "ema_beside=null"),
    "reported": ("--set", "ema_beside=null", "--set", "ema_decay=0.5"),
    "beside": ("--set", "ema_beside=0.5"),
}
Stored = dict[str, tuple[Record, Scores]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where SALGL, which has dropout and a memory that is averaged too, was trained in each way."""
    root = tmp_path_factory.mktemp("average")
    write_voc(root / "data", train=20, test=8)
    for name, settings in SETTINGS.items():
        arguments = ("run", "--methods", SALGL, "--epochs", "2", "--results", name, *settings, *TINY)
        done = bench(root, root / "data", *arguments)
        assert done.exit_code == 0, done.output
    return root


@pytest.fixture(scope="module")
def stored(folder: Path) -> Stored:
    found = {}
    for name in SETTINGS:
        store = RecordStore(folder / name)
        (record,) = (one for one in store.all() if isinstance(one, Record) and one.history)
        found[name] = record, store.scores(record)
    return found


def test_what_is_reported_is_the_same_with_an_average_beside(stored: Stored) -> None:
    (plain, plain_scores), (beside, scores) = stored["neither"], stored["beside"]
    assert beside.metrics == plain.metrics and plain.averaged is None and plain_scores.averaged is None
    np.testing.assert_array_equal(scores.logits, plain_scores.logits)


def test_the_average_beside_is_the_one_that_would_be_reported(stored: Stored) -> None:
    (reported, reported_scores), (beside, scores) = stored["reported"], stored["beside"]
    assert scores.averaged is not None
    np.testing.assert_array_equal(scores.averaged, reported_scores.logits)
    assert beside.averaged == reported.metrics != beside.metrics


def test_a_table_has_a_column_of_it_under_any_protocol(folder: Path, stored: Stored) -> None:
    printed = bench(folder, None, "tables", "--results", "beside", "voc2007").stdout
    record, scores = stored["beside"]
    assert record.averaged is not None and scores.averaged is not None
    head = next(line for line in printed.splitlines() if line.startswith("| Method"))
    row = next(line for line in printed.splitlines() if line.startswith("| SALGL"))
    assert head.split("|")[-2].strip() == "mAP, EMA"
    assert row.split("|")[-2].strip() == f"{100 * record.averaged.mAP:.1f}"
    assert "EMA: decay 0.5, measured beside" in printed
    assert "mAP, EMA" not in bench(folder, None, "tables", "--results", "neither", "voc2007").stdout
    show = bench(folder, None, "show", record.run_id, "--results", "beside")
    assert f"average of the weights: {100 * record.averaged.mAP:.2f}" in show.stdout

    again = bench(folder, None, "tables", "--results", "beside", "--protocol", "ssgrl", "voc2007").stdout
    expected = evaluate(scores.averaged, scores.labels, PROTOCOLS["ssgrl"]).mAP
    row = next(line for line in again.splitlines() if line.startswith("| SALGL"))
    assert row.split("|")[-2].strip() == f"{100 * expected:.1f}"


def test_it_is_left_out_of_tables_where_its_scores_do_not_give_it(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "beside", tmp_path / "results")
    (file,) = (tmp_path / "results" / "runs").glob("*salgl*/record.json")
    record = json.loads(file.read_text())
    record["averaged"]["mAP"] = 0.99
    file.write_text(json.dumps(record))
    printed = bench(tmp_path, None, "tables", "voc2007").stdout
    assert "its mAP of the averaged weights is 99.00, and its scores give" in printed


def test_one_average_is_either_beside_the_weights_or_in_their_place(tmp_path: Path) -> None:
    asked = ("--set", "ema_beside=0.5", "--set", "ema_decay=0.5")
    done = bench(tmp_path, None, "run", *asked, "--dry-run", *TINY)
    assert done.exit_code == 2 and "leave one out" in done.output, done.output


BOTH = ("--set", "ema_beside=null", "--set", "select=best", "--set", "select_on=test", "--set", "lr=0.01")
AVERAGED = ("--set", "ema_decay=0.9")


def trained_as(root: Path, name: str, *settings: str) -> tuple[Record, Scores]:
    arguments = ("--methods", "resnet", "--epochs", "4", "--results", name, *BOTH, *settings, *TINY)
    done = bench(root, root / "data", "run", *arguments)
    assert done.exit_code == 0, done.output
    (record,) = (one for one in RecordStore(root / name).all() if isinstance(one, Record) and one.history)
    return record, RecordStore(root / name).scores(record)


def test_of_weights_and_average_each_epoch_counts_the_better(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=20, test=8)
    weights, of_weights = trained_as(tmp_path, "weights")
    average, of_average = trained_as(tmp_path, "average", *AVERAGED)
    either, scores = trained_as(tmp_path, "either", *AVERAGED, "--set", "ema_or_weights=true")
    alone = [[epoch.metrics.mAP for epoch in one.history if epoch.metrics] for one in (weights, average)]
    better = [max(pair) for pair in zip(*alone, strict=True)]
    assert better not in alone, "each of both is the better one in some epoch"
    assert [epoch.metrics.mAP for epoch in either.history if epoch.metrics] == better
    best = either.selected_epoch
    assert best == better.index(max(better)) and either.metrics is not None
    assert either.metrics.mAP == max(better)
    # What is stored is what was better in the epoch that is reported.
    expected = of_weights if weights.metrics and weights.metrics.mAP == max(better) else of_average
    np.testing.assert_allclose(scores.logits, expected.logits, rtol=1e-4, atol=1e-5)
    model = tmp_path / "work" / "runs" / either.run_id / "model.safetensors"
    asked = ("--checkpoint", str(model), "--data", "voc2007", "--device", "cpu", "--scores", "found.npz")
    assert bench(tmp_path, tmp_path / "data", "evaluate", *asked).exit_code == 0
    with np.load(tmp_path / "found.npz") as found:
        np.testing.assert_allclose(found["logits"], scores.logits, rtol=1e-4, atol=1e-5)
