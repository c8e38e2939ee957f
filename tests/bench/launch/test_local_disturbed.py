"""Cells side by side on one machine whose processes are killed, the one that gives the cells too."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from bench.records.claims import Claims
from bench.records.holder import Held
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench, own_environment, own_process
from side_by_side import leftovers, start, trained, wait_for
from trees import write_voc

pytestmark = pytest.mark.slow

SIDE_BY_SIDE = ("--launcher", "local", "--jobs", "2")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_voc(tmp_path / "data", train=40, test=8)
    return tmp_path / "data"


def states(folder: Path, data: Path) -> list[str]:
    """Of every cell but the prior's, as `bench status` tells them, in the order of their seeds."""
    told = json.loads(bench(folder, data, "status", "--json").stdout)
    return [one["state"] for one in sorted(told, key=lambda one: one["run"]) if "-resnet-" in one["run"]]


def test_where_the_giver_of_cells_is_killed_all_stop_and_the_same_command_goes_on(
    tmp_path: Path, data: Path
) -> None:
    folder = tmp_path / "side"
    matrix = ("run", "--methods", "resnet", "--seeds", "0,1,2", "--epochs", "30", *TINY, *SIDE_BY_SIDE)
    process = start(folder, data, *matrix)
    held = wait_for(lambda: trained(folder, "resnet-s0"), process)
    process.kill()
    process.wait()
    claims = Claims(RecordStore(folder / "results").folder)
    deadline = time.monotonic() + 60
    while [*claims.held()] or not held.holder.process.is_gone():
        assert time.monotonic() < deadline, "it works on for nobody"
        time.sleep(0.1)
    told = states(folder, data)
    assert told[0] == "stopped" and told[2] == "not begun", told

    again = bench(folder, data, *matrix)
    assert again.exit_code == 0, again.output
    assert states(folder, data) == ["finished"] * 3 and leftovers(folder) == []
    assert "going on after epoch" in bench(folder, data, "logs", held.run_id, "--lines", "100").stdout


def test_a_cell_whose_processes_are_all_killed_is_left_alone(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "side"
    process = start(folder, data, "run", "--methods", "resnet", "--epochs", "2000", *TINY, *SIDE_BY_SIDE)
    killed: set[int] = set()

    def another() -> Held | None:
        held = trained(folder, "resnet", epochs=0)
        return held if held and held.holder.process.pid not in killed else None

    for _ in range(3):
        held = wait_for(another, process)
        os.kill(held.holder.process.pid, signal.SIGKILL)
        killed.add(held.holder.process.pid)
    printed = process.communicate(timeout=300)[0]
    assert process.returncode == 1, printed
    assert printed.count("its process was killed by SIGKILL; another goes on with it") == 2
    assert f"{held.run_id}: its process was killed by SIGKILL, 3 times by now: left alone" in printed
    assert "1 of 2 runs done now, 1 have a result" in printed
    (made,) = RecordStore(folder / "results").all()
    assert isinstance(made, Record) and made.cell.method.name == "prior"
    assert states(folder, data) == ["stopped"]


def test_a_log_is_followed_while_its_run_goes_on(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "side"
    process = start(folder, data, "run", "--methods", "resnet", "--epochs", "25", *TINY, *SIDE_BY_SIDE)
    held = wait_for(lambda: trained(folder, "resnet"), process)
    follower = subprocess.Popen(
        own_process("logs", held.run_id, "--lines", "1", "--follow"),
        cwd=folder,
        env=own_environment(folder, data),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert follower.stdout is not None
    lines = []
    for line in follower.stdout:
        lines.append(line)
        if "mAP" in line and held.run_id in line:
            break
    follower.send_signal(signal.SIGINT)
    said = follower.communicate(timeout=60)[1]
    assert "Traceback" not in said and follower.returncode not in (0, 1)
    assert process.wait(timeout=300) == 0
    seen = [int(number) for number in re.findall(r"^  epoch (\d+): ", "".join(lines), re.MULTILINE)]
    assert seen == list(range(seen[0], 26)) and seen[0] > 1, "from its end on, each line once"
