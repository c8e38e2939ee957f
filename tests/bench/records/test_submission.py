"""The files for the VOC2012 evaluation server, from a run whose test labels are not here."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.classes import VOC_CLASSES
from bench.errors import UserError
from bench.experiment.start import InitFrom
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.records.submission import FOLDER, competition_of, file_name, validate_submission, write_submission
from bench_command import TINY, bench
from places import ROOT
from trees import write_voc

SERVER = tuple("voc2012-server" if word == "voc2007" else word for word in TINY)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run on voc2012-server, from random weights."""
    folder = tmp_path_factory.mktemp("server")
    devkit = write_voc(folder / "data", train=8, test=6)
    for number in range(9, 15):
        (devkit / "Annotations" / f"{number:06d}.xml").unlink()
    devkit.rename(devkit.with_name("VOC2012"))
    done = bench(folder, folder / "data", "run", "--methods", "resnet", "--epochs", "1", *SERVER)
    assert done.exit_code == 0, done.output
    return folder


def record_of(ran: Path) -> Record:
    store = RecordStore(ran / "results")
    return next(r for r in store.all() if isinstance(r, Record) and r.cell.method.name == "resnet")


def test_a_run_without_test_labels_has_scores_and_no_metrics(ran: Path) -> None:
    record = record_of(ran)
    assert record.status == "finished" and record.metrics is None and record.data.eval_labels == 0
    assert RecordStore(ran / "results").scores(record).logits.shape == (6, 20)
    shown = bench(ran, None, "show", record.run_id)
    assert shown.exit_code == 0 and "6 test images" in shown.output
    tables = bench(ran, None, "tables")
    assert tables.exit_code == 2 and "labels are held by the evaluation server" in tables.output


def test_one_file_per_class_with_every_image_and_its_score(ran: Path) -> None:
    done = bench(ran, None, "submission", record_of(ran).run_id, "--out", "sent")
    assert done.exit_code == 0 and "20 files of 6 images for comp1" in done.output, done.output
    scores = RecordStore(ran / "results").scores(record_of(ran))
    with tarfile.open(ran / "sent" / "results.tar.gz") as archive:
        names = {f"results/VOC2012/Main/comp1_cls_test_{name}.txt" for name in VOC_CLASSES}
        assert {member.name for member in archive} == names
        file = archive.extractfile("results/VOC2012/Main/comp1_cls_test_cat.txt")
        assert file is not None
        lines = [line.split() for line in file.read().decode().splitlines()]
    assert [image for image, _ in lines] == [f"{number:06d}" for number in range(9, 15)]
    written = np.array([float(score) for _, score in lines], dtype=np.float32)
    np.testing.assert_array_equal(written, scores.logits[:, VOC_CLASSES.index("cat")])


def test_weights_that_saw_other_images_make_it_another_competition(ran: Path) -> None:
    done = bench(ran, None, "submission", record_of(ran).run_id, "--out", "other", "--competition", "comp2")
    assert "for comp2" in done.output
    assert (ran / "other" / FOLDER / "comp2_cls_test_cat.txt").is_file()


def test_a_model_or_texts_that_were_learnt_from_make_it_another_competition(ran: Path) -> None:
    record = record_of(ran)
    start = InitFrom(
        file="coco.safetensors",
        sha256="0" * 64,
        method="resnet",
        parts="backbone",
        classes=0,
        data="coco2014",
    )
    assert record.cell.schedule.weights == "none" and competition_of(record) == "comp1"
    for field, value, competition in (
        ("init_from", start, "comp2"),
        ("vectors", "glove.840B.300d.txt:0123456789abcdef", "comp2"),
        ("vectors", "random:0123456789abcdef", "comp1"),
    ):
        cell = record.cell.model_copy(update={field: value})
        assert competition_of(record.model_copy(update={"cell": cell})) == competition


def test_scores_of_a_validation_split_are_refused(ran: Path, tmp_path: Path) -> None:
    record = record_of(ran)
    held = record.model_copy(update={"cell": record.cell.model_copy(update={"split": "validation"})})
    with pytest.raises(UserError, match="scored a validation split; the server takes the test list"):
        write_submission(held, RecordStore(ran / "results").scores(record), tmp_path / "sent", "comp1")
    assert not (tmp_path / "sent").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "has no .*comp1_cls_test_cat.txt; the server wants a file for every class"),
        ("a 0.5\na 0.25\nb 1\n", "line 2: 'a 0.25' is not a new image and its score"),
        ("a 0.5\nb nan\n", "line 2: 'b nan'"),
        ("a 0.5\nb\n", "line 2: 'b'"),
        ("a 0.5\n", "lacks image b; it must hold the 2 images"),
        ("a 0.5\nb 0.5\nc 0.5\n", "has image c"),
    ],
)
def test_what_the_server_would_refuse_is_named(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / FOLDER / file_name("comp1", "cat")
    path.parent.mkdir(parents=True)
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        validate_submission(tmp_path, "comp1", ("cat",), ["a", "b"])


def test_other_runs_are_refused(ran: Path, tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=6, test=4)
    done = bench(tmp_path, tmp_path / "data", "run", "--methods", "resnet", "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    refused = bench(tmp_path, None, "submission", "voc2007-resnet")
    assert refused.exit_code == 2 and "the server takes runs on voc2012-server" in refused.output
    few = bench(
        ran, ran / "data", "run", "--methods", "resnet", "--epochs", "1", *SERVER, "--limit-eval", "3",
        "--results", "few",
    )  # fmt: skip
    assert few.exit_code == 0
    refused = bench(ran, None, "submission", "voc2012-server-resnet", "--results", "few")
    assert refused.exit_code == 2 and "only the whole list" in refused.output


def test_the_best_epoch_cannot_be_picked_without_labels(ran: Path) -> None:
    schedule = ran / "best.yaml"
    text = (ROOT / "bench" / "schedules" / "identical.yaml").read_text()
    schedule.write_text(text.replace("select: last", "select: best\nselect_on: test"))
    done = bench(ran, ran / "data", "run", "--methods", "resnet", *SERVER, "--schedule", str(schedule))
    assert done.exit_code == 2 and "labels are held by the evaluation server" in done.output
