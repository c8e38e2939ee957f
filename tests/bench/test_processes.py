"""Work in processes: in order, ended where it hangs, and from a script that has no main guard."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.processes import Ended, map_bounded
from places import ROOT
from stuck import KILLED, STUCK, work

EXPECTED = [
    Ended(too_long=True) if n == STUCK else Ended(too_long=False) if n == KILLED else n**2 for n in range(14)
]
SCRIPT = """
from bench.processes import map_bounded
from stuck import work
print(list(map_bounded(work, range(5), 2, 3, 20)))
"""

DIES = """
import os, signal, time
from bench.processes import _pools, end_processes, map_in_processes
from stuck import work
print(list(map_in_processes(work, range(5), 2, 1)), flush=True)
held = _pools[0]._call_queue  # as its thread holds it for a moment longer
end_processes()
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
"""


def run_script(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    (folder / "script.py").write_text(text)
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "helpers")])
    return subprocess.run(
        [sys.executable, folder / "script.py"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("at_once", [1, 4])
def test_what_hangs_or_dies_is_named_and_all_else_is_done(at_once: int) -> None:
    # Long enough for a loaded machine: what does not hang takes no time.
    assert list(map_bounded(work, range(14), 2, at_once, 5)) == EXPECTED
    assert list(map_bounded(work, range(3), 1, at_once, 5)) == [0, 1, 4], "what comes next is not harmed"


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    done = run_script(tmp_path, SCRIPT)
    assert (done.stdout.strip(), done.stderr) == ("[0, 1, 4, 9, 16]", "")


def test_nothing_is_said_of_what_is_tidied_up_after_a_process_that_died_of_a_signal(tmp_path: Path) -> None:
    """It would stand below what that said last."""
    done = run_script(tmp_path, DIES)
    assert done.returncode == -signal.SIGTERM
    assert (done.stdout.strip(), done.stderr) == ("[0, 1, 4, 9, 16]", "")
