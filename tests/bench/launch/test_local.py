"""Cells side by side on one machine: real processes, that are killed, fail and are stopped."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from bench.engine.planning.plan import Cell
from bench.errors import UserError
from bench.launch.job import list_jobs
from bench.launch.worker import check_code, run_named
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import ML_GCN, OVERFLOWS, TINY, bench
from side_by_side import leftovers, start, trained, wait_for
from trees import write_voc

pytestmark = pytest.mark.slow


def records(folder: Path) -> dict[str, Record]:
    found = RecordStore(folder / "results").all()
    return {one.cell.method.name: one for one in found if isinstance(one, Record)}


def logits(folder: Path, method: str) -> object:
    return RecordStore(folder / "results").scores(records(folder)[method]).logits


def test_a_killed_process_is_replaced_a_failing_cell_alone_fails_and_the_bits_are_those_of_a_plain_run(
    tmp_path: Path,
) -> None:
    data, side = tmp_path / "data", tmp_path / "side"
    write_voc(data, train=40, test=8)
    arguments = ["run", "--epochs", "12", *TINY]
    process = start(
        side,
        data,
        *arguments,
        "--methods",
        f"{OVERFLOWS},resnet,{ML_GCN}",
        "--launcher",
        "local",
        "--jobs",
        "2",
    )
    victim = wait_for(lambda: trained(side, "resnet"), process)
    status = json.loads(bench(side, data, "status", "--json").stdout)
    (seen,) = [one for one in status if one["run"] == victim.run_id]
    assert seen["state"] == "running" and seen["process"] == victim.holder.process.pid
    assert seen["progress"]["epochs"] == 12 and seen["progress"]["epoch"] > 1
    os.kill(victim.holder.process.pid, signal.SIGKILL)
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == 1, printed
    assert f"{victim.run_id}: its process was killed by SIGKILL; another goes on with it" in printed
    assert "FAILED: the loss is inf" in printed
    assert "4 of 4 runs done now, 3 have a result" in printed
    made = records(side)
    assert {name: one.status for name, one in made.items()} == {
        "prior": "finished",
        "salgl": "failed",
        "resnet": "finished",
        "ml-gcn": "finished",
    }
    assert leftovers(side) == []

    shown = bench(side, data, "status").stdout
    assert "3 finished, 1 failed; of 4." in shown and "the loss is inf in epoch 1" in shown
    logs = bench(side, data, "logs", victim.run_id, "--lines", "100").stdout
    assert "going on after epoch" in logs and "mAP" in logs.splitlines()[-1]

    plain = bench(tmp_path / "plain", data, *arguments, "--methods", "resnet")
    assert plain.exit_code == 0, plain.output
    np.testing.assert_array_equal(logits(tmp_path / "plain", "resnet"), logits(side, "resnet"))


def test_a_cancelled_job_stops_at_a_steps_end_and_its_cell_goes_on_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, side = tmp_path / "data", tmp_path / "side"
    write_voc(data, train=60, test=8)
    process = start(
        side,
        data,
        *("run", "--methods", "resnet", "--epochs", "20", *TINY, "--launcher", "local", "--jobs", "2"),
    )
    running = wait_for(lambda: trained(side, "resnet", epochs=2), process)
    monkeypatch.setenv("BENCH_WORK", str(side / "work"))
    (submitted,) = list_jobs()
    told = bench(side, data, "cancel", submitted.job.name)
    assert f"job {submitted.job.name} was told to stop" in told.stdout
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == -signal.SIGTERM, printed
    assert "Stopped by SIGTERM; the same command goes on from the last epoch." in printed
    assert "Traceback" not in printed
    assert running.holder.process.is_gone()
    assert "resnet" not in records(side) and leftovers(side) == []
    (seen,) = [
        one for one in json.loads(bench(side, data, "status", "--json").stdout) if "resnet" in one["run"]
    ]
    assert seen["state"] == "stopped" and seen["epochs_done"] >= 2
    assert "is not running" in bench(side, data, "cancel", running.run_id).stdout

    other = submitted.job.model_copy(update={"code": {"resnet": "another", "prior": "another"}})
    cell = type("Planned", (), {"spec": records(side)["prior"].cell})
    with pytest.raises(UserError, match=r"code was changed since the job .* submit it again"):
        check_code(other, Cell(cell.spec, *[None] * 4, "to run", False))  # type: ignore[arg-type]
    assert run_named(str(submitted.folder), running.run_id) == "finished"
    log = records(side)["resnet"]
    assert len(log.history) == 20
    assert run_named(str(submitted.folder), running.run_id) == "finished"
    assert records(side)["resnet"].created == log.created, "it was not run again"


def test_cells_that_wait_are_cancelled_by_name_and_the_others_are_run(tmp_path: Path) -> None:
    data, side = tmp_path / "data", tmp_path / "side"
    write_voc(data, train=60, test=8)
    matrix = ("run", "--methods", "resnet", "--seeds", "0,1,2", "--epochs", "12", *TINY)
    process = start(side, data, *matrix, "--launcher", "local", "--jobs", "1")
    wait_for(lambda: trained(side, "resnet-s0"), process)
    told = [bench(side, data, "cancel", f"voc2007-resnet-s{seed}").stdout for seed in (1, 2)]
    assert all("was cancelled: it is not begun" in one for one in told), told
    seen = {one["run"]: one["state"] for one in json.loads(bench(side, data, "status", "--json").stdout)}
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == 1 and "2 of 4 runs done now, 2 have a result" in printed, printed
    for seed in (1, 2):
        (run_id,) = (one for one in seen if f"-resnet-s{seed}-" in one)
        assert seen[run_id] == "not begun" and f"{run_id}: cancelled before it was begun" in printed


def test_the_same_matrix_started_twice_at_once_runs_each_cell_once(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "both"
    write_voc(data, train=60, test=8)
    arguments = ["run", "--methods", f"resnet,{ML_GCN}", "--epochs", "10", *TINY]
    both = [start(folder, data, *arguments) for _ in range(2)]
    printed = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    assert {name: one.status for name, one in records(folder).items()} == dict.fromkeys(
        ("prior", "resnet", "ml-gcn"), "finished"
    )
    together = "".join(printed)
    for method in ("resnet", ML_GCN):
        assert together.count(f"] {method} on voc2007, seed 0") == 1, together
    assert "is being run elsewhere" in together or "made by another process meanwhile" in together
    assert leftovers(folder) == []
