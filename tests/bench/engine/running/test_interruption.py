"""A run that is killed, and a run that goes wrong."""

import errno
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from bench.engine.running.code import code_digest
from bench.engine.training.checkpoint import TrainingState, save_state
from bench.engine.training.in_training import Run
from bench.engine.training.resume import keep
from bench.experiment.schedule import load_schedule
from bench.metrics.evaluate import Metrics, measure
from bench.records.record import Environment, Epoch, Record
from bench.records.store import RecordStore
from bench.tensors import write_pickled
from bench_command import OVERFLOWS, SALGL, TINY, bench, own_environment, own_process
from event_files import curves
from trees import write_voc

pytestmark = pytest.mark.slow


def record_of(folder: Path, method: str) -> Record:
    (found,) = (
        record
        for record in RecordStore(folder / "results").all()
        if isinstance(record, Record) and record.cell.method.name == method
    )
    return found


def kill_in_epoch_three(folder: Path, data: Path, arguments: list[str]) -> str:
    """Start `bench`, kill it in the middle of epoch 3, and return what it printed."""
    folder.mkdir()
    process = subprocess.Popen(
        own_process(*arguments),
        cwd=folder,
        env={**own_environment(folder, data), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "epoch 2:" in line:
            time.sleep(0.15)
            os.killpg(process.pid, signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL, printed
    return printed


def test_a_killed_run_goes_on_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_voc(data, train=60, test=8)
    # SALGL has dropout and a memory that is not a parameter; the average adds a second set of weights.
    fields = {**load_schedule("demo", {}).model_dump(mode="json"), "ema_decay": 0.9, "evaluate_every": 1}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(fields))
    arguments = [
        "run",
        "--methods",
        SALGL,
        "--epochs",
        "4",
        "--schedule",
        str(tmp_path / "mine.yaml"),
        *TINY,
    ]

    assert bench(tmp_path / "whole", data, *arguments).exit_code == 0
    # Watched, which changes no bit either.
    arguments += ["--log", "tensorboard"]
    printed = kill_in_epoch_three(tmp_path / "killed", data, arguments)
    assert "epoch 3:" not in printed
    assert not list((tmp_path / "killed" / "results" / "runs").glob("*salgl*")), "no record before the end"
    resumed = bench(tmp_path / "killed", data, *arguments)
    assert resumed.exit_code == 0, resumed.output
    assert "going on after epoch 2 of 4\n" in resumed.stdout, "on the same machine there is no more to say"

    whole, killed = record_of(tmp_path / "whole", "salgl"), record_of(tmp_path / "killed", "salgl")
    assert killed.trained_before == ()
    assert killed.metrics == whole.metrics
    for one, other in zip(whole.history, killed.history, strict=True):
        assert (one.loss, one.lr, one.feed, one.metrics) == (other.loss, other.lr, other.feed, other.metrics)
    logits = [
        RecordStore(tmp_path / name / "results").scores(record).logits
        for name, record in (("whole", whole), ("killed", killed))
    ]
    np.testing.assert_array_equal(*logits)

    folder = tmp_path / "killed" / "work" / "logs" / "tensorboard" / killed.run_id
    assert len(list(folder.iterdir())) == 2, "a file for each process"
    log = curves(folder)
    assert [step for step, _ in log["training/loss"]] == list(range(1, 4 * 15 + 1)), "each step once"
    assert [step for step, _ in log["epoch/loss"]] == [15, 30, 45, 60]
    np.testing.assert_allclose([loss for _, loss in log["epoch/loss"]], [one.loss for one in whole.history])


@pytest.mark.parametrize("older", [False, True], ids=["other code", "checkpoint of an older version"])
def test_a_run_that_goes_on_under_other_conditions_says_so_wherever_it_stands(
    older: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, folder = tmp_path / "data", tmp_path / "killed"
    write_voc(data, train=60, test=8)
    arguments = ["run", "--methods", "resnet", "--epochs", "4", *TINY, "--set", "evaluate_every=1"]
    kill_in_epoch_three(folder, data, arguments)
    (checkpoint,) = (folder / "work" / "runs").glob("*resnet*/training.pt")
    if older:
        stored = torch.load(checkpoint, weights_only=True)
        del stored["trained"]
        write_pickled(checkpoint, stored)
        differs = "what they were trained with is not recorded"
    else:
        changed = f"{'0' * 12}-{code_digest('resnet').partition('-')[2]}"
        monkeypatch.setattr("bench.engine.running.run.code_digest", lambda method: changed)
        differs = f"code {code_digest('resnet').partition('-')[0]}, then {'0' * 12}"
    resumed = bench(folder, data, *arguments)
    assert resumed.exit_code == 0, resumed.output
    said = "going on after epoch 2 of 4, under other conditions than before, which the record keeps: "
    assert f"{said}{differs}\n" in resumed.stdout

    record = record_of(folder, "resnet")
    (before,) = record.trained_before
    assert before.epochs == 2 and (before.environment is None) == older
    note = f"{record.run_id}, epochs 1 to 2 of 4 ({differs})"
    assert (
        f"NOTE: trained partly under other conditions: {note}"
        in bench(folder, None, "tables", "voc2007").stdout
    )
    assert f"epochs 1 to 2 of 4 ({differs})" in bench(folder, None, "show", record.run_id).stdout
    assert "Trained partly under other conditions" in (checkpoint.parent / "README.md").read_text("utf-8")
    prior = next((folder / "results" / "runs").glob("*prior*")) / "record.json"
    assert "trained_before" not in prior.read_text("utf-8"), "as records were before"


def test_a_damaged_checkpoint_fails_that_run_by_name(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_voc(data, train=8, test=4)
    arguments = ["run", "--methods", "resnet", "--epochs", "1", *TINY]
    assert bench(tmp_path / "run", data, *arguments).exit_code == 0
    run_id = record_of(tmp_path / "run", "resnet").run_id
    (tmp_path / "run" / "work" / "runs" / run_id / "training.pt").write_bytes(b"not a checkpoint")
    (tmp_path / "run" / "results" / "runs" / run_id).rename(tmp_path / "aside")
    done = bench(tmp_path / "run", data, *arguments)
    assert done.exit_code == 1
    assert "training.pt cannot be read" in done.stdout and "--overwrite failed starts again" in done.stdout


def test_a_nan_stops_that_run_with_its_whereabouts_and_the_matrix_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_voc(data, train=8, test=4)
    # One head whose loss overflows: an entropy weight beyond float32 on SALGL, none on the others.
    arguments = ["run", "--methods", f"{OVERFLOWS},resnet", "--epochs", "2", *TINY]
    done = bench(tmp_path / "run", data, *arguments)
    assert done.exit_code == 1, done.output
    failed, trained = record_of(tmp_path / "run", "salgl"), record_of(tmp_path / "run", "resnet")
    assert trained.status == "finished"
    assert failed.status == "failed" and failed.error is not None
    assert "epoch 1, step 1" in failed.error and "learning rate" in failed.error
    assert sum(f"{image:06d}" in failed.error for image in range(100)) == 4, "the four images of the batch"
    assert "Traceback" not in done.output

    again = bench(tmp_path / "run", data, *arguments)
    assert again.exit_code == 1 and "failed before and left alone" in again.stdout
    retried = bench(tmp_path / "run", data, *arguments, "--overwrite", "failed")
    assert "1 of 3 runs done now" in retried.stdout and retried.exit_code == 1


def test_weights_that_blow_up_in_the_last_step_are_found_by_the_evaluation(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_voc(data, train=8, test=4)
    fields = {**load_schedule("demo", {}).model_dump(mode="json"), "lr": 1e30, "clip_norm": None}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(fields))
    arguments = ["run", "--methods", "resnet", "--epochs", "1", "--schedule", str(tmp_path / "mine.yaml")]
    done = bench(tmp_path / "run", data, *arguments, *TINY, "--batch-size", "8")
    assert done.exit_code == 1, done.output
    failed = record_of(tmp_path / "run", "resnet")
    assert failed.status == "failed" and failed.error is not None and "not finite" in failed.error
    trace = tmp_path / "run" / "work" / "runs" / failed.run_id / "error.txt"
    assert "Traceback" in trace.read_text() and "Traceback" not in done.output


def test_a_damaged_record_is_reported_and_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_voc(data, train=8, test=4)
    arguments = ["run", "--methods", "resnet", "--epochs", "1", *TINY]
    assert bench(tmp_path / "run", data, *arguments).exit_code == 0
    path = (
        tmp_path / "run" / "results" / "runs" / record_of(tmp_path / "run", "resnet").run_id / "record.json"
    )
    damaged = path.read_bytes()[:500]
    path.write_bytes(damaged)
    done = bench(tmp_path / "run", data, *arguments)
    assert done.exit_code == 1 and "damaged before and left alone" in done.stdout
    assert path.read_bytes() == damaged
    assert "damaged" in bench(tmp_path / "run", data, "ls").stdout


CHOSEN = ("--epochs", "3", "--set", "select=best", "--set", "select_on=test", "--set", "evaluate_every=1")


@pytest.mark.parametrize("older", [False, True], ids=["", "folder of an older version"])
def test_the_weights_are_those_of_the_epoch_that_is_reported_where_the_best_one_was_lost(
    older: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full after the best epoch's weights were written, and then another second epoch."""
    data = tmp_path / "data"
    write_voc(data, train=16, test=6)
    arguments = ("run", "--methods", "resnet", *TINY, *CHOSEN)
    scores = iter([0.5, 0.9, 0.4, 0.3])
    first: dict[str, torch.Tensor] = {}

    def measured(*given: Any) -> Metrics:
        return measure(*given).model_copy(update={"mAP": next(scores)})

    def save_one(path: Path, state: TrainingState) -> None:
        if len(state.history) == 2:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        first.update({name: tensor.clone() for name, tensor in state.tensors["model"].items()})
        save_state(path, state)

    monkeypatch.setattr("bench.engine.training.fit.measure", measured)
    with monkeypatch.context() as full:
        full.setattr("bench.engine.training.resume.save_state", save_one)
        assert bench(tmp_path, data, *arguments).exit_code == 2
    (folder,) = (tmp_path / "work" / "runs").glob("*resnet*")
    if older:
        (folder / "best-0.safetensors").rename(folder / "best.safetensors")
        (folder / "best-1.safetensors").unlink()
    done = bench(tmp_path, data, *arguments)
    assert done.exit_code == 0 and "going on after epoch 1 of 3" in done.stdout, done.output
    assert record_of(tmp_path, "resnet").selected_epoch == 0
    kept = load_file(folder / "model.safetensors")
    assert first and all(torch.equal(kept[name], tensor) for name, tensor in first.items())
    assert not list(folder.glob("best*"))


@pytest.mark.parametrize("which", ["always", "failed"])
def test_a_run_that_is_repeated_goes_on_where_it_was_stopped_and_once_done_is_repeated_from_the_start(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    write_voc(data, train=8, test=4)
    arguments = ("run", "--methods", "resnet", "--epochs", "3", *TINY)

    def fail_in_epoch_two(run: Run, history: list[Epoch], environment: Environment) -> None:
        if len(history) == 2:
            raise RuntimeError("no memory")
        keep(run, history, environment)

    def stop_after_epoch_two(run: Run, history: list[Epoch], environment: Environment) -> None:
        keep(run, history, environment)
        if len(history) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    def repeated(interrupted: bool) -> str:
        with monkeypatch.context() as patch:
            if interrupted:
                patch.setattr("bench.engine.training.fit.keep", stop_after_epoch_two)
            done = bench(tmp_path, data, *arguments, "--overwrite", which)
        assert (done.exit_code != 0) == interrupted, done.output
        return done.output

    with monkeypatch.context() as patch:
        if which == "failed":
            patch.setattr("bench.engine.training.fit.keep", fail_in_epoch_two)
        assert bench(tmp_path, data, *arguments).exit_code == (which == "failed")
    assert "going on" not in repeated(interrupted=True), "what led to the record is not gone on with"
    assert "going on after epoch 2 of 3" in repeated(interrupted=False)
    assert record_of(tmp_path, "resnet").status == "finished"
    again = repeated(interrupted=False)
    assert "going on" not in again and ("epoch 1:" in again) == (which == "always")
