"""What a task does on a Slurm cluster, beside its cell: it has itself queued again where that is to go on.

submitit would do so for the first three time limits. Its handlers of signals are replaced by those that stop
a run at a step's end, so that one program asks, once for each time, and as often as it takes.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from bench.errors import UserError, one_line
from bench.launch.job import in_place_of, is_cancelled, load_job
from bench.launch.slurm_settings import SlurmSettings, seconds_of, stored_settings
from bench.launch.worker import prepare, run_named
from bench.settings import CHECKPOINT, work_folder
from bench.stop import STOPS, Stopped, heeding_signals

FAILED = 1
"""Exit code of a task whose cell has no result."""
NOT_QUEUED = 75
"""Exit code of a task that was to go on, and could not be queued again."""

# What Slurm says of a task that was told to stop and is to go on: it runs, or its time is over. It says
# another thing of one that its user cancelled, and of one that it has queued again already.
_GOES_ON = re.compile(r"JobState=(RUNNING|TIMEOUT|PREEMPTED|COMPLETING Reason=TimeLimit)\b")
_TRIES, _PAUSE = 5, 2.0  # of a command that the controller may be too busy to answer, and seconds in between


def run_task(job_folder: str, run_id: str) -> None:
    """Run one cell of a job; submitit calls it by its name.

    Args:
        job_folder: of the job.
        run_id: the name of the run.
    """
    started = time.time()
    folder = Path(job_folder)
    with _one_sentence():
        settings = stored_settings(folder)
        try:
            with _heeding_alone():
                ended = run_named(job_folder, run_id, task=f"Slurm {_own_id()}")
        except Stopped:
            ended = "stopped"
        if ended == "held":
            _queue_again("another process has its cell", after=round(60 * settings.look_again))
        if ended == "stopped" and is_cancelled(folder, run_id):
            print("not queued again: it was cancelled", flush=True)
        elif ended == "stopped":
            if _took_whole_time(started, settings) and not _went_on_since(started, folder, run_id):
                time_of_task = settings.time or "which the cluster gives where the Slurm file has no time"
                raise UserError(
                    f"No epoch of {run_id} was done within the time of a task, {time_of_task}: give it more."
                )
            _queue_again("it goes on from its last epoch")
    if ended == "failed":
        sys.exit(FAILED)


def prepare_task(job_folder: str) -> None:
    """Prepare what all cells of a job need; submitit calls it by its name.

    Args:
        job_folder: of the job.
    """
    with _one_sentence():
        try:
            with _heeding_alone():
                prepare(job_folder)
        except Stopped as stopped:
            # It would begin from the start, and end here again.
            if stopped.signal == signal.SIGUSR2:
                raise UserError(
                    "What is prepared once was not ready within the time of a task: give it more."
                ) from None
            _queue_again("it begins again")


@contextmanager
def _heeding_alone() -> Iterator[None]:
    """Stop when a signal says so, and leave none to submitit's handlers, before or after."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    with heeding_signals():
        yield


@contextmanager
def _one_sentence() -> Iterator[None]:
    """End the task with the sentence of a `UserError`, which submitit would store as a traceback."""
    try:
        yield
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        sys.exit(FAILED)


def _own_id() -> str:
    """What Slurm's commands call this task: `12`, or of an array `12_3`."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]


def _took_whole_time(started: float, settings: SlurmSettings) -> bool:
    """Whether a task that was told to stop was near its time limit; Slurm may tell a minute early."""
    limit = settings.limit() or _limit_given()
    return limit is not None and time.time() - started > limit - settings.stop_before - 90


def _limit_given() -> int | None:
    """The time that Slurm gave this task, seconds; None where it has no end."""
    begins, ends = (os.environ.get(f"SLURM_JOB_{side}_TIME", "") for side in ("START", "END"))
    if begins.isdecimal() and ends.isdecimal():  # of newer versions
        return int(ends) - int(begins)
    found = re.search(r"\bTimeLimit=(\S+)", _scontrol("show", "job", _own_id(), "--oneliner"))
    return seconds_of(found[1]) if found else None


def _went_on_since(started: float, folder: Path, run_id: str) -> bool:
    """Whether an epoch was done since a moment."""
    with in_place_of(load_job(folder)):
        checkpoint = work_folder() / "runs" / run_id / CHECKPOINT
        return checkpoint.is_file() and checkpoint.stat().st_mtime > started


def _queue_again(why: str, after: int = 0) -> NoReturn:
    """End this task and have it queued again, unless it is queued already or was cancelled.

    Args:
        why: a line for its log.
        after: seconds before which it does not start.
    """
    # Slurm sends SIGTERM to all of a task that it queues again: it is ignored here, as it is by the commands.
    own = _own_id()
    found = re.search(r"JobState=\S+( Reason=\S+)?", _scontrol("show", "job", own, "--oneliner"))
    state = found[0] if found else "nothing"
    if _GOES_ON.match(state):
        print(f"queued again: {why}", flush=True)
        # Both at once, because Slurm soon ends this task. If sooner, it starts when Slurm lets it by itself:
        # two minutes later, where nobody says otherwise.
        _scontrol(said=[f"requeue {own}", *([f"update JobId={own} StartTime=now+{after}"] if after else [])])
    else:
        print(f"not queued again from here: Slurm says {state}", flush=True)
    sys.exit(0)


def _scontrol(*words: str, said: Sequence[str] = ()) -> str:
    """What the command prints, of its arguments or of what it is told, a line each."""
    for last in (*[False] * (_TRIES - 1), True):
        try:
            done = subprocess.run(
                ["scontrol", *words],
                input="".join(f"{line}\n" for line in said),
                capture_output=True,
                text=True,
                timeout=60,
            )
            wrong = one_line(done.stderr) if done.returncode or (said and done.stderr) else ""
        except (OSError, subprocess.SubprocessError) as error:
            wrong = one_line(error)
        if not wrong:
            return done.stdout
        if last:
            print(f"Error: scontrol {' '.join(words or said)}: {wrong}", file=sys.stderr, flush=True)
            print("The same `bench run` submits what is missing.", file=sys.stderr, flush=True)
            sys.exit(NOT_QUEUED)
        time.sleep(_PAUSE)
    raise AssertionError
