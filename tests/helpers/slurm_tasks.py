"""Tasks of a submitted matrix on a real Slurm: found, held still in the middle of an epoch, let go on."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from bench.launch.job import JOB, Submitted, load_job, log_of
from bench.launch.slurm import LOGS
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import bench
from slurm_cluster import SlurmCluster

LAST = 4
"""Epochs of a training that is disturbed."""

EPOCH = re.compile(r"^  epoch (\d+): ", re.MULTILINE)


class Task:
    """The task of a run."""

    def __init__(self, cluster: SlurmCluster, submitted: Submitted, run_id: str) -> None:
        self.cluster = cluster
        self.run_id = run_id
        self.number = submitted.job.ids[run_id]
        self._log = log_of(submitted.folder, run_id)

    def log(self) -> str:
        return self._log.read_text() if self._log.is_file() else ""

    def epochs(self, log: str | None = None) -> list[int]:
        """The epochs that were done, as its log tells them: of every time that the task ran."""
        return [int(number) for number in EPOCH.findall(self.log() if log is None else log)]

    def state(self) -> str:
        return self.cluster.states().get(self.number, "")

    def set_time_limit(self, minutes: int) -> None:
        self.cluster.command("scontrol", "update", f"JobId={self.number}", f"TimeLimit={minutes}")

    def process(self) -> int:
        """The number of the process that trains."""
        array, _, index = self.number.partition("_")
        of_array = {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": index}
        variables = of_array if index else {"SLURM_JOB_ID": self.number}
        numbers = {
            number
            for number, words in self.cluster.processes(**variables).items()
            if "submitit.core._submit" in words and "python" in Path(words[0]).name
        }
        # One that starts a program is there twice, until its copy has become that program.
        (found,) = (number for number in numbers if _parent_of(number) not in numbers)
        return found

    @contextmanager
    def held_still(self) -> Iterator[int]:
        """Stop the process a little after its first epoch, and let it go on when the block ends."""
        self.cluster.wait(f"an epoch of {self.number}", lambda: bool(self.epochs()))
        process = self.process()
        time.sleep(0.15)
        os.kill(process, signal.SIGSTOP)
        done = self.epochs()
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):  # where it was killed
                os.kill(process, signal.SIGCONT)
        assert 0 < len(done) < LAST, f"too late to be in the middle: {done}"


def _parent_of(process: int) -> int:
    """The number of the process that began it; 0 where it is gone."""
    with suppress(OSError):
        # Behind the name of the program, which may hold anything.
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def has_got(process: int, number: int) -> bool:
    """Whether a signal waits for a process that was held still, or has ended it: Slurm may let it go on."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except FileNotFoundError:
        return True
    masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigPnd", "ShdPnd"))]
    return any(mask >> (number - 1) & 1 for mask in masks)


def submit(folder: Path, data: Path, settings: str, *arguments: str) -> Submitted:
    """Submit a matrix with `bench ARGUMENTS`, and give what was submitted."""
    folder.mkdir(exist_ok=True)
    (folder / "gpu.yaml").write_text(settings)
    before = jobs(folder)
    done = bench(folder, data, *arguments, "--launcher", "slurm", "--slurm", "gpu.yaml")
    assert done.exit_code == 0, done.output
    (new,) = jobs(folder) - before
    return Submitted(new, load_job(new))


def submitted_in(folder: Path) -> Submitted:
    """The one job that was submitted in a folder."""
    (found,) = jobs(folder)
    return Submitted(found, load_job(found))


def epochs_in(folder: Path) -> list[int]:
    """The epochs that all tasks told of whose jobs were submitted in a folder."""
    logs = [path.read_text() for path in (folder / "work" / "jobs").glob(f"*/{LOGS}/*_log.out")]
    return [int(number) for log in logs for number in EPOCH.findall(log)]


def jobs(folder: Path) -> set[Path]:
    """The folders of the jobs that were submitted in a folder."""
    return {path.parent for path in (folder / "work" / "jobs").glob(f"*/{JOB}")}


def assert_same_results(one: Path, other: Path) -> None:
    """The records of two folders are of the same runs, with the same history and scores, bit for bit."""
    stores = [RecordStore(folder / "results") for folder in (one, other)]
    records = [
        {record.run_id: record for record in store.all() if isinstance(record, Record)} for store in stores
    ]
    assert records[0].keys() == records[1].keys()
    for run_id, first in records[0].items():
        second = records[1][run_id]
        assert (first.status, first.metrics) == (second.status, second.metrics), run_id
        for before, after in zip(first.history, second.history, strict=True):
            assert (before.loss, before.lr, before.feed) == (after.loss, after.lr, after.feed), run_id
            assert before.metrics == after.metrics, run_id
        if first.status == "finished":
            scores = [store.scores(record) for store, record in zip(stores, (first, second), strict=True)]
            np.testing.assert_array_equal(scores[0].logits, scores[1].logits, strict=True)
