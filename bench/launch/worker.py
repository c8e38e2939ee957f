"""What a task runs: functions of names alone, which any scheduler can call."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, Literal

from rich.console import Console

from bench.engine.parallel.launch import launch
from bench.engine.parallel.ranks import ALONE, Ranks
from bench.engine.planning.events import Events
from bench.engine.planning.log import LogDisplay
from bench.engine.planning.plan import Cell, plan
from bench.engine.running.code import code_digest
from bench.errors import UserError
from bench.launch.job import Job, in_place_of, is_cancelled, load_job
from bench.records.holder import Holder
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.stop import Stopped, heeding_signals, stop_if_asked
from bench.version import __version__

Ended = Literal["finished", "failed", "held", "stopped"]
"""How a run ended: its record says finished or failed; another process is at work on it; it was told to stop,
and goes on from its last epoch in the next task."""

STATUSES: Final[dict[Ended, int]] = {"finished": 0, "failed": 1, "held": 3, "stopped": 4}
"""What processes that share a cell end with."""


def prepare(job_folder: str) -> None:
    """Do once what all cells of a job need: read and check the data, make vectors and features, try models.

    Args:
        job_folder: of the job.

    Raises:
        UserError: something cannot be used, or the code is not that of the job.
    """
    job = load_job(Path(job_folder))
    with in_place_of(job), LogDisplay(Console()) as log:
        prepare_cells(job, plan(job.matrix, log.task), log)


def prepare_cells(job: Job, planned: list[Cell], log: Events) -> None:
    """Do that for the cells of a job, of all that were planned.

    Raises:
        UserError: one is not planned any more, or the code is not that of the job.
    """
    log.task("loading PyTorch")
    # Here, because it imports torch, which takes seconds.
    from bench.engine.building.build import check_models
    from bench.engine.planning.machine import Machine

    named = {cell.spec.run_id(): [cell] for cell in planned}
    cells = [find_cell(job, named.get(run_id, []), run_id) for run_id in job.cells]
    machine = Machine.choose(job.matrix.device, job.matrix.workers, job.matrix.compile, cells)
    check_models(cells, machine.device, log.task)


def run_named(job_folder: str, run_id: str, task: str = "") -> Ended:
    """Run one cell of a job, by its name, and say how it ended.

    Args:
        job_folder: of the job.
        run_id: the name of the run.
        task: what the scheduler calls the task that this is, for who looks at it while it runs.

    Raises:
        UserError: the job has no such cell, or the code is not that of the job.
    """
    folder = Path(job_folder).absolute()
    job = load_job(folder)
    if job.matrix.devices > 1:
        return _by_several(folder, job, run_id, task)
    with in_place_of(job), LogDisplay(Console()) as log, heeding_signals():
        try:
            cell = find_cell(job, plan(job.matrix, log.task), run_id)
            return run_cells(folder, job, [cell], log, task)[run_id]
        except Stopped as stopped:
            log.note(f"stopped by {stopped.signal.name}; {run_id} goes on from its last epoch")
            return "stopped"


def _by_several(folder: Path, job: Job, run_id: str, task: str) -> Ended:
    """Run a cell in processes of its own, which share its batches."""
    command = [sys.executable, "-m", "bench.launch.part", str(folder), run_id, task]
    try:
        status = launch(command, job.matrix.devices)
    except Stopped:
        return "stopped"
    return {code: ended for ended, code in STATUSES.items()}.get(status, "failed")


def run_cells(
    folder: Path, job: Job, cells: list[Cell], log: Events, task: str = "", ranks: Ranks = ALONE
) -> dict[str, Ended]:
    """Run cells of a job, one after the other, but those that others are at work on.

    Args:
        folder: of the job.
        job: that they belong to.
        cells: of it.
        log: told of the progress.
        task: what the scheduler calls this task.
        ranks: the processes that share each batch.

    Returns:
        How each ended, by the name of its run.
    """
    log.task("loading PyTorch")
    # Here, because it imports torch, which takes seconds.
    from bench.engine.planning.machine import Machine
    from bench.engine.running.claimed import Task, Turn, run_claimed

    machine = Machine.choose(job.matrix.device, job.matrix.workers, job.matrix.compile, cells, ranks)
    store = RecordStore(job.matrix.results)
    ended: dict[str, Ended] = {}
    for number, cell in enumerate(cells, start=1):
        stop_if_asked()
        run_id = cell.spec.run_id()
        if ranks.from_first(
            partial(is_cancelled, folder, run_id)
        ):  # while the data were read and PyTorch loaded
            ended[run_id] = "stopped"
            continue
        of = Turn(number, len(cells))
        found = run_claimed(cell, machine, store, log, of, job.matrix.log, Task(job.name, task))
        if isinstance(found, Holder):
            ended[run_id] = "held"
        else:
            finished = isinstance(found, Record) and found.status == "finished"
            ended[run_id] = "finished" if finished else "failed"
    return ended


def find_cell(job: Job, cells: list[Cell], run_id: str) -> Cell:
    """The cell of that name, to be run unless something was stored of it since the job was submitted.

    Raises:
        UserError: there is no such cell, or the code is not that of the job.
    """
    if run_id not in job.cells:
        raise UserError(f"The job {job.name} has no run {run_id}.")
    found = [cell for cell in cells if cell.spec.run_id() == run_id]
    if not found:
        raise UserError(
            f"The matrix of the job {job.name} has no run {run_id} any more: data, schedule or vectors were "
            "changed since it was submitted; submit it again."
        )
    check_code(job, found[0])
    return replace(found[0], state="to run", stamp=job.stored.get(run_id, ""))


def check_code(job: Job, cell: Cell) -> None:
    """UserError where a cell would be run by another version or by other code than the job was made with."""
    method = cell.spec.method.name
    now = code_digest(method)
    if __version__ != job.version or now != job.code.get(method):
        raise UserError(
            f"The code was changed since the job {job.name} was submitted (version {job.version}, digest "
            f"{job.code.get(method)}; now {__version__}, {now}): submit it again."
        )
