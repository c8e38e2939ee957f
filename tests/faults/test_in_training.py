"""Faults in the middle of a training: a loading process is killed, a photograph breaks, a folder goes."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, own_environment
from forked_bench import ForkServer
from small_disk import small_disk
from trees import write_voc

pytestmark = pytest.mark.slow
# More than is read ahead of a fault in the second epoch, so that it is met.
IMAGES = 32
RUN = ("run", "--methods", "resnet,csra", "--epochs", "4", *TINY)


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with ForkServer() as started:
        yield started


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_voc(tmp_path / "data", train=IMAGES, test=4)
    return tmp_path


def disturbed(server: ForkServer, home: Path, disturb: Callable[[int], None], *more: str) -> tuple[int, str]:
    """Run a matrix, and do something to it when the second epoch of its first training begins."""
    out = home / "printed.txt"
    process = server.start([*RUN, *more], home, own_environment(home, home / "data"), out)
    ends = time.monotonic() + 200
    while "epoch 1:" not in (out.read_text() if out.exists() else "") and time.monotonic() < ends:
        time.sleep(0.02)
    disturb(process)
    return server.wait(process), out.read_text()


def again(server: ForkServer, home: Path) -> tuple[int, str]:
    out = home / "again.txt"
    arguments = [*RUN, "--overwrite", "failed"]
    return server.run(arguments, home, own_environment(home, home / "data"), out), out.read_text()


def records(home: Path) -> dict[str, Record]:
    found = [one for one in RecordStore(home / "results").all() if isinstance(one, Record)]
    return {one.cell.method.name: one for one in found}


def workers_of(process: int) -> list[int]:
    """The loading processes of a process: its forks, which are called as it is."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    called = Path(f"/proc/{process}/cmdline").read_bytes()
    return [int(one) for one in children if Path(f"/proc/{one}/cmdline").read_bytes() == called]


def kill_one_of_two(process: int) -> None:
    """Kill a loading process, once both are there."""
    ends = time.monotonic() + 60
    while len(found := workers_of(process)) < 2 and time.monotonic() < ends:
        time.sleep(0.02)
    os.kill(found[0], signal.SIGKILL)


def test_a_run_that_loses_a_loading_process_goes_on_with_the_same_bits(
    server: ForkServer, home: Path
) -> None:
    status, said = disturbed(server, home, kill_one_of_two, "--workers", "2")
    assert "Traceback" not in said
    assert status == 0, said
    assert "a loading process was killed (SIGKILL)" in said and "it goes on from its last epoch" in said
    found = records(home)["resnet"]
    shutil.rmtree(home / "results")
    shutil.rmtree(home / "work" / "runs")
    status, said = again(server, home)
    assert status == 0, said
    undisturbed = records(home)["resnet"]
    assert found.scores_sha256 == undisturbed.scores_sha256
    assert [(one.feed, one.loss) for one in found.history] == [
        (one.feed, one.loss) for one in undisturbed.history
    ]


def test_a_run_that_loses_them_again_and_again_ends_by_name_and_the_matrix_goes_on(
    server: ForkServer, home: Path
) -> None:
    def kill(process: int) -> None:
        ends = time.monotonic() + 150
        while "resnet" not in records(home) and time.monotonic() < ends:
            for one in workers_of(process)[:1]:
                os.kill(one, signal.SIGKILL)
            time.sleep(0.05)

    status, said = disturbed(server, home, kill, "--workers", "2")
    assert "Traceback" not in said
    assert status == 1, said
    assert said.count("it goes on from its last epoch") == 2, said
    failed, trained = records(home)["resnet"], records(home)["csra"]
    assert failed.status == "failed" and trained.status == "finished"
    assert failed.error is not None
    assert failed.error.startswith("a loading process was killed (SIGKILL)"), failed.error
    status, said = again(server, home)
    assert status == 0 and records(home)["resnet"].status == "finished", said


def test_a_photograph_that_breaks_is_named(server: ForkServer, home: Path) -> None:
    pictures = home / "data" / "VOCdevkit" / "VOC2007" / "JPEGImages"
    whole = {path.name: path.read_bytes() for path in sorted(pictures.iterdir())[:IMAGES]}

    def break_all(process: int) -> None:
        for name in whole:
            # As a copy that was interrupted leaves it.
            (pictures / name).write_bytes(whole[name][: len(whole[name]) // 3])

    status, said = disturbed(server, home, break_all, "--workers", "2")
    assert "Traceback" not in said
    assert status == 1, said
    failed = records(home)["resnet"]
    assert failed.status == "failed" and failed.error is not None
    assert str(pictures) in failed.error and ".jpg" in failed.error, failed.error
    for name, content in whole.items():
        (pictures / name).write_bytes(content)
    status, said = again(server, home)
    assert status == 0, said
    assert {one.status for one in records(home).values()} == {"finished"}


@pytest.mark.parametrize("gone", ["results", "work"])
def test_a_folder_that_goes_is_made_again_or_said(gone: str, server: ForkServer, home: Path) -> None:
    status, said = disturbed(server, home, lambda process: shutil.rmtree(home / gone, ignore_errors=True))
    assert "Traceback" not in said
    assert status in (0, 1, 2), said
    if status == 2:
        assert [line for line in said.splitlines() if line.startswith("Error: ")], said
    status, said = again(server, home)
    assert status == 0, said
    assert {one.status for one in records(home).values()} == {"finished"} and len(records(home)) == 3


def test_results_that_may_only_be_read(server: ForkServer, home: Path) -> None:
    with small_disk(home / "disk") as disk:
        (home / "results").symlink_to(disk.folder)
        environment = own_environment(home, home / "data")
        first = ["run", "--methods", "resnet", "--epochs", "1", *TINY]
        assert server.run(first, home, environment, home / "first.txt") == 0
        disk.read_only(True)
        before = sorted(disk.folder.rglob("*"))
        for arguments, status in (
            (["run", "--methods", "csra", "--epochs", "1", *TINY], 2),
            (["tables"], 2),
            (["leaderboard"], 2),
            (first, 0),
            (["ls"], 0),
            (["tables", "--out", "tables"], 0),
        ):
            out = home / f"{arguments[0]}-{len(arguments)}.txt"
            found = server.run(arguments, home, environment, out)
            said = out.read_text()
            assert found == status and "Traceback" not in said, (arguments, said)
            if status:
                assert "Read-only file system" in said.splitlines()[-1], said
        assert sorted(disk.folder.rglob("*")) == before
        disk.read_only(False)
        more = ["run", "--methods", "resnet,csra", "--epochs", "1", *TINY]
        assert server.run(more, home, environment, home / "more.txt") == 0


def test_a_clock_that_was_wrong(server: ForkServer, home: Path) -> None:
    """Everything that lies there was written in the future, or long ago: the same is found, and goes on."""
    environment = own_environment(home, home / "data")
    whole = ["run", "--methods", "resnet", "--epochs", "2", *TINY]
    assert server.run(whole, home, environment, home / "whole.txt") == 0
    (finished,) = [one for name, one in records(home).items() if name == "resnet"]
    for when in (4e9, 1.0):
        shutil.rmtree(home / "results" / "runs" / finished.run_id)
        for path in [*(home / "work").rglob("*"), *(home / "results").rglob("*")]:
            os.utime(path, (when, when))
        assert server.run(whole, home, environment, home / "then.txt") == 0
        assert records(home)["resnet"].scores_sha256 == finished.scores_sha256
        assert server.run(["tables"], home, environment, home / "tables.txt") == 0
