"""A matrix that was submitted: what its tasks are told, as a folder with a file that a person can read.

A task is called with two names, that of this folder and that of a run; everything else it finds here. No
object is pickled: a task runs the code that lies there when it starts, and can say so where that has changed.
"""

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from bench.engine.planning.plan import Cell
from bench.engine.running.code import code_digest
from bench.errors import UserError
from bench.experiment.matrix import MatrixSpec
from bench.files import write_text
from bench.processors import GIVEN
from bench.records.store import RecordStore
from bench.settings import work_folder
from bench.validation import one_sentence
from bench.version import __version__

JOB = "job.json"
CANCELLED = "cancelled"
"""In the folder of a job, a file for each cell that is not to be begun any more."""
JOBS = "jobs"
"""The folder of jobs in the work folder."""
Name = Annotated[str, StringConstraints(pattern=r"^([^-./\\\x00][^/\\\x00]*)?$")]
"""Part of a file's name, and a word of a command that is no option of it."""


class Job(BaseModel):
    """A matrix that was submitted.

    Attributes:
        name: of its folder: when it was submitted, and a random part.
        matrix: what was asked for.
        cells: the names of the runs that were to be made.
        stored: of these, what was stored of each before, as `RecordStore.stamp` gives it; empty if nothing.
        launcher: what spreads the cells.
        created: when it was submitted, in UTC.
        user: who submitted it.
        host: where.
        version: of this project, then.
        code: by the name of a method, the digest of the code that its numbers depend on, then.
        folder: the working folder, which relative paths start from.
        environment: the variables `BENCH_...`, then; the work folder is one of them.
        ids: what a scheduler calls the parts of the job, by part.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    matrix: MatrixSpec
    cells: tuple[Name, ...]
    stored: dict[str, str] = {}
    launcher: str
    created: str
    user: str
    host: str
    version: str
    code: dict[str, str]
    folder: str
    environment: dict[str, str] = {}
    ids: dict[Name, Name] = {}

    @property
    def results(self) -> Path:
        """The folder of its records."""
        return Path(self.folder) / self.matrix.results

    def is_done(self, store: RecordStore, run_id: str) -> bool:
        """Whether something was stored of a cell since the job was submitted."""
        return store.stamp(run_id) not in ("", self.stored.get(run_id, ""))


class Submitted(NamedTuple):
    """A job and the folder that it lies in."""

    folder: Path
    job: Job


def create_job(matrix: MatrixSpec, cells: list[Cell], launcher: str) -> Submitted:
    """Write down a matrix whose cells are to be run by tasks.

    Args:
        matrix: what was asked for.
        cells: its cells, as they were planned; those that are to be run are the job's.
        launcher: what spreads them.
    """
    to_run = [cell for cell in cells if cell.state == "to run"]
    now = datetime.now(UTC)
    job = Job(
        name=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        matrix=_as_planned(matrix, cells),
        cells=tuple(cell.spec.run_id() for cell in to_run),
        stored={cell.spec.run_id(): cell.stamp for cell in to_run},
        launcher=launcher,
        created=now.isoformat(timespec="seconds"),
        user=getuser(),
        host=socket.gethostname(),
        version=__version__,
        code={name: code_digest(name) for name in sorted({cell.spec.method.name for cell in to_run})},
        folder=str(Path.cwd()),
        environment=_environment(),
    )
    folder = (work_folder() / JOBS / job.name).absolute()
    _write(folder, job)
    return Submitted(folder, job)


def _as_planned(matrix: MatrixSpec, cells: list[Cell]) -> MatrixSpec:
    """A matrix with the precision that `auto` was taken for: where tasks run, it may stand for another."""
    found = {cell.spec.schedule.precision for cell in cells}
    if len(found) != 1:  # of data sets with schedules of their own: one value for all would change some
        return matrix
    changed = {name: value for name, value in matrix.set.items() if name != "precision"}
    return matrix.model_copy(update={"precision": found.pop(), "set": changed})


def _environment() -> dict[str, str]:
    """The variables that a task works with; its share of a machine is its own."""
    ours = {name: value for name, value in os.environ.items() if name.startswith("BENCH_")}
    ours.pop(GIVEN, None)
    return {**ours, "BENCH_WORK": str(work_folder().absolute())}


def load_job(folder: Path) -> Job:
    """The job in a folder.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    path = folder / JOB
    try:
        return Job.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{folder} holds no job: {JOB} is missing.") from None
    except ValidationError as error:
        raise UserError(f"{path}: {one_sentence(error, Job.model_fields)}") from error


def change_job(folder: Path, **fields: Any) -> Job:
    """Write fields of a job that are known later, such as the numbers that a scheduler gave."""
    job = load_job(folder).model_copy(update=fields)
    _write(folder, job)
    return job


def list_jobs() -> list[Submitted]:
    """The jobs of the work folder that can be read, the oldest first."""
    found = []
    for path in sorted((work_folder() / JOBS).glob(f"[!.]*/{JOB}")):
        try:
            found.append(Submitted(path.parent.absolute(), load_job(path.parent)))
        except (UserError, OSError):  # of another version, or being removed
            continue
    return found


def _write(folder: Path, job: Job) -> None:
    text = json.dumps(job.model_dump(mode="json"), indent=1, ensure_ascii=False)
    write_text(folder / JOB, text + "\n")


def log_of(folder: Path, name: str) -> Path:
    """Where what a run of a job prints goes."""
    return folder / "logs" / f"{name}.log"


def mark_cancelled(folder: Path, run_id: str) -> None:
    """Have a cell of a job not begun any more."""
    (folder / CANCELLED).mkdir(exist_ok=True)
    (folder / CANCELLED / run_id).touch()


def is_cancelled(folder: Path, run_id: str) -> bool:
    """Whether a cell of a job is not to be begun any more."""
    return (folder / CANCELLED / run_id).exists()


@contextmanager
def in_place_of(job: Job) -> Iterator[None]:
    """Work where the job was submitted: in its folder, and with its variables."""
    before = dict(os.environ)
    os.environ.update(job.environment)
    try:
        with chdir(job.folder):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
