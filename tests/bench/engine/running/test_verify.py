"""`bench verify`: a record is what its scores give, and what its cell trains to again."""

import json
from pathlib import Path

import pytest
from PIL import Image

from bench.engine.planning.plan import plan
from bench.engine.running.verify import cell_of
from bench.errors import UserError
from bench.experiment.matrix import load_matrix
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import SALGL, TINY, bench
from made_records import made_cell, made_record, store_made
from trees import write_voc


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ran")
    write_voc(folder / "data", train=16, test=6)
    done = bench(folder, folder / "data", "run", "--methods", SALGL, "--epochs", "2", *TINY)
    assert done.exit_code == 0, done.output
    return folder


def run_of(folder: Path, method: str) -> Record:
    found = [one for one in RecordStore(folder / "results").all() if isinstance(one, Record)]
    return next(one for one in found if one.cell.method.name == method)


def test_metrics_are_computed_again(ran: Path) -> None:
    record = run_of(ran, "salgl")
    done = bench(ran, None, "verify", record.run_id)
    assert done.exit_code == 0 and "its metrics are those of its scores" in done.stdout


@pytest.mark.parametrize(
    ("option", "value"), [("--data", "x.yaml"), ("--data-root", "x"), ("--device", "cpu"), ("--workers", "0")]
)
def test_what_is_for_training_alone_is_refused_without_it(option: str, value: str, tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell("resnet"))
    done = bench(tmp_path, None, "verify", "voc2007-resnet", option, value)
    assert done.exit_code == 2 and f"{option} is for training the run again: give --train" in done.stderr


def test_a_record_with_a_field_that_has_no_effect_is_found_here(
    ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields without effect are refused where somebody gives them; older records may have some."""
    monkeypatch.setenv("BENCH_WORK", str(ran / "work"))
    record = run_of(ran, "salgl")
    schedule = record.cell.schedule.model_copy(update={"momentum": 0.5})
    cell = record.cell.model_copy(update={"schedule": schedule})
    older = record.model_copy(update={"cell": cell, "run_id": cell.run_id()})
    given = load_matrix(None, {"data": record.cell.data, "data_root": ran / "data"})
    found = cell_of(older, given, lambda name: lambda done, total: None)
    assert found.spec.schedule.momentum == 0.5 and found.spec.run_id() == older.run_id


def test_weights_that_come_with_the_harness_need_not_be_named_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_voc(tmp_path / "data", train=16, test=6)
    asked = {
        "methods": "resnet",
        "data": "voc2007",
        "data_root": tmp_path / "data",
        "schedule": "demo",
        "epochs": 1,
    }
    cell = plan(load_matrix(None, asked))[1].spec
    assert cell.schedule.weights == "scenes_objects.safetensors" and cell.weights_digest
    record, _ = made_record(cell)
    given = load_matrix(None, {"data": "voc2007", "data_root": tmp_path / "data"})
    assert cell_of(record, given, lambda name: lambda done, total: None).weights.name == "scenes-objects"
    other = cell.model_copy(update={"weights_digest": "0" * 64})
    with pytest.raises(UserError, match=r"The weights file scenes_objects\.safetensors does not exist"):
        cell_of(made_record(other)[0], given, lambda name: lambda done, total: None)


def test_a_run_that_was_measured_by_older_rules_is_found_and_measured_by_them(
    ran: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(ran / "work"))
    record = run_of(ran, "salgl")
    protocol = record.cell.protocol.model_copy(update={"difficult_in_pr": "negative", "threshold": 0.25})
    assert protocol != record.cell.protocol and protocol.name == record.cell.protocol.name
    cell = record.cell.model_copy(update={"protocol": protocol})
    older = record.model_copy(update={"cell": cell, "run_id": cell.run_id()})
    given = load_matrix(None, {"data": record.cell.data, "data_root": ran / "data"})
    found = cell_of(older, given, lambda name: lambda done, total: None)
    assert found.spec == cell and older.run_id != record.run_id


def test_a_run_that_is_trained_again_has_the_same_bits_and_keeps_its_model(ran: Path) -> None:
    record = run_of(ran, "salgl")
    model = ran / "work" / "runs" / record.run_id / "model.safetensors"
    before = model.stat().st_mtime_ns
    done = bench(ran, ran / "data", "verify", record.run_id, "--train", "--device", "cpu")
    assert done.exit_code == 0 and "trained again: the same bits" in done.stdout, done.output
    assert model.stat().st_mtime_ns == before
    (kept,) = RecordStore(ran / "results").verifications(record)
    assert kept.same_bits and kept.largest_difference == 0 and kept.map_before == kept.map_again
    assert run_of(ran, "salgl") == record, "the record stays as it is"
    assert bench(ran, ran / "data", "verify", run_of(ran, "prior").run_id, "--train").exit_code == 0


def test_a_record_that_was_edited_is_not_verified(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell("resnet"))
    (file,) = (tmp_path / "results" / "runs").glob("*/record.json")
    record = json.loads(file.read_text())
    record["metrics"]["mAP"] = 0.99
    file.write_text(json.dumps(record))
    done = bench(tmp_path, None, "verify", "voc2007-resnet")
    assert done.exit_code == 1 and "NOT VERIFIED: its mAP is 99.00" in done.stdout


def test_other_data_is_named(ran: Path, tmp_path: Path) -> None:
    devkit = write_voc(tmp_path / "data", train=16, test=6)
    Image.new("RGB", (48, 36)).save(devkit / "JPEGImages" / "000003.jpg")
    run = run_of(ran, "salgl").run_id
    done = bench(ran, tmp_path / "data", "verify", run, "--train", "--device", "cpu")
    assert done.exit_code == 2 and "it differs in: data fingerprint" in done.output, done.output


def test_a_run_of_another_version_is_refused(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell("resnet", recipe=2))
    done = bench(tmp_path, None, "verify", "voc2007-resnet", "--train")
    assert done.exit_code == 2 and "was made by recipe 2" in done.output


def test_what_was_kept_and_is_damaged_is_said(ran: Path) -> None:
    record = run_of(ran, "prior")
    (ran / "results" / "runs" / record.run_id / "verifications.json").write_text('{"verifications": 3}')
    done = bench(ran, ran / "data", "verify", record.run_id, "--train")
    assert done.exit_code == 2 and "verifications.json is damaged" in done.output
