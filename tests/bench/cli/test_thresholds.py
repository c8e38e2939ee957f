"""`bench thresholds`: from trained models to what lies beside them, what is printed, drawn and tabled."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bench as library
from bench.errors import UserError
from bench.metrics.evaluate import measure
from bench.metrics.operating_point import OperatingPoint
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.records.thresholds import THRESHOLDS, thresholds_of
from bench.trained.held_out import score_held_out
from bench.trained.operating_point import read_operating_point, save_operating_point
from bench_command import TINY, bench
from made_records import failed_record, made_cell, store_made
from trees import write_voc

RUN = ("run", "--methods", "resnet", "--epochs", "1", *TINY)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_voc(root, train=24, test=6)
    return root


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A baseline trained whole, on the validation split, and with its epoch chosen there."""
    folder = tmp_path_factory.mktemp("trained")
    for more in ((), ("--split", "validation"), ("--set", "select=best")):
        done = bench(folder, data, *RUN, *more)
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy, for what is written there."""
    shutil.copytree(trained, tmp_path / "here")
    return tmp_path / "here"


def run_of(folder: Path, split: str = "test", select: str = "last", method: str = "resnet") -> Record:
    found = [record for record in RecordStore(folder / "results").all() if isinstance(record, Record)]
    (one,) = [
        r
        for r in found
        if (r.cell.split, r.cell.schedule.select, r.cell.method.name) == (split, select, method)
    ]
    return one


def model_of(folder: Path, record: Record) -> Path:
    return folder / "work" / "runs" / record.run_id / "model.safetensors"


def printed(output: str, start: str) -> list[float]:
    (line,) = (line for line in output.splitlines() if line.startswith(start))
    return [float(value) for value in line.split()[-6:]]


def test_it_lies_beside_the_model_and_the_record_with_what_it_changes(folder: Path) -> None:
    store, record, validation = RecordStore(folder / "results"), run_of(folder), run_of(folder, "validation")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = bench(folder, None, "thresholds", record.run_id, "--per-class")
    assert done.exit_code == 0, done.output
    assert f"fitted on 12 images: validation scores of {validation.run_id}" in done.output
    kept = thresholds_of(store, record)
    assert kept and kept.measured
    assert read_operating_point(model_of(folder, record)) == kept.point
    assert kept.point.classes == record.data.classes
    written = [store.file(record, THRESHOLDS), model_of(folder, record).with_suffix(".thresholds.json")]
    assert [line.split(": ")[1] for line in done.output.splitlines() if line.startswith("Written")] == [
        str(written[0].relative_to(folder)),
        str(written[1]),
    ]
    now = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert now == before | {path: path.read_bytes() for path in written}, "nothing else is touched"
    for start, values in (
        ("0.5, not calibrated", kept.measured.fixed),
        (f"{kept.point.overall:.3g} for all", kept.measured.overall),
        ("of each class", kept.measured.per_class),
    ):
        assert printed(done.output, start) == [round(100 * value, 2) for _, value in values]
    assert record.metrics and kept.measured.fixed.OF1 == record.metrics.OF1
    # Every class of so small a split has a threshold of its own, or is said to have none.
    lines = {line.split()[0]: line.split()[1] for line in done.output.splitlines() if line}
    for name, threshold in zip(kept.point.classes, kept.point.per_class, strict=True):
        assert lines[name] == {0.0: "always", 2.0: "never"}.get(threshold, f"{threshold:.3g}")


def test_another_target_takes_the_place_of_the_first(folder: Path) -> None:
    record = run_of(folder)
    for target in ("CF1", "precision=0.5"):
        done = bench(folder, None, "thresholds", record.run_id, "--for", target)
        assert done.exit_code == 0 and f"thresholds for {target}, fitted" in done.output
        point = read_operating_point(model_of(folder, record))
        assert point and point.target == target
    shown = bench(folder, None, "show", record.run_id)
    assert "thresholds for precision=0.5, fitted on 12 images" in shown.stdout
    assert printed(shown.stdout, "of each class") == printed(done.output, "of each class")
    whole = json.loads(bench(folder, None, "show", record.run_id, "--json").stdout)
    assert whole["thresholds"]["point"]["target"] == "precision=0.5" and whole["run_id"] == record.run_id
    assert bench(folder, None, "verify", record.run_id).exit_code == 0


def test_a_run_on_the_validation_split_says_on_what_it_is_measured(folder: Path) -> None:
    record = run_of(folder, "validation")
    done = bench(folder, None, "thresholds", record.run_id)
    assert done.exit_code == 0 and f"validation scores of {record.run_id}" in done.output
    assert "Measured on the validation images that were fitted on" in done.output
    kept = thresholds_of(RecordStore(folder / "results"), record)
    # The best single threshold cannot be worse than 0.5 where it was fitted.
    assert kept and kept.measured and kept.measured.overall.CF1 >= kept.measured.fixed.CF1


def test_the_split_that_an_epoch_was_chosen_on_is_scored_by_the_model(folder: Path, data: Path) -> None:
    record, validation = run_of(folder, select="best"), run_of(folder, "validation")
    refused = bench(folder, data, "thresholds", record.run_id, "--from", validation.run_id)
    assert refused.exit_code == 2 and "schedule select (best, last)" in refused.output
    done = bench(folder, data, "thresholds", record.run_id, "--device", "cpu")
    assert done.exit_code == 0, done.output
    assert f"12 images: validation split that the epoch of {record.run_id} was chosen on" in done.output
    found = score_held_out(record, model_of(folder, record), lambda name: lambda d, t: None, root=data)
    (epoch,) = record.history
    assert epoch.metrics == measure(found.logits, found.labels, record.cell.protocol)
    labels = RecordStore(folder / "results").scores(validation).labels
    np.testing.assert_array_equal(found.labels, labels)


def test_the_test_split_is_not_opened_for_it(folder: Path, data: Path, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "some")
    (tmp_path / "some" / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main" / "test.txt").unlink()
    record = run_of(folder, select="best")
    done = bench(folder, tmp_path / "some", "thresholds", record.run_id, "--device", "cpu")
    assert done.exit_code == 0, done.output


def test_other_data_and_a_model_that_is_gone_are_refused(folder: Path, tmp_path: Path) -> None:
    record = run_of(folder, select="best")
    write_voc(tmp_path / "other", train=40, test=6)
    done = bench(folder, tmp_path / "other", "thresholds", record.run_id, "--device", "cpu")
    assert done.exit_code == 2 and "is not the one with 12" in done.output
    model_of(folder, record).unlink()
    done = bench(folder, None, "thresholds", record.run_id)
    assert done.exit_code == 2 and "which has to score it, is not at" in done.output


def test_without_validation_scores_it_says_how_to_get_some(folder: Path, tmp_path: Path) -> None:
    record, validation = run_of(folder), run_of(folder, "validation")
    shutil.rmtree(folder / "results" / "runs" / validation.run_id)
    done = bench(folder, None, "thresholds", record.run_id)
    assert done.exit_code == 2
    assert "trained on its validation split too" in done.output and "--split validation" in done.output
    for asked, said in (
        ((record.run_id, "--for", "F1"), "cannot be fitted for 'F1': give CF1, OF1, or precision=P"),
        ((record.run_id, "--plot", "a.pdf"), "--plot a.pdf is neither a .png nor an .svg file"),
        (("nothing",), "No runs under results/runs begin or end with 'nothing'"),
        ((record.run_id, "--from", "nothing"), "No runs under results/runs begin or end with 'nothing'"),
        ((record.run_id, "--from", record.run_id), "is a run on the test split, on which nothing is fitted"),
    ):
        done = bench(folder, None, "thresholds", *asked)
        assert done.exit_code == 2 and said in done.output and "Traceback" not in done.output
    failed = failed_record(made_cell())
    RecordStore(tmp_path / "results").save(failed, None)
    done = bench(tmp_path, None, "thresholds", failed.run_id)
    assert done.exit_code == 2 and "did not finish, so it has no scores: the loss is nan" in done.output


def test_the_label_frequency_has_no_model_and_is_said_so(folder: Path) -> None:
    prior = run_of(folder, method="prior")
    done = bench(folder, None, "thresholds", prior.run_id)
    assert done.exit_code == 0 and "note: the model is not at" in done.output
    assert thresholds_of(RecordStore(folder / "results"), prior)


def test_a_model_that_is_trained_again_loses_them(folder: Path, data: Path) -> None:
    record = run_of(folder)
    assert bench(folder, None, "thresholds", record.run_id).exit_code == 0
    shutil.rmtree(folder / "results" / "runs" / record.run_id)
    assert bench(folder, data, *RUN).exit_code == 0
    assert read_operating_point(model_of(folder, record)) is None
    assert bench(folder, None, "thresholds", record.run_id).exit_code == 0
    beside = model_of(folder, record).with_suffix(".thresholds.json")
    assert beside.is_file() and bench(folder, None, "clean", "models", "--yes").exit_code == 0
    assert not beside.exists()


def test_what_lies_beside_a_model_is_checked(folder: Path) -> None:
    record = run_of(folder)
    model = model_of(folder, record)
    assert read_operating_point(model) is None
    point = {"temperature": 1.0, "overall": 0.5, "target": "CF1", "source": "made up", "images": 3}
    other = OperatingPoint(classes=("a", "b"), per_class=(0.5, 2.0), **point)
    with pytest.raises(UserError, match="other classes than those of"):
        save_operating_point(model, other)
    beside = model.with_suffix(".thresholds.json")
    beside.write_text(other.model_dump_json())
    with pytest.raises(UserError, match="other classes than those of"):
        read_operating_point(model)
    beside.write_text('{"format": 2}')
    with pytest.raises(UserError, match="is damaged"):
        read_operating_point(model)
    with pytest.raises(UserError, match="is damaged"):
        library.load_model(model)
    own = OperatingPoint(classes=record.data.classes, per_class=(0.3,) * 20, **point)
    assert save_operating_point(model, own) == beside and library.load_model(model).fitted == own


def test_the_reliability_diagram_has_the_same_bytes_each_time(folder: Path) -> None:
    record = run_of(folder)
    for name in ("a.png", "b.png", "a.svg", "b.svg"):
        done = bench(folder, None, "thresholds", record.run_id, "--plot", name)
        assert done.exit_code == 0 and f"Written: {name}" in done.output
    for ending in ("png", "svg"):
        assert (folder / f"a.{ending}").read_bytes() == (folder / f"b.{ending}").read_bytes()
    comments = re.findall(r"<!-- (.*?) -->", (folder / "a.svg").read_text("utf-8"), re.S)
    texts = {line for text in comments for line in text.splitlines()}
    assert "ResNet baseline, seed 0, voc2007, 6 test images, 20 classes" in texts
    kept = thresholds_of(RecordStore(folder / "results"), record)
    assert kept and kept.measured
    before, after = kept.measured.before, kept.measured.after
    assert f"as the model gives it: calibration error {100 * before.overall:.2f} %" in texts
    person = record.data.classes.index("person")
    errors = [100 * (one.per_class[person] or 0) for one in (before, after)]
    assert {"person", f"{errors[0]:.1f} → {errors[1]:.1f}"} <= texts


def test_the_table_across_methods(folder: Path) -> None:
    record, prior = run_of(folder), run_of(folder, method="prior")
    missing = bench(folder, None, "tables", "thresholds")
    assert missing.exit_code == 2 and "`bench thresholds RUN` fits them" in missing.output
    for run in (record, prior):
        assert bench(folder, None, "thresholds", run.run_id, "--for", "OF1").exit_code == 0
    done = bench(folder, None, "tables", "--format", "csv,md")
    assert done.exit_code == 0, done.output
    tables = folder / "results" / "tables"
    assert "(thresholds.md)" in (tables / "index.md").read_text("utf-8")
    frame = pd.read_csv(tables / "thresholds.csv").set_index("method")
    assert set(frame.target) == {"OF1"} and len(frame) == 2
    kept = thresholds_of(RecordStore(folder / "results"), record)
    assert kept and kept.measured
    row = frame.loc["ResNet baseline"]
    for title, values in (
        ("at 0.5", kept.measured.fixed),
        ("one for all", kept.measured.overall),
        ("per class", kept.measured.per_class),
    ):
        for metric in ("CF1", "OF1"):
            assert row[f"{metric} {title}"] == pytest.approx(100 * getattr(values, metric), abs=1e-6)
            assert row[f"{metric} {title} low"] <= row[f"{metric} {title} high"]
    assert row["ECE before"] == pytest.approx(100 * kept.measured.before.overall, abs=1e-6)
    assert row["ECE after"] == pytest.approx(100 * kept.measured.after.overall, abs=1e-6)
    RecordStore(folder / "results").file(prior, THRESHOLDS).write_text("{")
    done = bench(folder, None, "tables", "thresholds", "--format", "md")
    assert done.exit_code == 0 and f"thresholds left out: {prior.run_id}: " in done.output
    assert "no thresholds for OF1 were fitted for: Label frequency" in done.output


def test_other_tables_are_as_before(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell(), made_cell("salgl"), made_cell(split="validation"))
    assert bench(tmp_path, None, "tables", "--format", "csv").exit_code == 0
    tables = tmp_path / "results" / "tables"
    before = {path.name: path.read_bytes() for path in tables.iterdir()}
    run = made_cell(split="validation").run_id()
    assert bench(tmp_path, None, "thresholds", run).exit_code == 0
    assert bench(tmp_path, None, "tables", "--format", "csv").exit_code == 0
    after = {path.name: path.read_bytes() for path in tables.iterdir()}
    assert set(after) - set(before) == {"thresholds.csv"}
    assert [name for name in before if before[name] != after[name]] == ["index.md"]
