"""What the user asks for (a matrix) and what one run is (a cell), typed and checked before any work."""

import re
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bench import plugins
from bench.errors import UserError
from bench.files import canonical_json
from bench.initial import InitFrom, Parts
from bench.methods.catalog import METHODS, PRIOR, Method, Options
from bench.protocol import PROTOCOLS, Protocol
from bench.resolve import resolve, unknown_name
from bench.schedule import Precision, Schedule
from bench.validation import one_sentence

# Raised when the same cell would train to another result, so that older records are not taken for it.
RECIPE = 2

Overwrite = Literal["only-missing", "failed", "always"]

_MATRICES = resources.files("bench") / "matrices"


class MatrixSpec(BaseModel):
    """The matrix: methods x data x seeds under one schedule. Every field is an option of `bench run`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    methods: tuple[str, ...] = Field(
        ("all",), min_length=1, description="'all' built in, or names with options: resnet/pool=max"
    )
    data: tuple[str, ...] = Field(min_length=1, description="names of data sets")
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**32)], ...] = Field((0,), min_length=1)
    schedule: str | None = Field(None, description="name or YAML file; the data set's own if empty")
    protocol: str = "bench"
    # fields of the schedule that are often changed
    backbone: str | None = None
    weights: str | None = None
    image_size: int | None = None
    eval_image_size: int | None = None
    epochs: int | None = None
    batch_size: int | None = None
    precision: Precision | None = None
    # a model to start from, in place of the schedule's weights
    init_from: Path | None = None
    init_parts: Parts = "class-independent"
    # the data
    data_root: Path | None = None
    vectors: str = "label-sets"
    limit_train: int | None = Field(None, ge=2)
    limit_eval: int | None = Field(None, ge=1)
    skip_bad: bool | Path = Field(False, description="leave out what cannot be read, or what a file lists")
    # how and where it runs; no result depends on it beyond rounding
    device: str = "auto"
    workers: int | None = Field(None, ge=0)
    compile: bool = False
    results: Path = Path("results")
    overwrite: Overwrite = "only-missing"
    dry_run: bool = False

    @field_validator("methods", "data", "seeds", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Accept `a,b` and a single value where a list is meant."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return (value,) if isinstance(value, int) else value

    @field_validator("methods", "data", "seeds")
    @classmethod
    def _once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(value))

    @field_validator("skip_bad", mode="before")
    @classmethod
    def _all_or_a_list(cls, value: Any) -> Any:
        """Accept `all`, as the bare option says it."""
        return True if value == "all" else value

    @field_validator("device")
    @classmethod
    def _device(cls, value: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", value):
            raise ValueError("input should be auto, cpu, cuda or cuda:N")
        return value

    def schedule_overrides(self) -> dict[str, object]:
        """The schedule's fields that are given here."""
        names = ("backbone", "weights", "image_size", "eval_image_size", "epochs", "batch_size", "precision")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


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
        UserError: no such matrix or file, not YAML, a misspelt key, or a value out of range.
    """
    fields: dict[str, Any] = {}
    if name is not None:
        if name not in matrix_names():
            raise unknown_name("matrix", name, matrix_names())
        fields.update(_read_fields((_MATRICES / f"{name}.yaml").read_bytes(), name))
    if file is not None:
        if not file.is_file():
            raise UserError(f"The spec file {file} does not exist.")
        fields.update(_read_fields(file.read_bytes(), file))
    fields.update(given)
    if "data" not in fields and fields.keys() <= MatrixSpec.model_fields.keys():
        raise UserError("'data' is missing: name a data set with --data; `bench datasets` lists them.")
    try:
        return MatrixSpec(**fields)
    except ValidationError as error:
        where = f"In {file}: " if file else ""
        raise UserError(f"{where}{one_sentence(error, MatrixSpec.model_fields)}") from error


def _read_fields(text: bytes, source: Path | str) -> dict[str, Any]:
    try:
        loaded = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"The spec file {source} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(loaded, dict):
        raise UserError(f"The spec file {source} is not a mapping of options to values.")
    return {str(key).replace("-", "_"): value for key, value in loaded.items()}


class MethodChoice(BaseModel):
    """A method with its options, all of them, defaults included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    options: dict[str, Any] = {}

    def label(self) -> str:
        """The method with the options that differ from the published ones: `resnet/pool=max`.

        With all of them where a record names a method of a package that is not installed here.
        """
        method = find_method(self.name)
        default = method.options().model_dump() if method else {}
        changed = [f"/{key}={value}" for key, value in self.options.items() if default.get(key) != value]
        return self.name + "".join(changed)


def method_named(name: str) -> Method:
    """The method of that name, built in or installed, or the prior.

    Raises:
        UserError: there is none, or its package cannot be used.
    """
    return PRIOR if name == PRIOR.name else plugins.methods().get(name)


def find_method(name: str) -> Method | None:
    """As `method_named`, for what a record names: None where it is not here."""
    return PRIOR if name == PRIOR.name else plugins.methods().find(name)


def options_of(choice: MethodChoice) -> Options:
    """The typed options of a choice."""
    return method_named(choice.name).options(**choice.options)


def parse_methods(texts: tuple[str, ...]) -> list[MethodChoice]:
    """Resolve `all`, names, and names with options (`resnet/pool=max`).

    `all` are the built-in methods; those of installed packages are asked for by name.

    Raises:
        UserError: an unknown method or option, or an option value out of range.
    """
    choices: list[MethodChoice] = []
    for text in texts:
        choices += [_parse_method(name) for name in (METHODS if text == "all" else [text])]
    return list({choice.label(): choice for choice in choices}.values())


def _parse_method(text: str) -> MethodChoice:
    name, *settings = text.split("/")
    method = plugins.methods().get(name)
    options = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f"Method '{text}': write its options as {name}/key=value, not '{setting}'.")
        if key not in method.options.model_fields:
            raise unknown_name(f"option of {name}", key, method.options.model_fields)
        try:
            options[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"Method '{text}': '{value}' is no value for {key}.") from None
    try:
        return MethodChoice(name=name, options=method.options(**options).model_dump())
    except ValidationError as error:
        raise UserError(f"Method '{text}': {one_sentence(error, method.options.model_fields)}") from error


def resolve_protocol(name: str) -> Protocol:
    """The protocol of that name."""
    return resolve("protocol", name, PROTOCOLS)


class CellSpec(BaseModel):
    """One run: everything that changes its result. Its hash is the run's identity.

    Device, worker count and compilation are not here: they change rounding at most, and are recorded.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: int = RECIPE
    method: MethodChoice
    data: str
    data_fingerprint: str
    limit_train: int | None
    limit_eval: int | None
    seed: int
    schedule_name: str
    schedule: Schedule
    weights_digest: str | None = Field(
        description="hash of the weights file; the schedule holds its name alone"
    )
    init_from: InitFrom | None = None
    vectors: str = Field(description="'label-sets', or where they come from and, behind ':', their hash")
    protocol: Protocol

    def head_options(self) -> Options:
        """The options that the head is built with."""
        options, width = options_of(self.method), self.schedule.head_width
        return options if width is None else options.narrowed(width)

    def key(self) -> str:
        """Twelve hexadecimal digits, equal for equal cells."""
        return self._hash_without()

    def run_id(self) -> str:
        """The name of the run's folder."""
        return f"{self.data}-{self.method.name}-s{self.seed}-{self.key()}"

    def conditions(self) -> str:
        """A hash of all that a comparison holds the same: everything but the method and the seed."""
        return self._hash_without("method", "seed")

    def _hash_without(self, *fields: str) -> str:
        # The name and the description of a schedule change nothing: equal fields are an equal schedule.
        content = self.model_dump(mode="json", exclude={"schedule_name": True, "schedule": {"about"}})
        # Nor does the name of a file of vectors or of a model: equal hashes are equal files.
        content["vectors"] = self.vectors.rpartition(":")[2]
        if self.init_from:
            del content["init_from"]["file"]
        kept = {name: value for name, value in content.items() if name not in fields}
        return sha256(canonical_json(kept).encode()).hexdigest()[:12]
