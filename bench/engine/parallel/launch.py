"""Start the processes that train together on this machine, and see that all of them end."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

import yaml

from bench.engine.parallel.join import LAUNCHER, LOST, RENDEZVOUS
from bench.errors import UserError, one_line
from bench.experiment.matrix import MatrixSpec
from bench.files import write_text
from bench.processors import processors
from bench.stop import STOPS, Stopped

POLL = 0.1
"""Seconds between two looks at the processes."""
GRACE = 5.0
"""Seconds in which the others may end by themselves when one has failed, or when they are interrupted."""
MISTAKE = 2
"""What a command ends with where the user can mend what is wrong."""
MISTAKE_BEGINS = "Error: "


@dataclass(frozen=True)
class _Process:
    """One of those that were started, and what it says."""

    rank: int
    popen: "subprocess.Popen[bytes]"
    errors: IO[bytes]

    def said(self) -> str:
        """What it has written of errors."""
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace").strip()

    def end(self, number: int) -> None:
        """Send it a signal, and all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, number)


def launch_matrix(matrix: MatrixSpec, quiet: bool = False) -> int:
    """Run a matrix in as many processes of `bench run` as it asks for; see `launch`."""
    if matrix.nodes > 1:
        raise UserError(
            f"--nodes {matrix.nodes} needs this command on each of the machines: start it there by torchrun "
            f"--nnodes {matrix.nodes} --nproc-per-node {matrix.devices} --no-python bench run ..."
        )
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        spec = Path(folder) / "matrix.yaml"
        write_text(spec, yaml.safe_dump(matrix.model_dump(mode="json", exclude_defaults=True)))
        command = [sys.executable, "-c", "from bench.cli import main; main()", "run", "--spec", str(spec)]
        return launch(command, matrix.devices, quiet)


def launch(command: Sequence[str], count: int, quiet: bool = False) -> int:
    """Run a command in several processes, which join each other by `bench.engine.parallel.join`.

    Args:
        command: of each of them.
        count: how many.
        quiet: show nothing.

    Returns:
        What the first process ended with.

    Raises:
        UserError: what one of them gives as its reason to end, or that one was killed.
        KeyboardInterrupt: by Ctrl-C; all have ended.
        Stopped: this process was told to stop, and the first of them has, at a step's end.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as open_files:
        processes: list[_Process] = []
        codes: list[int | None] = []
        try:
            with _passed_on(processes) as asked:
                for rank in range(count):
                    errors = open_files.enter_context(tempfile.TemporaryFile())
                    processes.append(_start(command, rank, count, Path(folder), errors, quiet))
                _watch(processes)
                codes = [process.popen.poll() for process in processes]
        except KeyboardInterrupt:
            # The first puts the terminal in order.
            for first in processes[:1]:
                first.end(signal.SIGINT)
            _wait(processes[:1], GRACE)
            raise
        finally:
            _end(processes)
        if asked and codes[0]:
            raise Stopped(asked[-1])
        return _outcome(processes, codes)


def _start(
    command: Sequence[str], rank: int, count: int, folder: Path, errors: IO[bytes], quiet: bool
) -> _Process:
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    environment = {
        # Each has its share of the processors, as far as nothing else is said.
        "OMP_NUM_THREADS": str(max(1, processors() // count)),
        # They talk to each other within the machine, whatever its name leads to.
        "GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0",
        **os.environ,
        **{name: str(number) for name, number in numbers.items()},
        # A file, because a port that is free now may be taken when they meet.
        RENDEZVOUS: str(folder / "rendezvous"),
        LAUNCHER: str(os.getpid()),
    }
    popen = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=None if rank == 0 and not quiet else subprocess.DEVNULL,
        stderr=errors,
        # So that all that it starts ends with it, and Ctrl-C comes here alone.
        start_new_session=True,
    )
    return _Process(rank, popen, errors)


def _watch(processes: list[_Process]) -> None:
    """Until all have ended, or one has failed and the others had time to."""
    while any(process.popen.poll() is None for process in processes):
        if any(process.popen.returncode for process in processes):
            _wait(processes, GRACE)
            return
        time.sleep(POLL)


def _wait(processes: Sequence[_Process], seconds: float) -> None:
    until = time.monotonic() + seconds
    while any(process.popen.poll() is None for process in processes) and time.monotonic() < until:
        time.sleep(POLL)


def _end(processes: Sequence[_Process]) -> None:
    """End those that are left, and what those have left that have ended."""
    for process in processes:
        process.end(signal.SIGKILL)
        process.popen.wait()


@contextmanager
def _passed_on(processes: list[_Process]) -> Iterator[list[int]]:
    """In here, what asks this process to end asks the first of those that it has started, which decides.

    Gives the signals that did.
    """
    asked: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        for first in processes[:1]:
            first.end(number)

    before: dict[signal.Signals, Any] = {}
    with suppress(ValueError):  # in a thread there are no signals
        for number in STOPS:
            before[number] = signal.signal(number, pass_on)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _outcome(processes: Sequence[_Process], codes: Sequence[int | None]) -> int:
    """What came of them, by what each ended with; None for one that did not end by itself."""
    first = processes[0]
    killed = [one for one, code in zip(processes, codes, strict=True) if code is not None and code < 0]
    failed = [one for one, code in zip(processes, codes, strict=True) if code not in (None, 0, LOST)]
    if killed:
        number = signal.Signals(-killed[0].popen.returncode).name
        raise UserError(
            f"Process {killed[0].rank + 1} of {len(processes)} was killed ({number}), which ends them all; "
            "the same command goes on from the last epoch."
        )
    if not failed and LOST in codes:
        last = first.said().splitlines()[-1:]
        raise UserError(
            f"The processes have lost each other ({one_line(''.join(last))}); the same command goes on from "
            "the last epoch."
        )
    reason = failed[0] if failed else first
    said = reason.said()
    if reason.popen.returncode == MISTAKE and MISTAKE_BEGINS in said:
        raise UserError(said.rpartition(MISTAKE_BEGINS)[2])
    if said:
        sys.stderr.write(f"{said}\n")
    return reason.popen.returncode
