"""Runs that are evaluated, or chosen, on a validation split: nothing of it reaches the training."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from bench.datasets.open import open_dataset
from bench.engine.building.build import label_space_of
from bench.engine.planning.plan import plan
from bench.experiment.matrix import load_matrix
from bench.labels import count_labels
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from trees import write_voc


def record_of(folder: Path, method: str) -> Record:
    found = [r for r in RecordStore(folder / "results").all() if isinstance(r, Record)]
    (one,) = [record for record in found if record.cell.method.name == method]
    return one


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_voc(tmp_path / "data", train=24, test=6)
    return tmp_path / "data"


def test_a_run_on_the_validation_split_never_opens_the_test_split(data: Path, tmp_path: Path) -> None:
    (data / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main" / "test.txt").unlink()
    done = bench(
        tmp_path, data, "run", "--methods", "resnet", "--split", "validation", "--epochs", "1", *TINY
    )
    assert done.exit_code == 0, done.output
    record = record_of(tmp_path, "resnet")
    assert record.cell.split == "validation"
    assert (record.data.train_images, record.data.eval_images) == (12, 12)
    val = open_dataset("voc2007", data, on="validation").eval
    assert tuple(RecordStore(tmp_path / "results").scores(record).ids) == val.ids


def test_tables_of_the_two_are_apart_and_say_which_is_which(data: Path, tmp_path: Path) -> None:
    for split in ("validation", "test"):
        asked = ("run", "--methods", "resnet", "--split", split, "--epochs", "1", *TINY)
        assert bench(tmp_path, data, *asked).exit_code == 0
    printed = bench(tmp_path, None, "tables", "voc2007").stdout
    assert "12 of 2,510 validation images" in printed and "6 of 4,952 test images" in printed
    assert "VALIDATION" in printed
    assert printed.count("| ResNet baseline") == 2 * 3, "a section each in the three tables"


def test_an_epoch_is_chosen_on_the_validation_split_and_the_test_split_measured_once(
    data: Path, tmp_path: Path
) -> None:
    asked = ("run", "--methods", "resnet", "--epochs", "3", *TINY, "--set", "select=best")
    assert bench(tmp_path, data, *asked, "--set", "evaluate_every=1").exit_code == 0
    record = record_of(tmp_path, "resnet")
    assert record.data.chosen_on_images == 12 and record.data.eval_images == 6
    scores = [epoch.metrics.mAP for epoch in record.history if epoch.metrics]
    assert record.selected_epoch == int(np.argmax(scores)), "by the scores of the validation split"
    assert record.metrics is not None and record.metrics.mAP not in scores
    assert "chosen on 12 validation images" in bench(tmp_path, None, "tables", "voc2007").stdout


def test_what_heads_are_told_of_the_labels_comes_from_what_is_trained_on(data: Path, tmp_path: Path) -> None:
    for how in ({"split": "validation"}, {"set": {"select": "best"}}):
        matrix = load_matrix(None, {"data": "voc2007", "methods": "ml-gcn", "data_root": data, **how})
        cell = next(cell for cell in plan(matrix) if cell.spec.method.name == "ml-gcn")
        space = label_space_of(cell)
        counts, cooccurrence = count_labels(open_dataset("voc2007", data, on="validation").train.labels)
        np.testing.assert_array_equal(space.counts, counts)
        np.testing.assert_array_equal(space.cooccurrence, cooccurrence)
        assert space.num_images == 12
        whole = load_matrix(None, {"data": "voc2007", "methods": "ml-gcn", "data_root": data})
        of_whole = label_space_of(next(c for c in plan(whole) if c.spec.method.name == "ml-gcn"))
        assert of_whole.num_images == 24 and not np.array_equal(of_whole.vectors, space.vectors)


def test_the_start_at_the_prior_and_the_components_come_from_it_too(data: Path, tmp_path: Path) -> None:
    asked = (
        *("run", "--methods", "resnet", "--schedule", "frozen", "--epochs", "1", *TINY),
        *("--set", "start_at_prior=true", "--set", "feature_channels=8", "--split", "validation"),
    )
    assert bench(tmp_path, data, *asked).exit_code == 0
    run = record_of(tmp_path, "resnet").run_id
    offset = load_file(tmp_path / "work" / "runs" / run / "model.safetensors")["offset"].numpy()
    labels = open_dataset("voc2007", data, on="validation").train.labels
    frequency = ((labels == 1).sum(axis=0) + 0.5) / (len(labels) + 1)
    np.testing.assert_allclose(offset, np.log(frequency / (1 - frequency)), rtol=1e-5)
