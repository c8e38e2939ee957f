"""What every trial of a tune shares, and the folder that keeps it with the records of the trials."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import UserError, cut
from bench.experiment.methods import MethodChoice
from bench.experiment.schedule import Schedule
from bench.experiment.tuned import Tuned
from bench.files import canonical_json, read_json, write_text
from bench.records.record import Record
from bench.records.store import RecordStore, Scores
from bench.records.tunes import DESIGN, folder_of
from bench.tune.space import Space, given_options
from bench.validation import one_sentence

NAMED = 5
"""Differences of two designs that a message names one by one."""
_ABSENT = object()


class Design(BaseModel):
    """What is equal for all methods of a tune.

    Methods are not in it: one may be added later, and gets the same draws and the same budget.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    data: str
    trials: int = Field(ge=1)
    design_seed: int = Field(ge=0, lt=2**32)
    best: int = Field(3, description="how many of the best trials are run again")
    trial_seeds: tuple[int, ...] = Field((0, 1, 2), description="the first in every trial, all in the best")
    space: Space = Field(description="with absolute ranges")
    schedule_name: str
    schedule: Schedule = Field(description="as it is untuned")
    fixed: dict[str, Any] = Field(description="what else the runs share: vectors, limits, protocol, ...")

    @property
    def rerun(self) -> int:
        """How many trials of a method are run again with more seeds."""
        return min(self.best, self.trials)

    def content(self) -> dict[str, Any]:
        """What makes two designs one or two: all but names and descriptions."""
        content = self.model_dump(mode="json", exclude={"name", "schedule_name"})
        for part in (content["space"], content["schedule"]):
            del part["about"]
        return content

    def digest(self) -> str:
        """Twelve hexadecimal digits, equal for equal designs."""
        return sha256(canonical_json(self.content()).encode()).hexdigest()[:12]

    def tuned(self, method: MethodChoice) -> Tuned:
        """What a run with chosen values records of the tune; `method` as it was asked for."""
        return Tuned(
            name=self.name,
            method=method.label(),
            design=self.digest(),
            trials=self.trials,
            fields=tuple(sorted(self.space.schedule)),
            given=given_options(method),
        )


class TrialStore(RecordStore):
    """The records of trials, in a tune's folder: without the AP of each class, which their scores give again.

    They are many, and are committed.
    """

    def save(self, record: Record, scores: Scores | None) -> Record:
        """As of any record; returns it as it is kept."""
        history = tuple(
            epoch.model_copy(update={"metrics": epoch.metrics and epoch.metrics.without_classes()})
            for epoch in record.history
        )
        measured = {
            "metrics": record.metrics and record.metrics.without_classes(),
            "averaged": record.averaged and record.averaged.without_classes(),
        }
        return super().save(record.model_copy(update={"history": history, **measured}), scores)


def keep(design: Design, results: Path) -> Path:
    """Write a design into the tune's folder, or see that the one there is the same; returns the folder.

    Raises:
        UserError: a tune of that name was designed otherwise.
    """
    folder = folder_of(results, design.name)
    if check_kept(design, results) is None:
        text = canonical_json(design.model_dump(mode="json"))
        write_text(folder / DESIGN, text + "\n")
    return folder


def check_kept(design: Design, results: Path) -> Design | None:
    """The design that the tune's folder holds, None where it holds none.

    Raises:
        UserError: it is another one, or damaged.
    """
    folder = folder_of(results, design.name)
    kept = load_design(folder)
    if kept is not None and kept.digest() != design.digest():
        differ = _differences(_flat(kept.content()), _flat(design.content()))
        more = [f"and in {len(differ) - NAMED} more"] if len(differ) > NAMED else []
        raise UserError(
            f"{folder} holds a tune of that name that differs in {', '.join([*differ[:NAMED], *more])}: give "
            "this one another --name."
        )
    return kept


def _flat(content: Mapping[str, Any], under: str = "") -> dict[str, Any]:
    """Every value by the names that lead to it: a message can quote one, and no whole schedule."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            found |= _flat(value, f"{under}{name} ")
        else:
            found[f"{under}{name}"] = value
    return found


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    return [
        f"{name.replace('_', ' ') if name in Design.model_fields else name} "
        f"({cut(str(there.get(name, 'nothing')))} there, {cut(str(here.get(name, 'nothing')))} here)"
        for name in {**there, **here}
        if there.get(name, _ABSENT) != here.get(name, _ABSENT)
    ]


def load_design(folder: Path) -> Design | None:
    """The design in a tune's folder, None where there is none.

    Raises:
        UserError: it is damaged.
    """
    file = folder / DESIGN
    if not file.is_file():
        return None
    try:
        return Design(**read_json(file))
    except ValidationError as error:
        raise UserError(f"{file}: {one_sentence(error, Design.model_fields)}") from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{file} is no design of a tune: {error}.") from error
