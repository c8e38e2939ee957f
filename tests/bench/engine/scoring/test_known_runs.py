"""C-Tran told labels at the end of a run: what is stored, the table of it, and the same of a stored model."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.metrics.evaluate import evaluate
from bench.metrics.known import PERCENTS, evaluate_unknown, known_labels
from bench.metrics.protocol import PROTOCOLS
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from trees import write_voc

pytestmark = pytest.mark.slow

SMALL = "c-tran/layers=1/feedforward=32"
BLIND = f"{SMALL}/known=0.0"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("known")
    write_voc(root / "data", train=20, test=12)
    methods = f"{SMALL},{BLIND},resnet"
    done = bench(root, root / "data", "run", "--methods", methods, "--epochs", "1", "--seeds", "0,1", *TINY)
    assert done.exit_code == 0, done.output
    return root


def records(results: Path) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in RecordStore(results).all():
        assert isinstance(record, Record), record
        found.setdefault(record.cell.method.label(), []).append(record)
    return found


def test_a_run_keeps_scores_and_metrics_of_each_share(folder: Path) -> None:
    store = RecordStore(folder / "results")
    for label, several in records(folder / "results").items():
        for record in several:
            scores = store.scores(record)
            if label != SMALL:
                assert record.known == () and scores.known is None
                continue
            assert tuple(one.percent for one in record.known) == PERCENTS and scores.known is not None
            assert scores.known.shape == (len(PERCENTS), *scores.logits.shape)
            for one, logits in zip(record.known, scores.known, strict=True):
                assert not np.array_equal(logits, scores.logits), "what is known changes what is scored"
                known = known_labels(list(scores.ids), scores.labels, one.percent)
                expected = evaluate_unknown(logits, scores.labels, known, record.cell.protocol)
                assert one.metrics == expected is not None


def test_the_table_tells_methods_that_were_told_from_those_that_were_not(folder: Path) -> None:
    printed = bench(folder, None, "tables", "known")
    assert printed.exit_code == 0, printed.output
    frame = pd.read_csv(folder / "results" / "tables" / "known.csv")
    assert frame["told"].str.startswith("told the labels").tolist() == [True, False, False, False]
    assert frame["method"][0].startswith("C-Tran") and frame["seeds"][0] == 2
    store = RecordStore(folder / "results")
    for label, row in ((SMALL, 0), ("resnet", 2)):
        several = records(folder / "results")[label]
        for percent in (0, *PERCENTS):
            values = []
            for record in several:
                scores = store.scores(record)
                told = {one.percent: one.metrics for one in record.known}.get(percent)
                known = known_labels(list(scores.ids), scores.labels, percent)
                told = told or evaluate(scores.logits, scores.labels, record.cell.protocol, known)
                values.append(100 * told.mAP)
            mean = frame[f"mAP {percent} %"][row]
            assert mean == pytest.approx(np.mean(values), abs=1e-6), (label, percent)
            assert frame[f"mAP {percent} % low"][row] <= mean <= frame[f"mAP {percent} % high"][row]
    assert "drawn from its id" in printed.stdout and "| Label frequency" in printed.stdout
    assert "known.md" in {path.name for path in (folder / "results" / "tables").iterdir()}
    everything = bench(folder, None, "tables")
    assert everything.exit_code == 0 and (folder / "results" / "tables" / "index.md").read_text().count(
        "known.md"
    ), everything.output


def test_another_protocol_measures_them_anew(folder: Path) -> None:
    done = bench(folder, None, "tables", "known", "--protocol", "ssgrl", "--out", "other")
    assert done.exit_code == 0, done.output
    frame = pd.read_csv(folder / "other" / "known-ssgrl.csv")
    store = RecordStore(folder / "results")
    values = []
    for record in records(folder / "results")[SMALL]:
        scores = store.scores(record)
        assert scores.known is not None
        known = known_labels(list(scores.ids), scores.labels, 75)
        values.append(evaluate(scores.known[-1], scores.labels, PROTOCOLS["ssgrl"], known).mAP)
    assert frame["mAP 75 %"][0] == pytest.approx(100 * np.mean(values), abs=1e-6)


def test_a_stored_model_is_told_the_same_labels(folder: Path) -> None:
    record = records(folder / "results")[SMALL][0]
    model = folder / "work" / "runs" / record.run_id / "model.safetensors"
    asked = ("evaluate", "--checkpoint", str(model), "--data", "voc2007", "--device", "cpu")
    done = bench(
        folder, folder / "data", *asked, "--known", "50", "--batch-size", "4", "--scores", "told.npz"
    )
    assert done.exit_code == 0 and "known: 50 % of the labels" in done.output, done.output
    scores = RecordStore(folder / "results").scores(record)
    assert scores.known is not None
    with np.load(folder / "told.npz") as stored:
        np.testing.assert_allclose(stored["logits"], scores.known[1], rtol=1e-4, atol=1e-5)
    assert record.known[1].metrics is not None
    assert f"{100 * record.known[1].metrics.mAP:.2f}" in done.output
    shown = bench(folder, None, "show", record.run_id)
    assert "mAP with 50 % of the labels known" in shown.stdout


@pytest.mark.parametrize("label", [BLIND, "resnet"])
def test_a_method_that_cannot_be_told_says_so(folder: Path, label: str) -> None:
    record = records(folder / "results")[label][0]
    model = folder / "work" / "runs" / record.run_id / "model.safetensors"
    refused = bench(
        folder, folder / "data", "evaluate", "--checkpoint", str(model), "--data", "voc2007", "--known", "25"
    )
    assert refused.exit_code == 2, refused.output
    assert f"{label} cannot be told labels: leave out --known, or use a method that can, c-tran." in (
        refused.output
    )


def test_without_such_a_run_there_is_no_table(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=6)
    done = bench(tmp_path, tmp_path / "data", "run", "--methods", "resnet", "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    refused = bench(tmp_path, None, "tables", "known")
    assert refused.exit_code == 2 and "was told labels" in refused.output
    assert "--methods c-tran --data scenes" in refused.output
    assert bench(tmp_path, None, "tables").exit_code == 0
    assert not (tmp_path / "results" / "tables" / "known.md").exists()


@pytest.mark.parametrize("change", ["metrics", "shares"])
def test_what_its_scores_do_not_give_is_left_out(folder: Path, tmp_path: Path, change: str) -> None:
    shutil.copytree(folder / "results", tmp_path / "results")
    file = next((tmp_path / "results" / "runs").glob(f"*c-tran-s0-*{records_key(folder)}/record.json"))
    record = json.loads(file.read_text())
    if change == "metrics":
        record["known"][1]["metrics"]["mAP"] = 0.99
    else:
        del record["known"][1]
    file.write_text(json.dumps(record))
    printed = bench(tmp_path, None, "tables", "voc2007").stdout
    if change == "metrics":
        assert "its mAP with 50 % of the labels known is 99.00, and its scores give" in printed
    else:
        assert "known is (3, 12, 20), for 2 shares of logits (12, 20)" in printed


def records_key(folder: Path) -> str:
    return records(folder / "results")[SMALL][0].cell.key()


def test_stored_features_are_told_labels_too_and_a_validation_split_is_not(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=20, test=6)
    frozen = ("--set", "trained_backbone=none", "--set", "crop=none", "--epochs", "1")
    for results, more in (("test", ()), ("validation", ("--split", "validation"))):
        done = bench(
            tmp_path,
            tmp_path / "data",
            *("run", "--methods", SMALL, "--results", results),
            *frozen,
            *more,
            *TINY,
        )
        assert done.exit_code == 0, done.output
    (told,), (untold,) = (records(tmp_path / results)[SMALL] for results in ("test", "validation"))
    assert len(told.known) == 3 and untold.known == ()
