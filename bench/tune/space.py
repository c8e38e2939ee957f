"""The search space of a tune: what is drawn of the schedule, and of each method's own options."""

import zlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import UserError
from bench.experiment.field_needs import never_met
from bench.experiment.methods import MethodChoice, method_named
from bench.experiment.schedule import Schedule
from bench.files import parse_mapping, read_mapping
from bench.names import YAML
from bench.ranges import LogUniform, OneOf, Range
from bench.resolve import unknown_name
from bench.validation import one_sentence

_SPACES = resources.files("bench") / "spaces"


class Space(BaseModel):
    """What is drawn for every method, by field of the schedule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str = Field(description="one line: what the space is for")
    schedule: dict[str, Range] = Field(min_length=1)

    def around(self, schedule: Schedule) -> "Space":
        """The space with absolute ranges: what is a multiple of the schedule's value becomes a value.

        A multiple of what is zero there, or has no effect, is left out.

        Raises:
            UserError: a field that the schedule does not have or that has no effect in any trial, or a range
                that it does not allow.
        """
        ranges = self._absolute(schedule)
        drawn = {name: tuple(_fitting(name, value) for value in _values(one)) for name, one in ranges.items()}
        may_be = {name: (value,) for name, value in schedule.model_dump().items()} | drawn
        for name in [*ranges]:
            if needed := never_met(name, may_be):
                if not _is_multiple(self.schedule[name]):
                    raise UserError(f"In the space: {name} has no effect, as it needs {needed}: take it out.")
                # Nothing that another field needs has needs of its own, so what the others may be stays.
                del ranges[name]
        for name in ranges:
            for value in drawn[name]:
                with_values(schedule, {name: value})
        return self.model_copy(update={"schedule": ranges})

    def _absolute(self, schedule: Schedule) -> dict[str, Range]:
        """The ranges with multiples of the schedule's values as values, without those of zero."""
        ranges: dict[str, Range] = {}
        for name, given in self.schedule.items():
            _check_name(name)
            if _is_multiple(given):
                value = getattr(schedule, name)
                if not isinstance(value, int | float):
                    raise UserError(f"In the space: {name} is {value}, which cannot be multiplied.")
                if value == 0:
                    continue
                given = LogUniform(low=given.low * value, high=given.high * value)
            ranges[name] = given
        return ranges


def _check_name(name: str) -> None:
    """UserError where it is none of a field that may be drawn."""
    if name not in Schedule.model_fields or name == "about":
        raise unknown_name("field of the schedule in the space", name, set(Schedule.model_fields))
    if name == "select_on":
        raise UserError(
            "In the space: select_on says which images are chosen on, which is nothing that a tune "
            "may choose: take it out."
        )


def _is_multiple(given: Range) -> TypeGuard[LogUniform]:
    return isinstance(given, LogUniform) and given.times_default


def _values(drawn: Range) -> tuple[Any, ...]:
    """What a range holds, or where it begins and ends."""
    return drawn.values if isinstance(drawn, OneOf) else (drawn.low, drawn.high)


def _fitting(name: str, value: Any) -> Any:
    """A value as its field of the schedule takes it: epochs and batches are whole, and a draw is not."""
    whole = Schedule.model_fields[name].annotation in (int, int | None)
    return round(value) if whole and isinstance(value, float) else value


def with_values(schedule: Schedule, fields: Mapping[str, Any]) -> Schedule:
    """The schedule with some values drawn.

    Raises:
        UserError: it does not allow one of them.
    """
    try:
        return Schedule(**{**schedule.model_dump(), **fields})
    except ValidationError as error:
        raise UserError(f"In the space: {one_sentence(error, Schedule.model_fields)}") from error


def space_names() -> list[str]:
    """The names of the spaces that come with the harness."""
    return sorted(Path(entry.name).stem for entry in _SPACES.iterdir() if entry.name.endswith(".yaml"))


def load_space(name: str) -> Space:
    """Read a space by name or from a YAML file.

    Raises:
        UserError: there is none, it is not YAML, or a range is unknown or empty.
    """
    if name.endswith(YAML):
        fields = read_mapping(Path(name), "space file")
    elif name in space_names():
        fields = parse_mapping((_SPACES / f"{name}.yaml").read_bytes(), f"The space {name}")
    else:
        raise unknown_name("space", name, space_names())
    try:
        return Space(**fields)
    except ValidationError as error:
        raise UserError(f"Space {name}: {one_sentence(error, Space.model_fields)}") from error


def own_ranges(method: MethodChoice) -> dict[str, Range]:
    """The options of a method that are tuned: those that it declares and that were not given."""
    options = method_named(method.name).options
    default = options().model_dump()
    drawn = options.drawn(method.options)
    return {name: one for name, one in drawn.items() if method.options[name] == default[name]}


def given_options(method: MethodChoice) -> tuple[str, ...]:
    """The options that a tune draws of the method, but not of this choice of it: they were given."""
    return tuple(sorted(method_named(method.name).options.tuned.keys() - own_ranges(method).keys()))


def draw(seed: int, trial: int, name: str) -> float:
    """A number from [0, 1) for a parameter in a trial: the same for every method that has the parameter."""
    key = [seed, trial, zlib.crc32(name.encode())]
    return float(np.random.Generator(np.random.PCG64(key)).random())


def values_of(
    space: Space, schedule: Schedule, method: MethodChoice, seed: int, trial: int
) -> tuple[MethodChoice, dict[str, Any]]:
    """What a method is trained with in a trial; trial 0 is the schedule as it is.

    Args:
        space: with absolute ranges.
        schedule: as it is.
        method: as it was asked for.
        seed: of the draws.
        trial: which.

    Returns:
        The method with its options, and the fields of the schedule that were drawn.
    """
    if trial == 0:
        return method, {}
    fields = {name: _fitting(name, one.at(draw(seed, trial, name))) for name, one in space.schedule.items()}
    options = {
        name: one.at(draw(seed, trial, f"{method.name}.{name}")) for name, one in own_ranges(method).items()
    }
    return method.model_copy(update={"options": {**method.options, **options}}), fields
