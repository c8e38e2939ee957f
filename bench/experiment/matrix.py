"""The matrix that a user asks for, checked before any work: methods x data x seeds under one schedule.

It may name several backbones; each makes a schedule of its own.
"""

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from bench.datasets.info import EvaluatedOn
from bench.errors import UserError
from bench.experiment.schedule import Precision
from bench.experiment.start import Parts
from bench.files import parse_mapping, parse_yaml, read_mapping
from bench.names import YAML
from bench.resolve import names_in, unknown_name
from bench.validation import one_sentence

Overwrite = Literal["only-missing", "failed", "always"]

Compiled = bool | Literal["graphs"]
"""Whether models are compiled; with `graphs` what a GPU does for them is recorded and played again."""

DEVICES = r"auto|cpu|cuda(:\d+)?"
"""What a device may be called."""

_OFTEN_CHANGED = ("backbone", "weights", "image_size", "eval_image_size", "epochs", "batch_size", "precision")

_MATRICES = resources.files("bench") / "matrices"


def _whole_number(value: Any) -> Any:
    # What else a text may be, as `0-2`, pydantic would answer with a bound, or with what it could not parse.
    if isinstance(value, str) and not value.isdecimal():
        raise ValueError("seeds are whole numbers separated by commas, as in 0,1,2")
    return value


Seed = Annotated[int, BeforeValidator(_whole_number), Field(ge=0, lt=2**32)]


class MatrixSpec(BaseModel):
    """The matrix: methods x data x seeds under one schedule. Every field is an option of `bench run`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    methods: tuple[str, ...] = Field(
        ("all",), min_length=1, description="'all' or 'seeds', or names with options: resnet/pool=max"
    )
    data: tuple[str, ...] = Field(min_length=1, description="names of data sets")
    seeds: tuple[Seed, ...] = Field((0,), min_length=1)
    schedule: str | None = Field(None, description="name or YAML file; the data set's own if empty")
    protocol: str = "bench"
    # fields of the schedule: the often changed ones by name, and any of them
    backbone: tuple[str, ...] | None = Field(None, min_length=1)
    weights: str | None = None
    image_size: int | None = None
    eval_image_size: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    precision: Precision | Literal["auto"] | None = None
    set: dict[str, Any] = Field({}, description="any field of the schedule")
    # a model to start from, in place of the schedule's weights
    init_from: Path | None = None
    init_parts: Parts | None = Field(None, description="class-independent if empty")
    # the data
    split: EvaluatedOn = "test"
    data_root: Path | None = None
    vectors: str = "label-sets"
    limit_train: int | None = Field(None, ge=2)
    limit_eval: int | None = Field(None, ge=1)
    skip_bad: bool | Path = Field(False, description="leave out what cannot be read, or what a file lists")
    # how and where it runs; no result depends on it beyond rounding
    device: str = "auto"
    devices: int = Field(1, ge=1, description="processes that share each batch, on each machine")
    nodes: int = Field(1, ge=1, description="machines that share each batch")
    workers: int | None = Field(None, ge=0)
    compile: Compiled = False
    log: tuple[str, ...] = Field((), description="names of loggers")
    launcher: str | None = Field(None, description="what spreads the runs over processes: local or slurm")
    jobs: int | None = Field(None, ge=1, description="runs at a time, of launcher local")
    slurm: Path | None = Field(None, description="what a cluster is asked for, of launcher slurm")
    results: Path = Path("results")
    overwrite: Overwrite = "only-missing"
    dry_run: bool = False

    @field_validator("methods", "data", "seeds", "backbone", "log", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Accept `a,b` and a single value where a list is meant."""
        if isinstance(value, str):
            return tuple(names_in(value))
        return (value,) if isinstance(value, int) else value

    @field_validator("methods", "data", "seeds", "backbone", "log")
    @classmethod
    def _once(cls, value: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        return value and tuple(dict.fromkeys(value))

    @field_validator("init_from", "data_root", "skip_bad", "slurm", "results")
    @classmethod
    def _of_home(cls, value: Path | bool | None) -> Path | bool | None:
        """Take `~` for the home folder, which no shell has done in a file or behind a `=`."""
        return value.expanduser() if isinstance(value, Path) else value

    @field_validator("skip_bad", mode="before")
    @classmethod
    def _all_or_a_list(cls, value: Any) -> Any:
        """Accept `all`, as the bare option says it."""
        return True if value == "all" else value

    @model_validator(mode="after")
    def _once_each(self) -> "MatrixSpec":
        twice = [name for name in _OFTEN_CHANGED if name in self.set and getattr(self, name) is not None]
        if twice:
            raise ValueError(f"{twice[0]} is given twice, as an option and with set: leave one out")
        if self.init_parts is not None and self.init_from is None:
            raise ValueError("init_parts says what of the model init_from is taken: add init_from")
        if self.jobs is not None and self.launcher != "local":
            raise ValueError("jobs says how many runs at a time launcher local makes: add launcher local")
        if self.launcher == "local" and self.jobs is None:
            raise ValueError("launcher local needs jobs: how many runs at a time")
        if self.slurm is not None and self.launcher != "slurm":
            raise ValueError("slurm says what launcher slurm asks a cluster for: add launcher slurm")
        if self.launcher == "slurm" and self.slurm is None:
            raise ValueError("launcher slurm needs slurm: a file with what each task asks for, as `gpus: 1`")
        if "about" in self.set:
            raise ValueError("about describes a schedule and changes nothing: it cannot be set")
        return self

    @model_validator(mode="after")
    def _several(self) -> "MatrixSpec":
        if self.processes == 1:
            return self
        if self.launcher == "local":
            raise ValueError("launcher local runs a cell in one process: leave out devices, or the launcher")
        if self.launcher is not None and self.nodes > 1:
            raise ValueError(f"launcher {self.launcher} keeps a cell on one machine: leave out nodes")
        if ":" in self.device:
            raise ValueError(
                f"device names one GPU, and {self.processes} processes are asked for: give cuda, which takes "
                "as many as there are processes"
            )
        if self.compile:
            raise ValueError(
                "compile takes one process: what several exchange within a step is no part of a compiled "
                "graph; leave out compile, or devices and nodes"
            )
        return self

    @property
    def processes(self) -> int:
        """Those that share each batch."""
        return self.devices * self.nodes

    @field_validator("device")
    @classmethod
    def _device(cls, value: str) -> str:
        if not re.fullmatch(DEVICES, value):
            raise ValueError("input should be auto, cpu, cuda or cuda:N")
        return value

    def root_of(self, data: str) -> Path | None:
        """The folder that was given for one of the data sets.

        Where one is known by name, the folder is of those: a file of one's own names another itself.
        """
        by_name = any(not name.endswith(YAML) for name in self.data)
        return None if by_name and data.endswith(YAML) else self.data_root

    def schedule_overrides(self) -> list[dict[str, object]]:
        """The schedule's fields that are given here, once for each backbone."""
        named = {name: getattr(self, name) for name in _OFTEN_CHANGED if getattr(self, name) is not None}
        backbones = named.pop("backbone", (None,))
        return [
            {**({} if backbone is None else {"backbone": backbone}), **named, **self.set}
            for backbone in backbones
        ]


def matrix_names() -> list[str]:
    """The names of the matrices that come with the harness: the tables of a paper, row by row."""
    return sorted(Path(entry.name).stem for entry in _MATRICES.iterdir() if entry.name.endswith(".yaml"))


def load_matrix(file: Path | None, given: dict[str, Any], name: str | None = None) -> MatrixSpec:
    """Read a matrix: one that comes with the harness, a YAML file, the command line; each wins over the last.

    Args:
        file: keys are the options of `bench run`, with `-` or `_`.
        given: the options of the command line that were given.
        name: one of `matrix_names()`.

    Raises:
        UserError: no such matrix or file, not YAML, a misspelt key, a value out of range, or nothing left of
            the named matrix.
    """
    packaged = _packaged(name) if name is not None else {}
    written = _options(read_mapping(file, "spec file")) if file is not None else {}
    fields = {**packaged, **written, **given}
    if packaged and packaged.keys() <= written.keys() | given.keys():
        raise UserError(
            f"Nothing is left of the matrix {name}, which gives {', '.join(packaged)} alone, where they are "
            "given too: leave out --matrix, or what it gives."
        )
    if "data" not in fields and fields.keys() <= MatrixSpec.model_fields.keys():
        raise UserError("'data' is missing: name a data set with --data; `bench datasets` lists them.")
    try:
        return MatrixSpec(**fields)
    except ValidationError as error:
        where = f"In {file}: " if file else ""
        raise UserError(f"{where}{one_sentence(error, MatrixSpec.model_fields)}") from error


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Fields of a schedule from texts such as `lr=3e-4` and `loss={name: asl, gamma_neg: 2}`.

    Raises:
        UserError: a text that is not one, or a field that is set twice.
    """
    settings: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UserError(f"Write --set FIELD=VALUE, not --set '{text}'.")
        name = name.strip().replace("-", "_")
        if name in settings:
            raise UserError(f"The field {name} is set twice: leave one out.")
        try:
            settings[name] = parse_yaml(value)
        except ValueError:
            raise UserError(f"In --set: '{value}' is no value for {name}.") from None
    return settings


def _packaged(name: str) -> dict[str, Any]:
    """The fields of a matrix that comes with the harness."""
    if name not in matrix_names():
        raise unknown_name("matrix", name, matrix_names())
    return _options(parse_mapping((_MATRICES / f"{name}.yaml").read_bytes(), f"The matrix {name}"))


def _options(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields under the names of the options, which the command line writes with `-`."""
    return {name.replace("-", "_"): value for name, value in fields.items()}
