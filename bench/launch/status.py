"""Where the cells of submitted matrices and of plain commands are, from files; a scheduler is asked once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench.errors import UserError, one_line
from bench.files import read_json
from bench.launch.job import Submitted, list_jobs, load_job, log_of
from bench.launch.launchers import launcher_named
from bench.records.claims import Claims
from bench.records.holder import Held, Progress
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.resolve import named_like
from bench.settings import EPOCHS, work_folder

Where = Literal["waiting", "running", "finished", "failed", "stopped", "not begun"]

TAIL = 20_000
"""Bytes at the end of a log that its last lines are looked for in."""


@dataclass(frozen=True)
class CellStatus:
    """Where a cell is.

    Attributes:
        job: the name of the matrix that was submitted; empty of a plain command.
        run: its name.
        state: `waiting` to be begun, `stopped` after some epochs, to go on when it is run again, or
            `not begun` where nothing is left that would begin it.
        since: when it was begun, in UTC, of one that is running.
        host: where it is running.
        process: the number of its process there.
        user: whose.
        task: what a scheduler calls its part of the job.
        progress: of one that is running.
        epochs_done: epochs that it goes on after.
        map: mean average precision in percent, of one that has finished.
        last: the last lines of what it printed, or why it failed.
    """

    job: str
    run: str
    state: Where
    since: str = ""
    host: str = ""
    process: int | None = None
    user: str = ""
    task: str = ""
    progress: Progress | None = None
    epochs_done: int = 0
    map: float | None = None
    last: str = ""


def cell_statuses(results: Path, jobs: list[Submitted]) -> list[CellStatus]:
    """Every cell of some jobs, then whatever else is claimed under `results`.

    What a scheduler ended by itself, or was told to, left no word in files: of those that wait it is asked.
    """
    cells = [*_from_files(results, jobs)]
    lost = _lost(cells, jobs)
    if lost:  # files are read again, since a task may have ended before its scheduler was asked
        cells = [*_from_files(results, jobs)]
    return [
        replace(one, state="stopped" if one.epochs_done else "not begun", last=lost[one.job, one.run])
        if one.state == "waiting" and (one.job, one.run) in lost
        else one
        for one in cells
    ]


def _lost(cells: list[CellStatus], jobs: list[Submitted]) -> dict[tuple[str, str], str]:
    """Why cells that wait, as files tell, do not, by the names of job and run: what their launchers know."""
    by_name = {one.job.name: one for one in jobs}
    waiting: dict[str, list[tuple[Submitted, str]]] = {}
    for cell in cells:
        if cell.state == "waiting":
            submitted = by_name[cell.job]
            waiting.setdefault(submitted.job.launcher, []).append((submitted, cell.run))
    return {
        one: why for name, those in waiting.items() for one, why in launcher_named(name).lost(those).items()
    }


def _from_files(results: Path, jobs: list[Submitted]) -> Iterator[CellStatus]:
    """The cells, as files tell."""
    told = set()
    for submitted in jobs:
        store = RecordStore(submitted.job.results)
        held = {one.run_id: one for one in Claims(store.folder).held()}
        for run_id in submitted.job.cells:
            told.add((store.folder.absolute(), run_id))
            yield _of_job(submitted, run_id, store, held.get(run_id))
    folder = RecordStore(results).folder
    for one in Claims(folder).held():
        if (folder.absolute(), one.run_id) not in told and not one.over:
            yield _running(one.holder.job, one)


def jobs_named(start: str) -> list[Submitted]:
    """The job whose name begins or ends with this, or all where it is empty.

    Raises:
        UserError: there is none, or there are several.
    """
    jobs = list_jobs()
    if not start:
        return jobs
    names = named_like(start, [one.job.name for one in jobs])
    found = [one for one in jobs if one.job.name in names]
    if len(found) != 1:
        raise UserError(
            f"{len(found) or 'No'} jobs in {work_folder()} begin or end with '{start}'; `bench status` lists "
            "the names."
        )
    return found


def last_lines(path: Path, count: int) -> list[str]:
    """The last lines of a file, without those that are empty; none where there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def _of_job(submitted: Submitted, run_id: str, store: RecordStore, held: Held | None) -> CellStatus:
    job, log = submitted.job, log_of(submitted.folder, run_id)
    if job.is_done(store, run_id):
        record = store.load(run_id)
        if isinstance(record, Record) and record.status == "finished":
            measured = round(100 * record.metrics.mAP, 2) if record.metrics else None
            return CellStatus(job.name, run_id, "finished", map=measured)
        why = (record.error or "") if isinstance(record, Record) else (record.reason if record else "")
        return CellStatus(job.name, run_id, "failed", last=one_line(why))
    if held is not None and not held.over:
        return _running(job.name, held)
    active, goes_on, ended = _launched(submitted, run_id)
    done = epochs_done(Path(job.environment["BENCH_WORK"]) / "runs" / run_id)
    printed = last_lines(log, 40)
    if active and goes_on:
        return CellStatus(job.name, run_id, "waiting", epochs_done=done)
    if _went_wrong(printed) or (ended and not done):
        return CellStatus(job.name, run_id, "failed", last="\n".join([*printed[-3:], ended]).strip())
    if printed and not active:
        return CellStatus(job.name, run_id, "stopped", epochs_done=done, last=ended)
    return CellStatus(job.name, run_id, "waiting" if active else "not begun")


def _went_wrong(printed: list[str]) -> bool:
    """Whether a log ends with a mistake, not with a run."""
    for line in reversed(printed):
        if line.startswith(("Error:", "Traceback")):
            return True
        if line.startswith(("[", "stopped by", "  epoch")):
            return False
    return False


def epochs_done(folder: Path) -> int:
    """The epochs that a run goes on after; 0 where it begins anew."""
    try:
        return int(read_json(folder / EPOCHS)["epochs"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _running(job: str, held: Held) -> CellStatus:
    who = held.holder
    return CellStatus(
        job,
        held.run_id,
        "running",
        since=who.since,
        host=who.process.host,
        process=who.process.pid,
        user=who.user,
        task=who.task,
        progress=held.progress,
    )


def _launched(submitted: Submitted, run_id: str) -> tuple[bool, bool, str]:
    """What a launcher says of a cell: whether it is active, whether it goes on by itself, how it ended."""
    try:
        launcher = launcher_named(submitted.job.launcher)
    except UserError:  # of another version
        return False, False, ""
    return launcher.is_active(submitted, run_id), launcher.GOES_ON, launcher.how_ended(submitted, run_id)


def logs_named(start: str) -> list[Path]:
    """The logs of runs whose names begin or end with this, the newest last; `prepare` is of what is once."""
    found = [
        log_of(submitted.folder, run_id)
        for submitted in list_jobs()
        for run_id in named_like(start, (*load_job(submitted.folder).cells, "prepare"))
    ]
    return sorted((path for path in found if path.is_file()), key=lambda path: path.stat().st_mtime)
