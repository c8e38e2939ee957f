"""What the trials of a tune gave, the best of them, and what is chosen: a function of its records."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from statistics import fmean
from typing import Any

from bench.errors import UserError
from bench.experiment.methods import MethodChoice, method_named
from bench.experiment.schedule import Schedule
from bench.methods.catalog import PRIOR
from bench.records.agreement import disagreement
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tune.design import Design
from bench.tune.space import own_ranges, values_of, with_values


@dataclass(frozen=True)
class Trial:
    """One draw of a method's values, and what it gave on the validation split.

    Attributes:
        number: 0 is the schedule as it is.
        method: with the options of the trial.
        fields: the fields of the schedule that were drawn.
        scores: mAP by seed, as a fraction; that of the prior where a run failed.
        failed: how many runs did.
        seconds: what its runs took.
    """

    number: int
    method: MethodChoice
    fields: dict[str, Any]
    scores: dict[int, float]
    failed: int
    seconds: float

    @property
    def mean(self) -> float:
        """The mean of its scores."""
        return fmean(self.scores.values())

    def values(self, untuned: MethodChoice) -> dict[str, Any]:
        """The values that differ from the schedule and the options as they are."""
        options = self.method.options
        changed = {name: value for name, value in options.items() if value != untuned.options.get(name)}
        return {**self.fields, **changed}


@dataclass(frozen=True)
class MethodOutcome:
    """The trials of a method that have a score for the first seed, in their order."""

    method: MethodChoice
    dimensions: int
    trials: tuple[Trial, ...]

    def drawn(self) -> list[Trial]:
        """The trials that were drawn: all but the schedule as it is."""
        return [trial for trial in self.trials if trial.number > 0]

    def drawn_scores(self, design: Design) -> list[float]:
        """Their scores at the first seed, which all have."""
        return [trial.scores[design.trial_seeds[0]] for trial in self.drawn()]

    def best(self, design: Design) -> list[Trial]:
        """The trials that are run again with more seeds: the highest scores, the earlier before its equal."""
        first = design.trial_seeds[0]
        order = sorted(self.trials, key=lambda trial: (-trial.scores[first], trial.number))
        return order[: design.best]

    def chosen(self, design: Design) -> Trial | None:
        """The best trial by the mean over all seeds; None before every one of the best has them all."""
        best = self.best(design)
        done = len(self.trials) == design.trials and all(
            len(trial.scores) == len(design.trial_seeds) for trial in best
        )
        return max(best, key=lambda trial: (trial.mean, -trial.number)) if done else None


def outcomes(design: Design, store: RecordStore, methods: list[MethodChoice]) -> list[MethodOutcome]:
    """What is known of each method.

    Raises:
        UserError: the metrics of a trial are not those of its scores, or one failed and there is no prior.
    """
    records = [record for record in store.all() if isinstance(record, Record)]
    for record in records:
        if wrong := disagreement(store, record):
            raise UserError(
                f"The trial {record.run_id} cannot be believed: {wrong.removesuffix('.')}; where its folder "
                f"under {store.folder} is removed, `bench tune` makes it again."
            )
    floor = _floor(records)
    return [_outcome(design, method, records, floor) for method in methods]


def methods_tried(design: Design, store: RecordStore) -> list[MethodChoice]:
    """The methods of the tune as they are untuned, in the order of their names: those of trial 0.

    Where that is damaged, what the other trials of a method were drawn for: it was tried all the same.
    """
    records = trained(store)
    found = {one.cell.method.label(): one.cell.method for one in records if _is_untuned(design, one)}
    for record in records:
        if not any(_drawn_for(design, method, record) for method in found.values()):
            asked = (method for method in _untuned(record.cell.method) if _drawn_for(design, method, record))
            found |= {method.label(): method for method in islice(asked, 1)}
    return [found[label] for label in sorted(found)]


def _is_untuned(design: Design, record: Record) -> bool:
    return _same(record.cell.schedule, design.schedule) and record.cell.seed == design.trial_seeds[0]


def trained(store: RecordStore) -> list[Record]:
    """The records of trials that can be read, without the prior, which nothing trains."""
    records = (record for record in store.all() if isinstance(record, Record))
    return [record for record in records if record.cell.method.name != PRIOR.name]


def _untuned(drawn: MethodChoice) -> Iterator[MethodChoice]:
    """What a method with drawn options may have been asked for as, the one with most of them drawn first."""
    options = method_named(drawn.name).options
    default = options().model_dump()
    for count in range(len(options.tuned), -1, -1):
        for names in combinations(options.tuned, count):
            asked = {**drawn.options, **{name: default[name] for name in names}}
            yield drawn.model_copy(update={"options": asked})


def _drawn_for(design: Design, method: MethodChoice, record: Record) -> bool:
    """Whether a record is one of the trials of a method."""
    return method.name == record.cell.method.name and any(
        _was_trained_with(record, drawn, schedule) for _, drawn, _, schedule in _draws(design, method)
    )


def _was_trained_with(record: Record, method: MethodChoice, schedule: Schedule) -> bool:
    return record.cell.method == method and _same(record.cell.schedule, schedule)


def _same(one: Schedule, other: Schedule) -> bool:
    """Whether two schedules train alike: a description changes nothing, as in the names of runs."""
    return one.model_copy(update={"about": other.about}) == other


def _draws(
    design: Design, method: MethodChoice
) -> Iterator[tuple[int, MethodChoice, dict[str, Any], Schedule]]:
    """What a method is trained with in each trial: options, drawn fields, and the schedule with these."""
    for number in range(design.trials):
        drawn, fields = values_of(design.space, design.schedule, method, design.design_seed, number)
        yield number, drawn, fields, with_values(design.schedule, fields)


def _outcome(
    design: Design, method: MethodChoice, records: list[Record], floor: float | None
) -> MethodOutcome:
    trials = []
    for number, drawn, fields, schedule in _draws(design, method):
        runs = [record for record in records if _was_trained_with(record, drawn, schedule)]
        scores = {record.cell.seed: _score(record, floor) for record in runs}
        if design.trial_seeds[0] in scores:
            failed = sum(record.status == "failed" for record in runs)
            seconds = sum(record.cost.wall_seconds for record in runs if record.cost)
            trials.append(Trial(number, drawn, fields, scores, failed, seconds))
    return MethodOutcome(method, len(design.space.schedule) + len(own_ranges(method)), tuple(trials))


def _floor(records: list[Record]) -> float | None:
    return next(
        (
            record.metrics.mAP
            for record in records
            if record.cell.method.name == PRIOR.name and record.metrics
        ),
        None,
    )


def _score(record: Record, floor: float | None) -> float:
    if record.metrics is not None:
        return record.metrics.mAP
    if floor is None:
        raise UserError("A trial failed, and the prior, whose score it counts with, was not run.")
    return floor
