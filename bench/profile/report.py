"""What `bench profile` measured: figures with their repeats, what they are held against, and the machine."""

import os
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.engine.device.environment import describe_environment
from bench.errors import UserError
from bench.files import write_text
from bench.records.record import Environment
from bench.validation import one_sentence

SCATTER: Final = 0.15
"""By how much a measured exponent may lie above what it should be: n log n has 1.08 at a million."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Figure(_Part):
    """One thing that was measured in several repeats, maybe beside another in the same repeats.

    Attributes:
        what: is measured.
        unit: of the values; less is better.
        values: one for each repeat.
        against: what it is measured beside.
        beside: of that, one for each repeat, in the same unit.
        least: how many times as fast as that it is to be, at least.
        most: what it is to take at most, in the unit.
        bound: what it cannot be faster than, in words.
    """

    what: str
    unit: str
    values: tuple[float, ...] = Field(min_length=1)
    against: str = ""
    beside: tuple[float, ...] = ()
    least: float | None = None
    most: float | None = None
    bound: str = ""

    @model_validator(mode="after")
    def _in_the_same_repeats(self) -> "Figure":
        if self.beside and len(self.beside) != len(self.values):
            raise ValueError(f"{len(self.values)} values and {len(self.beside)} beside them")
        return self

    def median(self) -> float:
        """Of the values."""
        return float(median(self.values))

    def times(self) -> float | None:
        """How many times as fast as what it is measured beside: the median of the ratios within a repeat."""
        return float(median(self._ratios())) if self.beside else None

    def kept(self) -> bool | None:
        """Whether what it is to be is so; None where nothing is asked for."""
        times = self.times()
        if self.least is not None and times is not None:
            return times >= self.least
        return None if self.most is None else self.median() <= self.most

    def near(self) -> bool:
        """Whether some repeat did what is asked for: then the median alone does not say that it is missed."""
        if self.least is not None and self.beside:
            return max(self._ratios()) >= self.least
        return self.most is not None and min(self.values) <= self.most

    def _ratios(self) -> list[float]:
        return [theirs / ours for theirs, ours in zip(self.beside, self.values, strict=True)]


class Growth(_Part):
    """How a cost grows.

    Attributes:
        what: costs.
        unit: of the values.
        against: what grows.
        sizes: of it, growing.
        values: the cost at each.
        most: the exponent that it may have.
        law: the same in words.
    """

    what: str
    unit: str
    against: str
    sizes: tuple[int, ...] = Field(min_length=2)
    values: tuple[float, ...]
    most: float
    law: str

    def slope(self) -> float:
        """The exponent: of the line through the upper two thirds of the points, both axes logarithmic.

        What a call costs in any case hides how it grows where sizes are small.
        """
        upper = slice(-max(2, -(-2 * len(self.sizes) // 3)), None)
        found = np.polyfit(np.log(self.sizes[upper]), np.log(self.values[upper]), 1)
        return float(found[0])

    def kept(self) -> bool:
        """Whether it grows as it may; measured times scatter."""
        return self.slope() <= self.most + SCATTER


class Report(_Part):
    """The figures of one part, and what they were measured on.

    Attributes:
        part: which, as in `bench profile PART`.
        created: UTC.
        load: how many processes wanted to run when it began and when it ended, over the minute before; None
            where the system does not say.
        cores: of the machine.
        environment: the machine and the packages.
        figures: what was measured.
        growth: how costs grow.
        notes: what else a reader has to know.
    """

    format: Literal[1] = 1
    part: str
    created: str
    load: tuple[float | None, float | None]
    cores: int
    environment: Environment
    figures: tuple[Figure, ...]
    growth: tuple[Growth, ...] = ()
    notes: tuple[str, ...] = ()


def three_digits(value: float) -> str:
    """A number for a reader: three digits that count, without an exponent where it is large."""
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


class Measuring:
    """A part that is being measured: notes the load of the machine as it begins, and as it ends."""

    def __init__(self, part: str, device: torch.device | None = None) -> None:
        self.part = part
        self.device = device or torch.device("cpu")
        self.load = _load()

    def report(
        self, figures: tuple[Figure, ...], notes: tuple[str, ...] = (), growth: tuple[Growth, ...] = ()
    ) -> Report:
        """All of it."""
        return Report(
            part=self.part,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            load=(self.load, _load()),
            cores=os.cpu_count() or 1,
            environment=describe_environment(self.device, compiled=False, workers=0, code=""),
            figures=figures,
            growth=growth,
            notes=notes,
        )


def _load() -> float | None:
    """How many processes want to run, over the last minute; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def save(report: Report, path: Path) -> None:
    """Write a report as JSON."""
    write_text(path, report.model_dump_json(indent=1) + "\n")


def load(path: Path) -> Report:
    """Read a report.

    Raises:
        UserError: the file is none.
    """
    try:
        return Report.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(
            f"{path} is no report of a profile: {one_sentence(error, Report.model_fields)}"
        ) from error
