"""Processes of the harness that run beside a test, and what is waited for of them."""

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bench.records.claims import Claims
from bench.records.holder import Held
from bench.records.store import RecordStore
from bench_command import own_environment, own_process

PATIENCE = 300.0
T = TypeVar("T")


def start(folder: Path, data: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start `bench ARGUMENTS` in a folder, as a process group of its own, with one thread: bits compare."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        own_process(*arguments),
        cwd=folder,
        env={**own_environment(folder, data), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # What runs these tests in the background may have told them to ignore it, which is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def wait_for(look: Callable[[], T | None], process: "subprocess.Popen[str]") -> T:
    """What `look` gives as soon as it gives something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        if process.poll() is not None:
            raise AssertionError(f"it has ended: {process.communicate()[0]}")
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"nothing came of it: {process.communicate()[0]}")


def trained(folder: Path, method: str, epochs: int = 1) -> Held | None:
    """The claim on the run of a method that is in a later epoch than this."""
    for held in Claims(RecordStore(folder / "results").folder).held():
        if f"-{method}-" in held.run_id and held.progress.epoch > epochs:
            return held
    return None


def leftovers(folder: Path) -> list[str]:
    """Hidden files and folders in results and work folder: what is half written, and claims."""
    return [str(path.relative_to(folder)) for path in folder.rglob(".*") if ".bench.yaml" not in path.name]
