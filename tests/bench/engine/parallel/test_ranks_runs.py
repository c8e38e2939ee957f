"""`bench run --devices 2`: what it leaves, and what happens when something ends one of its processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.engine.parallel.launch import launch
from bench.engine.training import resume as resume_module
from bench.errors import UserError
from bench.records.record import Record
from bench_command import ADD_GCN, OVERFLOWS, TINY, bench, own_environment, own_process
from ranks_runs import all_gone, assert_like, record_of, started_by, with_theirs
from trees import write_voc

pytestmark = pytest.mark.slow

# The second process never comes to the sum of the gradients; the first waits for five seconds, not an hour.
HANGS = """
import os, time
from datetime import timedelta
from bench.engine.parallel import join
from bench.engine.training import gradients
join.IN_STEP = timedelta(seconds=5)
if os.environ["RANK"] == "1":
    gradients.Gradients.add_up = lambda self: time.sleep(1000)
from bench.cli import main
main()
"""
RUN = ("run", "--methods", ADD_GCN, "--epochs", "3", *TINY, "--set", "drop_last=false")
TWO = ("--devices", "2")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_voc(root, train=11, test=10)
    return root


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Record:
    """What one process makes of the run."""
    folder = tmp_path_factory.mktemp("alone")
    assert bench(folder, data, *RUN).exit_code == 0
    return record_of(folder, "add-gcn")


def start(folder: Path, data: Path, *arguments: str) -> "subprocess.Popen[str]":
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        own_process(*arguments),
        cwd=folder,
        env={**own_environment(folder, data), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # What runs the tests in the background has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_a_killed_process_ends_all_and_one_process_goes_on(tmp_path: Path, data: Path, alone: Record) -> None:
    process = start(tmp_path / "run", data, *RUN, *TWO)
    assert process.stdout is not None
    for line in process.stdout:
        if "epoch 1:" in line:
            break
    ranks = started_by(process.pid)
    everything = with_theirs(ranks)
    assert len(ranks) == 2
    os.kill(ranks[1], signal.SIGKILL)
    killed = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - killed < 15 and process.returncode == 2, said
    assert said.startswith("Error: Process ") and "of 2 was killed (SIGKILL), which ends them all" in said
    assert "goes on from the last epoch" in said and "Traceback" not in said
    assert all_gone(everything)

    done = bench(tmp_path / "run", data, *RUN)
    assert done.exit_code == 0 and "going on after epoch" in done.stdout, done.output
    record = record_of(tmp_path / "run", "add-gcn")
    assert record.environment.processes == 1
    assert_like(record, alone, tmp_path / "run")


def test_two_processes_go_on_where_one_was_and_a_nan_fails_its_run_alone(
    tmp_path: Path, data: Path, alone: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = resume_module.save_state

    def interrupted(path: Path, state: resume_module.TrainingState) -> None:
        keep(path, state)
        raise SystemExit(3)

    with monkeypatch.context() as patch:
        patch.setattr(resume_module, "save_state", interrupted)
        bench(tmp_path, data, *RUN)
    methods = ("--methods", f"{OVERFLOWS},{ADD_GCN}")
    done = subprocess.run(
        own_process(*RUN, *methods, *TWO),
        cwd=tmp_path,
        env=own_environment(tmp_path, data),
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 1, done.stderr
    assert "going on after epoch 1 of 3" in done.stdout and done.stdout.count("epoch 2:") == 1
    assert "2 of 3 runs done now, 2 have a result" in done.stdout and "Traceback" not in done.stderr

    failed = record_of(tmp_path, "salgl")
    assert failed.status == "failed" and failed.error is not None
    assert "epoch 1, step 1" in failed.error and "learning rate" in failed.error
    named = sum(f"{image:06d}" in failed.error for image in range(100))
    assert named == 4, "the images of the whole batch"

    record = record_of(tmp_path, "add-gcn")
    assert_like(record, alone, tmp_path)
    assert record.environment.processes == 2 and record.cost is not None
    stored = tmp_path / "results" / "runs"
    text = (stored / record.run_id / "record.json").read_text()
    assert '"processes": 2' in text
    before = Record.model_validate_json(text.replace('"processes": 2', '"processes": 1'))
    assert "processes" not in before.model_dump_json(), "records of one process are as they were"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_sigterm_end_all(tmp_path: Path, data: Path, number: signal.Signals) -> None:
    process = start(tmp_path / "run", data, *RUN, *TWO)
    until = time.monotonic() + 60
    while len(ranks := started_by(process.pid)) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == -number, said
    if number == signal.SIGINT:
        assert "Interrupted; the same command goes on from the last epoch." in said
    assert "Traceback" not in said
    assert len(ranks) == 2 and all_gone(ranks)


def test_a_launcher_that_is_killed_leaves_none_behind(tmp_path: Path, data: Path) -> None:
    process = start(tmp_path / "run", data, *RUN, *TWO)
    assert process.stdout is not None
    for line in process.stdout:
        if "[1/2]" in line:  # they have met
            break
    ranks = started_by(process.pid)
    process.kill()
    process.communicate(timeout=30)
    assert len(ranks) == 2 and all_gone(ranks)


REFUSED = [
    (("--devices", "2", "--nodes", "2"), "needs this command on each of the machines"),
    (("--devices", "2", "--compile"), "compile takes one process"),
    (("--devices", "2", "--device", "cuda:0"), "device names one GPU"),
    (("--devices", "0"), "devices"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_what_cannot_be_is_answered_in_a_sentence(
    tmp_path: Path, data: Path, options: tuple[str, ...], said: str
) -> None:
    done = bench(tmp_path, data, *RUN, *options)
    assert done.exit_code == 2 and said in done.output and "Traceback" not in done.output


@pytest.mark.parametrize("asked", [(), ("--dry-run",)], ids=["run", "dry"])
def test_a_batch_that_is_smaller_than_the_processes_is_refused(
    asked: tuple[str, ...], tmp_path: Path, data: Path
) -> None:
    done = subprocess.run(
        own_process(*RUN, "--batch-size", "9", "--devices", "3", *asked),  # which leaves two images
        cwd=tmp_path,
        env=own_environment(tmp_path, data),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: A batch of ")
    assert "has 2 images, fewer than the 3" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_process_that_hangs_is_not_waited_for_without_end(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in own_environment(tmp_path, data).items():
        monkeypatch.setenv(name, value)
    before, started = started_by(os.getpid()), time.monotonic()
    with pytest.raises(UserError, match=r"have lost each other.*goes on from the last epoch"):
        launch([sys.executable, "-c", HANGS, *RUN, *TWO], 2, quiet=True)
    assert time.monotonic() - started < 200
    assert not set(started_by(os.getpid())).difference(before)


def test_a_failure_of_one_process_is_recorded_and_ends_all(tmp_path: Path) -> None:
    tree = tmp_path / "data"
    write_voc(tree, train=8, test=10)
    process = start(tmp_path, tree, *RUN, *TWO)
    assert process.stdout is not None
    for line in process.stdout:
        if "[2/2]" in line:  # every picture was looked at, and none is read yet
            break
    # Of the last batch of the test split, which the second process scores.
    (tree / "VOCdevkit" / "VOC2007" / "JPEGImages" / "000018.jpg").unlink()
    _, said = process.communicate(timeout=100)
    assert process.returncode == 2 and "failed in process 2 of 2 alone, which ends them all" in said
    failed = record_of(tmp_path, "add-gcn")
    assert failed.status == "failed" and failed.error is not None and "000018.jpg" in failed.error
