"""The values that papers, READMEs and reproductions print, typed, each with its source.

`results/published/*.csv` holds one value a line, `references.bib` a citation of every source.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bench.datasets.catalog import DATASETS
from bench.errors import UserError
from bench.experiment.methods import parse_methods
from bench.files import open_text
from bench.metrics.evaluate import METRICS
from bench.resolve import unknown_name
from bench.validation import one_sentence

# A link to results/published, so that the values are installed with the package.
FOLDER = "published_values"
REFERENCES = "references.bib"
AP = "AP:"
"""What the name of a metric begins with that is the AP of one class: `AP:dog`."""


class PublishedRow(BaseModel):
    """What holds for all values of a printed row.

    Attributes:
        source: key of its citation in `references.bib`.
        table: the table within the source.
        row: the name of the row as printed.
        method: the method here that it names, with options as in `bench run --methods`; None for others.
        kind: the source's `own` run, `quoted` from elsewhere, or somebody else's method `reproduced`.
        backbone: as printed; None where it is not stated, as in all fields that may be None.
        train_size: side of the training input, pixels.
        test_size: side of the test input, pixels.
        data: name of the data set here.
        split: what was trained and tested on, in the source's terms.
        same_split: whether that is the split of the data set here.
        weights: what the network was pre-trained on, last (`coco`: on ImageNet, then on MS-COCO).
        ema: whether averaged weights were measured; `best` where the better of both was reported.
        loss: what was minimised; `bce` whatever its mean goes over.
        confidence: how surely the value was read from the source.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(min_length=1)
    table: str = Field(min_length=1)
    row: str = Field(min_length=1)
    method: str | None
    kind: Literal["own", "quoted", "reproduced"]
    backbone: str | None
    train_size: int | None = Field(ge=1)
    test_size: int | None = Field(ge=1)
    data: str
    split: str = Field(min_length=1)
    same_split: Literal["yes", "no", "not stated"]
    weights: Literal["imagenet", "imagenet-v2", "imagenet-22k", "coco"] | None
    ema: Literal["yes", "no", "best"] | None
    loss: Literal["bce", "asl"] | None
    confidence: Literal["high", "medium", "low"]

    @field_validator("method")
    @classmethod
    def _known_method(cls, value: str | None) -> str | None:
        if value is not None:
            _resolve_method(value)
        return value

    @field_validator("data")
    @classmethod
    def _known_data(cls, value: str) -> str:
        if value not in DATASETS:
            raise _refused(unknown_name("data set", value, DATASETS))
        return value


class PublishedValue(PublishedRow):
    """One line of a file: a row's facts, a metric (`METRICS`, or `AP:CLASS`) and its value.

    Attributes:
        metric: the name of the metric.
        value: in percent; None where the source shows it without a number that could be read.
        note: what a reader has to know of the value, or, at the first value of a row, of the row.
    """

    metric: str
    value: float | None = Field(ge=0, le=100)
    note: str

    @model_validator(mode="after")
    def _known_metric(self) -> "PublishedValue":
        if self.metric.startswith(AP):
            classes = DATASETS[self.data].classes
            if self.metric.removeprefix(AP) not in classes:
                raise _refused(unknown_name("class", self.metric.removeprefix(AP), classes))
        elif self.metric not in METRICS:
            raise _refused(unknown_name("metric", self.metric, METRICS))
        return self

    def facts(self) -> PublishedRow:
        """The row that the value is in."""
        return PublishedRow.model_construct(
            **{name: getattr(self, name) for name in PublishedRow.model_fields}
        )

    def identity(self) -> tuple[Any, ...]:
        """What no two values have in common."""
        row = (self.source, self.table, self.row, self.backbone, self.train_size, self.test_size)
        return (*row, self.data, self.weights, self.ema, self.metric)


def _refused(error: UserError) -> ValueError:
    """The same as a finding of pydantic, which becomes part of a sentence."""
    return ValueError(str(error).removesuffix("."))


@cache
def _resolve_method(text: str) -> None:
    try:
        (choice,) = parse_methods((text,))
    except UserError as error:
        raise _refused(error) from error
    if choice.label() != text:
        raise ValueError(f"write it as {choice.label()}")


@dataclass(frozen=True)
class PrintedRow:
    """A row with its values.

    Attributes:
        facts: what holds for all of them.
        values: percent by metric; None where no number could be read.
        notes: remarks by metric.
    """

    facts: PublishedRow
    values: Mapping[str, float | None]
    notes: Mapping[str, str]


@cache
def published_rows(folder: Path | None = None) -> tuple[PrintedRow, ...]:
    """Every printed row, file by file in the order of their names, in the order of the lines.

    Args:
        folder: where the files are; those of the project if None.

    Raises:
        UserError: a line that is wrong, with its file and number, or a value that is there twice.
    """
    rows: dict[PublishedRow, dict[str, PublishedValue]] = {}
    seen: dict[tuple[Any, ...], str] = {}
    for path in sorted((folder or _own_folder()).glob("*.csv")):
        for line, value in _read(path):
            where = f"{path.name}, line {line}"
            first = seen.setdefault(value.identity(), where)
            if first != where:
                raise UserError(
                    f"{where}: {value.metric} of '{value.row}' in {value.source}, {value.table} is given "
                    f"twice; it is in {first} too."
                )
            rows.setdefault(value.facts(), {})[value.metric] = value
    return tuple(
        PrintedRow(
            facts,
            {metric: value.value for metric, value in values.items()},
            {metric: value.note for metric, value in values.items() if value.note},
        )
        for facts, values in rows.items()
    )


def _own_folder() -> Path:
    folder = resources.files("bench") / FOLDER
    if not isinstance(folder, Path) or not folder.is_dir():
        raise UserError(f"The published values are not at {folder}: install the project again.")
    return folder


def _read(path: Path) -> Iterator[tuple[int, PublishedValue]]:
    fields = list(PublishedValue.model_fields)
    with open_text(path, newline="") as file:
        lines = csv.DictReader(file, strict=True)
        try:
            if sorted(lines.fieldnames or ()) != sorted(fields):
                raise UserError(f"{path.name}, line 1: the columns have to be {', '.join(fields)}.")
            for line in lines:
                number = lines.line_num
                if None in line or None in line.values():
                    raise UserError(f"{path.name}, line {number}: it has not {len(fields)} cells.")
                given = {name: None if text == "" and name != "note" else text for name, text in line.items()}
                try:
                    yield number, PublishedValue.model_validate(given)
                except ValidationError as error:
                    raise UserError(f"{path.name}, line {number}: {one_sentence(error, fields)}") from error
        except (csv.Error, UnicodeDecodeError) as error:
            raise UserError(f"{path.name}, line {lines.line_num + 1}: {error}.") from error


@cache
def references(folder: Path | None = None) -> Mapping[str, Mapping[str, str]]:
    """The fields of every citation by its key, read from `references.bib`.

    Raises:
        UserError: an entry without a title, or two with one key.
    """
    text = ((folder or _own_folder()) / REFERENCES).read_text(encoding="utf-8")
    entries: dict[str, dict[str, str]] = {}
    for key, body in re.findall(r"^@\w+\{([^,\s]+),\n(.*?)^\}", text, re.MULTILINE | re.DOTALL):
        if key in entries:
            raise UserError(f"{REFERENCES}: the key {key} is there twice.")
        fields = re.findall(r"^\s*(\w+)\s*=\s*\{(.*)\},?$", body, re.MULTILINE)
        entries[key] = {name: _plain(value) for name, value in fields}
        if "title" not in entries[key]:
            raise UserError(f"{REFERENCES}: the entry {key} has no title.")
    return entries


def _plain(value: str) -> str:
    return re.sub(r"\\([_&%$#])", r"\1", value).replace("{", "").replace("}", "").replace("--", "–")


def cite(key: str) -> str:
    """A source in one line: first author, title, where, year."""
    entry = references()[key]
    people = entry.get("author", "").split(" and ")
    author = people[0].split(",")[0] + (" et al." if len(people) > 1 else "")
    where = next(
        (entry[name] for name in ("booktitle", "journal", "institution", "url") if name in entry), ""
    )
    return ", ".join(part for part in (author, entry["title"], where, entry.get("year", "")) if part)
