"""A matrix on a Slurm cluster: a job that prepares, and an array of tasks after it, one for each cell.

By submitit, which is given the names of functions and texts, never an object of ours: what a task runs is the
code that lies there when it starts.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.engine.planning.plan import Cell
from bench.engine.running.execute import Outcome, tell_plan
from bench.errors import UserError, one_line
from bench.experiment.matrix import MatrixSpec
from bench.launch.job import Job, Submitted, change_job, create_job, is_cancelled, log_of, mark_cancelled
from bench.launch.screen import Screen
from bench.launch.slot import PREPARE
from bench.launch.slurm_queue import configuration, lost, note_cluster
from bench.launch.slurm_settings import SlurmSettings, read_slurm_settings, store_settings

if TYPE_CHECKING:
    from submitit import SlurmExecutor

__all__ = ("GOES_ON", "cancel", "check", "foretell", "how_ended", "is_active", "launch", "lost")

GOES_ON = True
DEFAULT_ARRAY = 1001
"""How many tasks an array may have where a cluster does not say, which is Slurm's default (MaxArraySize)."""
LOGS = "slurm"
"""The folder of a job that holds what its tasks wrote."""

# The shell that runs a task leaves behind how it ended, unless the machine goes down with it.
_ENDED = (
    "bench_task=${SLURM_ARRAY_TASK_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}",
    'bench_task=%(logs)s/${bench_task:-$SLURM_JOB_ID}.ended; rm -f "$bench_task"',
    "trap 'echo $? > \"$bench_task\"' EXIT",
)


def check(matrix: MatrixSpec) -> MatrixSpec:
    """The matrix, on a GPU where the file of `--slurm` asks for one and the matrix says nothing.

    Raises:
        UserError: the file cannot be used, or gives too few GPUs.
    """
    settings = _settings(matrix)
    if 0 < settings.gpus < matrix.devices:
        raise UserError(
            f"--devices {matrix.devices} needs as many GPUs in each task, and {matrix.slurm} asks for "
            f"{settings.gpus}: give gpus: {matrix.devices} there."
        )
    return (
        matrix.model_copy(update={"device": "cuda"}) if settings.gpus and matrix.device == "auto" else matrix
    )


def foretell(matrix: MatrixSpec, cells: list[Cell]) -> list[str]:
    """What would be submitted."""
    settings = _settings(matrix)
    count = sum(cell.state == "to run" for cell in cells)
    if not count:
        return []
    at_once = f", {settings.at_once} at a time" if settings.at_once else ""
    return [
        f"To be submitted to Slurm: a task that prepares, and after it {count} for the runs{at_once}.",
        f"Each task asks for {settings.described()}.",
    ]


def launch(matrix: MatrixSpec, cells: list[Cell], screen: Screen) -> Outcome | None:
    """Submit the cells that are to be run.

    Raises:
        UserError: there is no Slurm here, or it refuses.
    """
    outcome = tell_plan(cells, screen)
    settings = _settings(matrix)
    if shutil.which("sbatch") is None or shutil.which("srun") is None:
        raise UserError(
            "There is no Slurm here: `sbatch` is not found; use a login node, or --launcher local."
        )
    if all(cell.state != "to run" for cell in cells):
        return outcome
    submitted = create_job(matrix, cells, "slurm")
    try:
        job = _submit(submitted.folder, submitted.job, settings)
    except UserError:
        shutil.rmtree(submitted.folder, ignore_errors=True)  # it is nothing to be told of
        raise
    arrays = dict.fromkeys(job.ids[name].partition("_")[0] for name in job.cells)
    jobs = "job" if len(arrays) == 1 else "jobs"
    screen.note(
        f"Submitted as job {job.name}: {len(job.cells)} of {len(cells)} runs in Slurm's {jobs} "
        f"{', '.join(arrays)}, after job {job.ids[PREPARE]}, which prepares what they all need."
    )
    screen.note(
        "`bench status` shows how far they are, `bench logs RUN` what one wrote; `bench cancel` stops them."
    )
    return None


def _settings(matrix: MatrixSpec) -> SlurmSettings:
    assert matrix.slurm is not None  # which the matrix has checked
    return read_slurm_settings(matrix.slurm)


def _submit(folder: Path, job: Job, settings: SlurmSettings) -> Job:
    """Hand a job to Slurm, and write down the numbers that Slurm gave."""
    # Here, because the names of functions are all that is needed of it.
    from bench.launch.slurm_task import prepare_task, run_task

    store_settings(folder, settings)
    configured = configuration()
    if "clusters" not in settings.sbatch:  # which may name another one
        note_cluster(folder, configured.get("ClusterName", ""))
    first = _submitted(_executor(folder, job, settings), prepare_task, [str(folder)])[0]
    ids = {PREPARE: first}
    job = change_job(folder, ids=ids)
    after = f"afterok:{first}"
    try:
        for cells in _arrays(job.cells, configured.get("MaxArraySize", "")):
            executor = _executor(folder, job, settings, after)
            tasks = _submitted(executor, run_task, [str(folder)] * len(cells), cells)
            ids |= dict(zip(cells, tasks, strict=True))
            job = change_job(folder, ids=ids)
            # What runs at once is counted within an array, so that the next one has to wait for all of it.
            if settings.at_once:
                after = f"afterok:{first},afterany:{tasks[0].partition('_')[0]}"
    except UserError:
        _scancel(list(dict.fromkeys(number.partition("_")[0] for number in ids.values())))
        raise
    for name, number in job.ids.items():
        log = log_of(folder, name)
        log.parent.mkdir(exist_ok=True)
        log.symlink_to(Path("..") / LOGS / f"{number}_0_log.out")
    return job


def _arrays(cells: Sequence[str], allowed: str) -> Iterator[Sequence[str]]:
    """The cells in parts, none of more tasks than an array of this cluster may have."""
    size = int(allowed) if re.fullmatch(r"[1-9]\d*", allowed) else DEFAULT_ARRAY
    return (cells[start : start + size] for start in range(0, len(cells), size))


def _executor(folder: Path, job: Job, settings: SlurmSettings, after: str | None = None) -> "SlurmExecutor":
    """What submits tasks; `after` is what they wait for, as `--dependency` of sbatch takes it."""
    from submitit import SlurmExecutor

    logs = folder / LOGS
    limit = settings.limit()
    given = {
        "partition": settings.partition,
        "account": settings.account,
        "qos": settings.qos,
        "cpus_per_task": settings.cpus,
        "gpus_per_node": settings.gpus or None,
        "mem": settings.memory,
        "dependency": after,
    }
    # NCCL takes USR1, so it is USR2. Without kill-on-invalid-dep tasks wait for ever where preparing failed.
    options: dict[str, Any] = {"requeue": True, "signal": f"USR2@{settings.stop_before}", **settings.sbatch}
    if after:
        options["kill-on-invalid-dep"] = "yes"
    executor = SlurmExecutor(logs)
    executor.update_parameters(
        **{name: value for name, value in given.items() if value is not None},
        job_name=f"bench-{job.name}",
        time=None if limit is None else -(-limit // 60),
        nodes=1,
        ntasks_per_node=1,
        array_parallelism=settings.at_once or len(job.cells),
        stderr_to_stdout=True,
        setup=_setup(settings, logs),
        # Since 22.05 srun does not take over the CPUs of its job by itself.
        srun_args=["--cpu-bind=none", *([f"--cpus-per-task={settings.cpus}"] if settings.cpus else [])],
        wckey=None,
        additional_parameters=options,
    )
    return executor


def _setup(settings: SlurmSettings, logs: Path) -> list[str]:
    """What the shell of a task does before its function is called."""
    ended = [line % {"logs": shlex.quote(str(logs))} for line in _ENDED]
    # A line that fails ends the task with its code. No -u: modules use variables that are not set.
    return [*ended, "set -e", *settings.setup, "set +e"]


def _submitted(
    executor: "SlurmExecutor", function: Callable[..., None], *arguments: Sequence[str]
) -> list[str]:
    """Submit a call for each of the arguments, and give what Slurm calls them."""
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        with _outside_of_a_task():
            return [str(task.job_id) for task in executor.map_array(function, *arguments)]
    except (FailedJobError, FailedSubmissionError) as error:
        said = one_line(error).removeprefix("sbatch: error: ").rstrip(".")
        raise UserError(f"Slurm does not take the job: {said}; change the file of --slurm.") from error


@contextmanager
def _outside_of_a_task() -> Iterator[None]:
    """Without the variables of a task that this may run in, which sbatch would take for what is asked for."""
    names = tuple(os.environ) if "SLURM_JOB_ID" in os.environ else ()
    of_task = [name for name in names if name.startswith(("SLURM_", "SRUN_")) and name != "SLURM_CONF"]
    hidden = {name: os.environ.pop(name) for name in of_task}
    try:
        yield
    finally:
        os.environ.update(hidden)


def cancel(submitted: Submitted, runs: list[str]) -> list[str]:
    """Take a whole job, or some of its runs, from the queue, and stop those that run; gives a line on each.

    Raises:
        UserError: Slurm is not there, or does not answer.
    """
    folder, job = submitted
    known = [name for name in runs or job.ids if name in job.ids]
    if not known:
        return [f"{' and '.join(runs) or f'job {job.name}'} is not in the queue"]
    for name in known:
        mark_cancelled(folder, name)
    whole = dict.fromkeys(job.ids[name].partition("_")[0] for name in known)
    numbers = [job.ids[name] for name in known] if runs else list(whole)
    _scancel(numbers)
    names = known if runs else [f"job {job.name}"] * len(numbers)
    return [
        f"{name} was cancelled: Slurm's job {number}" for name, number in zip(names, numbers, strict=True)
    ]


def _scancel(numbers: list[str]) -> None:
    for number in numbers:
        try:
            done = subprocess.run(["scancel", number], capture_output=True, text=True, timeout=120)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"Slurm's job {number} could not be cancelled: {one_line(error)}.") from error
        if done.returncode and "Invalid job id" not in done.stderr:  # it has ended long ago
            raise UserError(f"Slurm's job {number} could not be cancelled: {one_line(done.stderr)}")


def is_active(submitted: Submitted, run_id: str) -> bool:
    """Whether Slurm still has a task for a cell, as far as its files tell."""
    folder, job = submitted
    return run_id in job.ids and not any(
        is_cancelled(folder, name) or _exit_code(submitted, name) for name in (PREPARE, run_id)
    )


def how_ended(submitted: Submitted, run_id: str) -> str:
    """How the task of a cell ended that Slurm does not begin again; nothing where it may."""
    for name in (PREPARE, run_id):
        code = _exit_code(submitted, name)
        if code:
            how = (
                f"was killed by {signal.Signals(code - 128).name}"
                if 128 < code < 160
                else f"ended with code {code}"
            )
            what = "the task that prepares" if name == PREPARE else "its task"
            return f"{what} {how}; the same command submits what is missing"
    return ""


def _exit_code(submitted: Submitted, name: str) -> int:
    """That of a task's shell; 0 where it goes on, or nothing is known."""
    number = submitted.job.ids.get(name)
    try:
        return 0 if number is None else int((submitted.folder / LOGS / f"{number}.ended").read_text())
    except (OSError, ValueError):
        return 0
