"""What a cluster is asked for: the YAML file of `--slurm`."""

import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bench.errors import UserError
from bench.files import read_mapping, write_text
from bench.validation import one_sentence, read_described

SETTINGS = "slurm.json"

# Minutes; minutes:seconds; hours:minutes:seconds; days-hours, and with minutes and seconds.
_TIME = re.compile(r"\d+|(\d+:)?\d+:\d+|\d+-\d+(:\d+){0,2}")
# Options of sbatch that follow from the fields, or that the tasks depend on.
_OURS = frozenset(
    (
        *("account", "array", "cpus-per-task", "chdir", "dependency", "error", "gpus-per-node"),
        *("input", "job-name", "kill-on-invalid-dep", "mem", "no-requeue", "nodes", "ntasks"),
        *("ntasks-per-node", "open-mode", "output", "partition", "qos", "requeue", "signal", "time", "wrap"),
    )
)


class SlurmSettings(BaseModel):
    """What every task is given, and how many run at once.

    Attributes:
        partition: where tasks run; the cluster's default if None, as with the next two.
        account: who pays.
        qos: quality of service.
        gpus: of each task.
        cpus: of each task, for the loading processes too; the cluster's default if None.
        memory: of each task, as in `32G`; the cluster's default if None.
        time: of each task, as Slurm writes it: `24:00:00` or `2-12`; the partition's limit if None. A run
            that takes longer goes on in the next task.
        stop_before: seconds before that time's end at which a task is told to stop; more than a step takes.
        at_once: tasks that run at the same time, at most; no limit if None.
        look_again: minutes after which a task looks again for a cell that another process had claimed.
        setup: lines of the shell before the task starts, such as `module load cuda`.
        sbatch: other options of sbatch by their long names; `true` for one that takes no value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    gpus: int = Field(0, ge=0)
    cpus: int | None = Field(None, ge=1)
    memory: str | None = None
    time: str | None = None
    stop_before: int = Field(120, ge=1, le=65535)
    at_once: int | None = Field(None, ge=1)
    look_again: float = Field(10, gt=0, allow_inf_nan=False)
    setup: tuple[str, ...] = Field((), strict=False)
    sbatch: dict[str, str | int | bool] = {}

    @field_validator("time", mode="before")
    @classmethod
    def _is_a_text(cls, value: Any) -> Any:
        # YAML reads 24:00:00 as a number of seconds, and Slurm a number as minutes.
        if isinstance(value, int):
            raise ValueError('should be in quotes, as in "24:00:00"')
        if isinstance(value, str) and not _TIME.fullmatch(value):
            raise ValueError('should be hours:minutes:seconds or days-hours, as in "24:00:00" or "2-12"')
        return value

    @field_validator("memory")
    @classmethod
    def _is_an_amount(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[0-9]+[KMGT]?", value):
            raise ValueError("should be a whole number of K, M, G or T, as in 32G; of megabytes without one")
        return value

    @field_validator("sbatch")
    @classmethod
    def _are_options(cls, value: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        for name, given in value.items():
            if not re.fullmatch(r"[a-z][a-z-]*", name):
                raise ValueError(f"has '{name}', which is no long name of an option of sbatch")
            if name in _OURS:
                raise ValueError(f"has '{name}', which has a field of its own or is set for every task")
            if given is False:
                raise ValueError(f"has '{name}: false': leave the option out")
        return value

    def limit(self) -> int | None:
        """The time of a task, seconds; None where it is the partition's."""
        return None if self.time is None else seconds_of(self.time)

    def described(self) -> str:
        """What a task is given, for a person to read."""
        named = [
            f"{name} {value}" for name in ("partition", "account", "qos") if (value := getattr(self, name))
        ]
        said = [*named, f"{self.gpus} GPU" if self.gpus == 1 else f"{self.gpus} GPUs"]
        said += [f"{self.cpus} CPUs"] if self.cpus else []
        said += [f"{self.memory} of memory"] if self.memory else []
        said += [f"time {self.time}"] if self.time else []
        said += [f"--{name}" + ("" if value is True else f"={value}") for name, value in self.sbatch.items()]
        return ", ".join(said)


def seconds_of(time: str) -> int | None:
    """The seconds of a time as Slurm writes it; None where that is none, as `UNLIMITED`."""
    if not _TIME.fullmatch(time):
        return None
    days, dash, clock = time.rpartition("-")
    parts = [int(part) for part in clock.split(":")]
    if dash:  # from the hours on
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    else:  # up to the seconds, and a single number is minutes
        hours, minutes, seconds = (0, 0, *parts, *((0,) if len(parts) == 1 else ()))[-3:]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


def read_slurm_settings(path: Path) -> SlurmSettings:
    """What a YAML file asks of a cluster.

    Raises:
        UserError: no such file, not YAML, a misspelt key, or a value that cannot be.
    """
    fields = read_mapping(path, "Slurm file", may_be_empty=True)
    try:
        return SlurmSettings(**{name.replace("-", "_"): value for name, value in fields.items()})
    except ValidationError as error:
        raise UserError(f"In {path}: {one_sentence(error, SlurmSettings.model_fields)}") from error


def store_settings(folder: Path, settings: SlurmSettings) -> None:
    """Keep the settings with a job: its tasks read them, whatever becomes of the user's file."""
    write_text(folder / SETTINGS, settings.model_dump_json(exclude_defaults=True) + "\n")


def stored_settings(folder: Path) -> SlurmSettings:
    """The settings that are kept with a job.

    Raises:
        UserError: they are damaged, or of another version.
    """
    return read_described(folder / SETTINGS, SlurmSettings)
