"""`bench run --nodes 2`, started by torchrun as on two machines: both are this one, and meet on loopback."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.records.record import Record
from bench_command import TINY, bench, own_environment, own_process
from ranks_runs import assert_like, record_of, with_theirs
from trees import write_voc

pytestmark = pytest.mark.slow

RUN = ("run", "--methods", "resnet", "--epochs", "8", *TINY, "--set", "drop_last=false")
NODES = ("--devices", "1", "--nodes", "2")


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
    return record_of(folder, "resnet")


@dataclass(frozen=True)
class Machine:
    """What torchrun starts on one of several machines, and what it prints."""

    torchrun: "subprocess.Popen[bytes]"
    log: Path

    def said(self) -> str:
        return self.log.read_text()

    def go_down(self) -> None:
        """Kill all that runs there."""
        for process in with_theirs([self.torchrun.pid]):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self.torchrun.wait()


@contextmanager
def machines(folder: Path, data: Path, *arguments: str) -> Iterator[list[Machine]]:
    """`bench ARGUMENTS` on two machines, whose folder lies on a disk that both share."""
    folder.mkdir()
    meet = ("--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}")
    each = ("--nnodes", "2", "--nproc-per-node", "1", "--local-addr", "127.0.0.1", "--no-python")
    command = [sys.executable, "-m", "torch.distributed.run", *meet, *each, *own_process(*arguments)]
    variables = {**own_environment(folder, data), "GLOO_SOCKET_IFNAME": "lo", "PYTHONUNBUFFERED": "1"}
    with ExitStack() as stack:
        both = []
        for name in ("one", "other"):
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            torchrun = subprocess.Popen(command, cwd=folder, env=variables, stdout=log, stderr=log)
            both.append(Machine(torchrun, Path(log.name)))
            stack.callback(both[-1].go_down)
        yield both


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_two_machines_train_a_run_as_one_does(tmp_path: Path, data: Path, alone: Record) -> None:
    with machines(tmp_path / "run", data, *RUN, *NODES) as both:
        codes = [one.torchrun.wait(timeout=300) for one in both]
        said = [one.said() for one in both]
    assert codes == [0, 0], said
    assert sorted(text.count("epoch 1:") for text in said) == [0, 1], "the first process alone shows it"
    record = record_of(tmp_path / "run", "resnet")
    assert record.environment.processes == 2
    assert_like(record, alone, tmp_path / "run")


def test_where_a_machine_goes_down_the_other_ends_and_the_run_goes_on(
    tmp_path: Path, data: Path, alone: Record
) -> None:
    with machines(tmp_path / "run", data, *RUN, *NODES) as both:
        ends = time.monotonic() + 300
        while not any("epoch 1:" in one.said() for one in both):
            assert time.monotonic() < ends, [one.said() for one in both]
            time.sleep(0.02)
        first, second = sorted(both, key=lambda one: "epoch 1:" not in one.said())
        second.go_down()
        assert first.torchrun.wait(timeout=120), first.said()
    done = bench(tmp_path / "run", data, *RUN)
    assert done.exit_code == 0 and "going on after epoch" in done.stdout, done.output
    assert_like(record_of(tmp_path / "run", "resnet"), alone, tmp_path / "run")
