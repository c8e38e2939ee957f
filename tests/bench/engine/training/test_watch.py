"""A training that somebody watches: what is logged; that it changes no bit, and no log ends a training."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import bench as api
from bench.engine.training.watch import scenes_use
from bench.experiment.schedule import load_schedule
from bench.loggers.logger import LoggedRun
from bench.loggers.tensorboard import TensorBoard
from bench.metrics.evaluate import METRICS
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from event_files import curves, read_log
from plugin_projects import write_project
from trees import write_voc

BATCHES = 3  # 12 images, 4 at a time
EPOCHS = 2


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_voc(folder, train=12, test=8)
    return folder


def matrix_file(folder: Path, **more: object) -> str:
    """A spec file: SALGL, which draws random numbers and keeps a memory, under a short schedule."""
    folder.mkdir(parents=True, exist_ok=True)
    schedule = {**load_schedule("demo", {}).model_dump(mode="json"), "evaluate_every": 1}
    (folder / "mine.yaml").write_text(yaml.safe_dump(schedule))
    fields = {"methods": ["salgl"], "schedule": str(folder / "mine.yaml"), "epochs": EPOCHS, **more}
    (folder / "matrix.yaml").write_text(yaml.safe_dump(fields))
    return str(folder / "matrix.yaml")


def train(folder: Path, data: Path, *arguments: str, **more: object) -> str:
    done = bench(folder, data, "run", "--spec", matrix_file(folder, **more), *TINY, *arguments)
    assert done.exit_code == 0, done.output
    return done.output


def trained(folder: Path) -> tuple[Record, np.ndarray]:
    store = RecordStore(folder / "results")
    (record,) = (one for one in store.all() if isinstance(one, Record) and one.history)
    return record, store.scores(record).logits


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    folder = tmp_path_factory.mktemp("watched")
    train(folder, data, log="tensorboard")
    return folder


def test_a_run_has_the_same_bits_with_and_without_a_log(tmp_path: Path, watched: Path, data: Path) -> None:
    train(tmp_path, data)
    assert not (tmp_path / "work" / "logs").exists()
    (with_log, logits), (without, others) = trained(watched), trained(tmp_path)
    np.testing.assert_array_equal(logits, others)
    assert with_log.run_id == without.run_id and with_log.metrics == without.metrics
    for one, other in zip(with_log.history, without.history, strict=True):
        assert (one.loss, one.lr, one.feed, one.metrics) == (other.loss, other.lr, other.feed, other.metrics)
    assert "0 of 2 runs done now" in train(tmp_path, data, "--log", "tensorboard"), "not part of the identity"


def test_the_log_holds_what_the_record_does_and_what_it_does_not(watched: Path) -> None:
    record, _ = trained(watched)
    folder = watched / "work" / "logs" / "tensorboard" / record.run_id
    found = curves(folder)
    assert [step for step, _ in found["training/loss"]] == list(range(1, EPOCHS * BATCHES + 1))
    losses = np.array([value for _, value in found["training/loss"]]).reshape(EPOCHS, BATCHES)
    np.testing.assert_allclose(losses.mean(axis=1), [one.loss for one in record.history], rtol=1e-5)
    ends = [BATCHES * (number + 1) for number in range(EPOCHS)]
    rates = dict(found["training/learning_rate"])
    np.testing.assert_allclose([rates[end] for end in ends], [one.lr for one in record.history], rtol=1e-6)

    def of_epochs(name: str) -> list[float]:
        steps, values = zip(*found[name], strict=True)
        assert list(steps) == ends, name
        return list(values)

    np.testing.assert_allclose(of_epochs("epoch/loss"), [one.loss for one in record.history], rtol=1e-6)
    speeds = [one.images / one.seconds for one in record.history]
    np.testing.assert_allclose(of_epochs("epoch/images_per_second"), speeds, rtol=1e-6)
    for name in METRICS:
        expected = [100 * getattr(one.metrics, name) for one in record.history]
        np.testing.assert_allclose(of_epochs(f"evaluation/{name}"), expected, rtol=1e-6, err_msg=name)
    assert record.metrics is not None
    aps = dict(zip(record.data.classes, record.metrics.per_class_ap, strict=True))
    for name, value in aps.items():
        tag = f"final_AP/{name}"
        assert (tag in found) == (value is not None) == (f"evaluation_AP/{name}" in found)
        assert value is None or found[tag] == [(ends[-1], pytest.approx(100 * value))]
    assert found["final/mAP"] == [(ends[-1], pytest.approx(100 * record.metrics.mAP))]
    # What SALGL adds to the loss, and how it used its scenes.
    for term in ("scene_sample_entropy", "scene_batch_entropy"):
        assert all(np.isfinite(of_epochs(f"auxiliary/{term}")))
    scenes = record.cell.head_options().model_dump()["scenes"]
    shares = np.array([of_epochs(f"scenes/share_{number + 1}") for number in range(scenes)])
    np.testing.assert_allclose(shares.sum(axis=0), 100, rtol=1e-5)
    entropy = -(shares / 100 * np.log(shares / 100)).sum(axis=0)
    np.testing.assert_allclose(of_epochs("scenes/in_use"), np.exp(entropy), rtol=1e-5)


def test_the_log_says_what_the_run_is(watched: Path) -> None:
    record, _ = trained(watched)
    log = read_log(watched / "work" / "logs" / "tensorboard" / record.run_id)
    (tag,) = log.Tags()["tensors"]
    (told,) = log.Tensors(tag)[0].tensor_proto.string_val
    assert json.loads(told.decode().strip("`\n")) == record.cell.model_dump(mode="json")


def test_a_training_that_begins_anew_begins_a_new_log(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = {
        "backbone": "timm/test_byobnet",
        "weights": "none",
        "image_size": 64,
        "batch_size": 4,
        "epochs": 1,
    }
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    for _ in range(2):
        api.run_matrix(
            *("voc2007", "resnet"),
            schedule="demo",
            settings={**tiny, "epochs": 1},
            data_root=data,
            results=tmp_path / "results",
            device="cpu",
            overwrite="always",
            log="tensorboard",
            quiet=True,
        )
    (folder,) = (tmp_path / "work" / "logs" / "tensorboard").iterdir()
    assert len(list(folder.iterdir())) == 1
    assert [step for step, _ in curves(folder)["training/loss"]] == list(range(1, BATCHES + 1))


def test_a_log_that_cannot_be_begun_ends_no_training(tmp_path: Path, data: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "logs").write_text("a file where a folder is needed")
    said = train(tmp_path, data, "--log", "tensorboard")
    record, _ = trained(tmp_path)
    warning = f"warning: the tensorboard log of {record.run_id} ends here and the training goes on: "
    assert said.count(warning) == 1 and record.status == "finished"


def test_what_a_killed_process_wrote_too_much_is_read_no_more(tmp_path: Path) -> None:
    """Killed three batches after a checkpoint at step 4; they come again, with other values here."""
    folder = tmp_path / "log"
    for steps, last, value in ((0, 7, 1.0), (4, 9, 2.0)):
        log = TensorBoard(LoggedRun("a-run", folder, {"seed": 0}, steps))
        for step in range(steps + 1, last + 1):
            log.write({"loss": value, "lr": value}, step)
        log.flush()  # and not closed
    expected = [(step, 1.0 if step <= 4 else 2.0) for step in range(1, 10)]
    assert curves(folder) == {"loss": expected, "lr": expected}


PLUGIN = """
import errno
from pathlib import Path
from bench.loggers.catalog import LoggerInfo

class Full:
    "Runs out of disk in the fourth step."
    def __init__(self, run):
        self.run = run
    def write(self, numbers, step):
        with open("told.txt", "a") as file:
            print("write", step, file=file)
        if step == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
    def flush(self):
        with open("told.txt", "a") as file:
            print("flush", file=file)
    def close(self):
        with open("told.txt", "a") as file:
            print("close", file=file)

class Whole(Full):
    def write(self, numbers, step):
        with open("whole.txt", "a") as file:
            print(self.run.steps, step, sorted(numbers)[0], file=file)
    def flush(self):
        pass
    def close(self):
        with open("whole.txt", "a") as file:
            print("close", file=file)

FULL = LoggerInfo("full-disk", "json", "nothing", "plugin_loggers:Full")
WHOLE = LoggerInfo("whole-disk", "json", "nothing", "plugin_loggers:Whole")
FAR = LoggerInfo("far-away", "not_there_at_all", "not-there[all]", "plugin_loggers:Whole")
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with three loggers."""
    entries = {
        name: f"plugin_loggers:{name.partition('-')[0].upper()}"
        for name in ("full-disk", "whole-disk", "far-away")
    }
    project = write_project(tmp_path / "plugins", "bench.loggers", entries, "plugin_loggers", PLUGIN)
    monkeypatch.syspath_prepend(project)


@pytest.mark.usefixtures("plugins")
def test_a_logger_that_fails_ends_its_log_alone(tmp_path: Path, watched: Path, data: Path) -> None:
    said = train(tmp_path / "run", data, "--log", "full-disk,whole-disk")
    record, logits = trained(tmp_path / "run")
    sentence = (
        f"warning: the full-disk log of {record.run_id} ends here and the training goes on: "
        "OSError: [Errno 28] No space left on device"
    )
    assert said.splitlines().count(sentence) == 1 and said.count("warning") == 1
    np.testing.assert_array_equal(logits, trained(watched)[1])
    # Three batches, what an epoch tells, the checkpoint; then the end.
    told = (tmp_path / "run" / "told.txt").read_text().splitlines()
    assert told == ["write 1", "write 2", "write 3", "write 3", "flush", "write 4"]
    whole = (tmp_path / "run" / "whole.txt").read_text().splitlines()
    assert whole[0] == "0 1 training/learning_rate" and whole[-1] == "close"
    assert whole[-2].startswith(f"0 {EPOCHS * BATCHES} final/")


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("tensorbord", "Unknown logger 'tensorbord'. Did you mean 'tensorboard'?"),
        ("far-away", "--log far-away needs the package not_there_at_all: pip install 'not-there[all]'."),
        (
            "tensorboard",
            "--log tensorboard needs the package tensorboard: pip install 'mlr-bench[tensorboard]'.",
        ),
    ],
)
def test_a_logger_that_is_not_there_is_answered_before_anything_is_read(
    name: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "tensorboard":
        monkeypatch.setitem(sys.modules, "tensorboard", None)
    done = bench(tmp_path, tmp_path / "no-data", "run", "--methods", "resnet", *TINY, "--log", name)
    assert done.exit_code == 2 and done.stderr.startswith(f"Error: {sentence}"), done.output
    assert done.stdout == "" and done.stderr.count("\n") == 1


def test_scenes_in_use_goes_from_one_to_all() -> None:
    assert scenes_use(torch.tensor([0.0, 1.0, 0.0, 0.0])) == {
        "scenes/in_use": 1.0,
        **{f"scenes/share_{number}": 100.0 * (number == 2) for number in (1, 2, 3, 4)},
    }
    assert scenes_use(torch.full((4,), 0.25))["scenes/in_use"] == pytest.approx(4)
