"""What `import bench` offers: the command line's work from a plain script, with data frames."""

import inspect
import io
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import bench
from bench.experiment.matrix import MatrixSpec
from bench.experiment.schedule import Schedule
from bench.metrics.evaluate import METRICS
from bench.records.store import RECORD, RecordStore
from bench_command import ADD_GCN, TINY, own_environment
from bench_command import bench as command
from made_records import failed_record, made_cell, store_made
from places import ROOT
from trees import write_picture, write_voc

# As many pictures as make the check of files start processes.
MANY = 256

SCRIPT = """
import bench

runs = bench.run_matrix(
    "own.yaml", ["resnet", "ml-gcn"], seeds=[0, 1], device="cpu", limit_train=16, limit_eval=8,
    settings=dict(backbone="timm/test_byobnet", weights="none", image_size=64, epochs=1, batch_size=4),
)
print(len(runs), sorted(set(runs.status)), runs.method.tolist())
print(len(bench.table("own")), len(bench.compare_methods("resnet", "ml-gcn", "own")))
print(bench.load_model(runs.run[1]).probabilities("images/0.jpg").shape)
"""


def write_own(folder: Path) -> None:
    """A data set of one's own with many small pictures."""
    (folder / "images").mkdir()
    lines = ["image,labels"]
    for number in range(MANY):
        write_picture(folder / "images" / f"{number}.jpg", number, (20, 16))
        lines.append(f"{number}.jpg,{'cat' if number % 2 else 'dog|cat'}")
    (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    (folder / "own.yaml").write_text("name: own\ncsv: {images: images}\nsplits: {train: 0.6}\n")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["a script", "typed in"])
def test_it_works_without_a_main_guard(how: str, tmp_path: Path) -> None:
    """As a script, and typed in as a notebook's cells are, where there is no file to import again."""
    write_own(tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *(["script.py"] if how == "a script" else ["-"])],
        input="" if how == "a script" else SCRIPT,
        cwd=tmp_path,
        env={**own_environment(tmp_path, tmp_path), "BENCH_DATA_ROOT": ""},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    *_, runs, rows, scores = done.stdout.splitlines()
    assert runs == "5 ['finished'] ['prior', 'resnet', 'resnet', 'ml-gcn', 'ml-gcn']"
    # Of a comparison: three metrics, both classes, and the thirds of two classes.
    assert (rows, scores) == ("3 7", "(1, 2)")
    assert "Traceback" not in done.stderr


def test_the_offer_is_documented_and_typed() -> None:
    for name in bench.__all__:
        assert name in dir(bench)
        assert name == "__version__" or getattr(bench, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'run_matrx'"):
        bench.run_matrx  # noqa: B018


def test_a_matrix_takes_what_the_command_takes() -> None:
    taken = set(inspect.signature(bench.run_matrix).parameters)
    elsewhere = {"nodes", "launcher", "jobs", "slurm", "dry_run"}  # of a terminal or a cluster
    fields = set(Schedule.model_fields) | {"set"}  # as settings
    assert set(MatrixSpec.model_fields) - fields - elsewhere <= taken
    assert 'settings={"epochs": 5, ' in (bench.run_matrix.__doc__ or "")
    with pytest.raises(bench.UserError, match=r"'split' is 'validatoin'.*did you mean 'validation'"):
        bench.run_matrix("scenes", split="validatoin")  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_matrix_on_a_validation_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_voc(tmp_path / "data", train=40, test=4)
    settings = {"backbone": "timm/test_byobnet", "weights": "none", "image_size": 64, "epochs": 1}
    results = tmp_path / "results"
    runs = bench.run_matrix(
        "voc2007", "resnet", settings=settings, split="validation", device="cpu", results=results, quiet=True,
        data_root=tmp_path / "data",
    )  # fmt: skip
    assert runs.status.tolist() == ["finished", "finished"]
    assert {RecordStore(results).find(run).cell.split for run in runs.run} == {"validation"}


def test_records_come_as_a_frame(tmp_path: Path) -> None:
    store = store_made(
        tmp_path, made_cell("salgl"), made_cell("prior"), made_cell("resnet", 3), made_cell("resnet")
    )
    store.save(failed_record(made_cell("ml-gcn/tau=0.5")), None)
    damaged = made_cell("add-gcn")
    store_made(tmp_path, damaged)
    (store.folder / damaged.run_id() / RECORD).write_text("{")
    frame = bench.load_records(tmp_path)
    assert frame.method.tolist() == ["prior", "resnet", "resnet", "ml-gcn/tau=0.5", "salgl", ""]
    assert frame.seed.tolist()[:5] == [0, 0, 3, 0, 0] and pd.isna(frame.seed[5])
    assert frame.status.tolist() == ["finished"] * 3 + ["failed", "finished", "damaged"]
    assert frame.detail[3] == "the loss is nan" and RECORD in frame.detail[5]
    record = store.find(frame.run[4])
    assert record.metrics and {name: frame[name][4] for name in METRICS} == {
        name: 100 * record.metrics.value(name) for name in METRICS
    }
    assert math.isnan(frame.mAP[3]) and frame.conditions.nunique() == 2
    assert bench.load_records(tmp_path, method="ml-gcn").method.tolist() == ["ml-gcn/tau=0.5"]
    assert len(bench.load_records(tmp_path, data="voc2007", status="finished")) == 4
    with pytest.raises(bench.UserError, match=r"Unknown method .* 'salg'\. Did you mean 'salgl'"):
        bench.load_records(tmp_path, method="salg")
    empty = bench.load_records(tmp_path / "nothing")
    assert len(empty) == 0 and list(empty.columns) == list(frame.columns)


@pytest.mark.parametrize("name", ["context", "add-gcn-table1"])
def test_a_table_over_all_conditions_takes_none(name: str, tmp_path: Path) -> None:
    store_made(tmp_path, made_cell("resnet"))
    bench.table(name, tmp_path)
    with pytest.raises(bench.UserError, match=f"The table {name} is over runs under any conditions"):
        bench.table(name, tmp_path, conditions=made_cell("resnet").conditions())


def test_a_comparison_is_that_of_the_command(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell("resnet"), made_cell("salgl"))
    with pytest.raises(bench.UserError, match="0 resamples tell no interval: take 100 or more"):
        bench.compare_methods("resnet", "salgl", "voc2007", tmp_path / "results", resamples=0)
    frame = bench.compare_methods("resnet", "salgl", "voc2007", tmp_path / "results", resamples=200)
    asked = ("compare", "resnet", "salgl", "--data", "voc2007", "--resamples", "200", "--format", "csv")
    printed = pd.read_csv(io.StringIO(command(tmp_path, None, *asked).stdout))
    assert frame.name.tolist() == printed.name.tolist()
    np.testing.assert_allclose(frame.difference, printed.difference, atol=1e-6)


@pytest.mark.slow
def test_a_model_scores_files_pictures_and_arrays_as_its_run_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devkit = write_voc(tmp_path / "data", train=8, test=6)
    trained = ("run", *TINY, "--methods", ADD_GCN, "--epochs", "1", "--eval-image-size", "96")
    assert command(tmp_path, tmp_path / "data", *trained).exit_code == 0
    store = RecordStore(tmp_path / "results")
    record = store.find("voc2007-add-gcn")
    scores = store.scores(record)
    paths = [devkit / "JPEGImages" / f"{image}.jpg" for image in scores.ids]
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    model = bench.load_model(record.run_id, device="cpu")
    assert model.classes == record.data.classes
    np.testing.assert_allclose(model.logits(paths), scores.logits, rtol=0, atol=1e-5)
    pictures = [Image.open(path) for path in paths]
    arrays = [np.asarray(picture) for picture in pictures]
    expected = model.logits(paths[0], batch_size=1)
    assert expected.shape == (1, 20)
    for one in (str(paths[0]), pictures[0], arrays[0]):
        np.testing.assert_allclose(model.logits(one), expected, rtol=0, atol=1e-5)
    mixed = model.logits([paths[0], pictures[1], arrays[2]], batch_size=2)
    np.testing.assert_allclose(mixed, scores.logits[:3], rtol=0, atol=1e-5)
    np.testing.assert_allclose(model.probabilities(arrays), 1 / (1 + np.exp(-scores.logits)), atol=1e-6)
    assert model.logits([]).shape == (0, 20)
    grey = model.logits(np.full((30, 40), 90, np.uint8))
    np.testing.assert_allclose(grey, model.logits(np.full((30, 40, 3), 90, np.uint8)), atol=1e-6)
    file = tmp_path / "work" / "runs" / record.run_id / "model.safetensors"
    np.testing.assert_array_equal(bench.load_model(file, "cpu").logits(paths[0]), expected)

    (tmp_path / "broken.jpg").write_bytes(paths[0].read_bytes()[:200])
    for wrong, message in (
        (tmp_path / "broken.jpg", "broken.jpg cannot be read"),
        (tmp_path / "none.jpg", "none.jpg cannot be read"),
        (np.zeros((4, 4)), r"An array of float64, \(4, 4\), is no picture"),
        (np.zeros((3, 8, 8), np.uint8), r"\(3, 8, 8\), is no picture"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\), is no picture"),
    ):
        with pytest.raises(bench.UserError, match=message):
            model.logits(wrong)
    for name, message in (
        ("voc2007-resnt", "Unknown model or run"),
        ("nothing.safetensors", "does not exist"),
    ):
        with pytest.raises(bench.UserError, match=message):
            bench.load_model(name)


def test_import_is_light() -> None:
    heavy = {"torch", "numpy", "pandas", "rich", "yaml"}
    code = f"import bench, sys; bench.run_matrix; print({heavy} & {{*sys.modules}})"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout == "set()\n"
