"""A run that is told to stop: at a step's end, without a record, and it goes on with the same bits."""

import os
import signal
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.alive import Process
from bench.experiment.matrix import load_matrix
from bench.records.claims import FOLDER, Claim, Claims
from bench.records.holder import Holder
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.settings import EPOCHS
from bench_command import SALGL, TINY, bench
from side_by_side import leftovers, start, trained, wait_for
from trees import write_voc

METHOD = "salgl"
"""It has dropout and a memory that is no parameter."""


def scores_of(folder: Path) -> Any:
    store = RecordStore(folder / "results")
    (record,) = [one for one in store.all() if isinstance(one, Record) and one.cell.method.name == METHOD]
    return store.scores(record).logits


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing stopped, and the command that made it."""

    data: Path
    arguments: tuple[str, ...]
    scores: Any


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    data, folder = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("whole")
    write_voc(data, train=40, test=8)
    arguments = ("run", "--methods", SALGL, "--epochs", "6", *TINY)
    done = bench(folder, data, *arguments)
    assert done.exit_code == 0 and "going on after epoch" not in done.output, done.output
    return Undisturbed(data, arguments, scores_of(folder))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGTERM, "0"), (signal.SIGUSR2, "1")], ids=["TERM", "USR2"]
)
def test_a_signal_stops_a_run_in_the_middle_of_an_epoch_and_the_same_command_goes_on_with_the_same_bits(
    number: signal.Signals, workers: str, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """A scheduler sends it to every process of a task, those that load pictures too."""
    command = (tmp_path, undisturbed.data, *undisturbed.arguments, "--workers", workers)
    process = start(*command)
    wait_for(lambda: trained(tmp_path, METHOD), process)
    os.killpg(process.pid, number)
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == -number, printed
    said = f"Stopped by {number.name}; the same command goes on from the last epoch.\n"
    assert printed.endswith(said), printed
    assert "Traceback" not in printed and "FAILED" not in printed
    assert leftovers(tmp_path) == [] and not list((tmp_path / "results" / "runs").glob(f"*{METHOD}*"))
    again = bench(*command)
    assert again.exit_code == 0 and "going on after epoch" in again.output, again.output
    np.testing.assert_array_equal(scores_of(tmp_path), undisturbed.scores)


def test_a_run_that_was_taken_over_stops_without_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.records.claims.RENEWED", 0.05)
    monkeypatch.setattr("bench.records.claims.SOON", 0.05)
    data, folder = tmp_path / "data", tmp_path / "run"
    write_voc(data, train=8, test=4)
    claims = folder / "results" / "runs" / FOLDER
    another = Holder("0123456789abcdef", Process("another", "f" * 16, 1, "1"), "ann", "2026-01-01T00:00:00")

    def take_over() -> None:
        deadline = time.monotonic() + 60
        # One that has not begun yet would leave the run to the other, and not stop.
        while time.monotonic() < deadline and not [*(folder / "work" / "runs").glob(f"*resnet*/{EPOCHS}")]:
            time.sleep(0.001)
        (path,) = claims.glob("*resnet*.1")
        # By the name of the next number, as somebody does to whom the first gave no sign.
        path.with_suffix(".2").write_text(_json(asdict(another)))

    thread = threading.Thread(target=take_over)
    thread.start()
    done = bench(folder, data, "run", "--methods", "resnet", "--epochs", "200", *TINY)
    thread.join()
    assert done.exit_code == 0, done.output
    assert "was taken over" in done.stdout and "ann on another" in done.stdout
    assert "1 are being run by other processes" in done.stdout
    assert not list((folder / "results" / "runs").glob("voc2007-resnet*"))
    assert [held.holder for held in Claims(claims.parent).held()] == [another]


def _json(value: object) -> str:
    import json

    return json.dumps(value)


def test_what_is_run_elsewhere_is_left_to_it_or_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tune needs every trial, so it waits; and takes over what another gave up."""
    from rich.console import Console

    from bench.engine.planning.log import LogDisplay
    from bench.engine.planning.plan import plan
    from bench.engine.running.execute import execute

    monkeypatch.setattr("bench.engine.running.execute.LOOK_AGAIN", 0.1)
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_voc(tmp_path / "data", train=8, test=4)
    fields = {"data": "voc2007", "data_root": tmp_path / "data", "device": "cpu", "methods": "resnet"}
    matrix = load_matrix(None, {**fields, "results": tmp_path / "results"})
    prior = plan(matrix)[:1]
    store = RecordStore(matrix.results)
    taken = Claims(store.folder).take(prior[0].spec.run_id())
    assert isinstance(taken, Claim)
    with LogDisplay(Console()) as log:
        outcome = execute(matrix, prior, log)
        assert (outcome.ran, outcome.elsewhere, outcome.without_result) == (0, 1, 0)
        threading.Timer(0.5, taken.release).start()
        outcome = execute(matrix, prior, log, wait=True)
    assert (outcome.ran, outcome.elsewhere, outcome.without_result) == (1, 0, 0)
    assert isinstance(store.load(prior[0].spec.run_id()), Record)
