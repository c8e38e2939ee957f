"""A matrix on a real Slurm whose tasks are stopped in every way that a cluster has, each in mid-epoch."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench_command import TINY, bench
from slurm_cluster import SlurmCluster
from slurm_tasks import LAST, Task, assert_same_results, has_got, submit
from trees import write_voc

pytestmark = pytest.mark.slow

MATRIX = ("run", "--methods", "resnet", "--seeds", "0,1,2,3,4", "--epochs", str(LAST), *TINY)
# Slurm tells of the end of a task's time five minutes before, which for most of these is a long way off.
SETTINGS = 'gpus: 1\ncpus: 1\nmemory: 500M\ntime: "0:30:00"\nstop_before: 300\n'


def by_usr2(task: Task) -> None:
    with task.held_still() as process:
        task.cluster.command("scancel", "--signal=USR2", task.number)
        task.cluster.wait("USR2", lambda: has_got(process, signal.SIGUSR2))


def by_sigterm(task: Task) -> None:
    with task.held_still() as process:
        task.cluster.command("scancel", "--signal=TERM", task.number)
        task.cluster.wait("SIGTERM", lambda: has_got(process, signal.SIGTERM))


def by_sigkill(task: Task) -> None:
    with task.held_still() as process:
        os.kill(process, signal.SIGKILL)
        task.cluster.wait("the end of a task", lambda: task.state() == "FAILED")


def by_its_user(task: Task) -> None:
    with task.held_still():
        task.cluster.command("scontrol", "requeue", task.number)


def by_its_time_limit(task: Task) -> None:
    with task.held_still() as process:
        task.set_time_limit(4)
        task.cluster.wait("the end of the time", lambda: has_got(process, signal.SIGUSR2))
    task.cluster.wait("a task to be queued again", lambda: task.state() == "PENDING")
    task.set_time_limit(30)


WAYS: tuple[Callable[[Task], None], ...] = (by_usr2, by_sigterm, by_sigkill, by_its_user, by_its_time_limit)


def test_tasks_that_are_stopped_end_with_the_bits_of_an_undisturbed_matrix(
    cluster: SlurmCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, here, there = tmp_path / "data", tmp_path / "here", tmp_path / "there"
    write_voc(data, train=40, test=8)
    assert bench(here, data, *MATRIX).exit_code == 0

    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    submitted = submit(there, data, SETTINGS, *MATRIX)
    tasks = [
        Task(cluster, submitted, run_id)
        for seed in range(5)
        for run_id in submitted.job.cells
        if f"-resnet-s{seed}-" in run_id
    ]
    with ThreadPoolExecutor(len(WAYS)) as pool:
        for disturbed in [pool.submit(way, task) for way, task in zip(WAYS, tasks, strict=True)]:
            disturbed.result()
    states = cluster.wait_for_all()
    killed = tasks[WAYS.index(by_sigkill)]
    failed = [one.number for one in tasks if states[one.number] == "FAILED"]
    assert failed == [killed.number]

    # What Slurm does not queue again by itself is submitted by the same command, and nothing else.
    again = submit(there, data, SETTINGS, *MATRIX)
    assert again.job.cells == (killed.run_id,)
    cluster.wait_for_all()

    assert_same_results(here, there)
    for way, task in zip(WAYS, tasks, strict=True):
        logs = task.log() + (Task(cluster, again, task.run_id).log() if task is killed else "")
        assert logs.count("going on after epoch") == 1, f"{way.__name__}: {logs}"
        assert sorted(task.epochs(logs)) == list(range(1, LAST + 1)), f"{way.__name__}: {logs}"
        requeued = way in (by_usr2, by_sigterm, by_its_time_limit)
        assert logs.count("queued again: it goes on") == requeued, f"{way.__name__}: {logs}"
