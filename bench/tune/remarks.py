"""What is to be known of what a tune finds beside its numbers: what chose on which images, how many seeds."""

from collections.abc import Iterable, Mapping, Sequence

from bench.metrics.uncertainty import LEAST_SEEDS
from bench.records.groups import Group
from bench.records.numerics import numerics_statement
from bench.records.record import Record
from bench.records.store import Damaged, RecordStore
from bench.tune.design import Design
from bench.tune.outcome import MethodOutcome, trained
from bench.tune.space import with_values


def on_splits(design: Design, found: Iterable[MethodOutcome] = ()) -> list[str]:
    """Which images trials and final runs choose on, a sentence each.

    Args:
        design: of the tune.
        found: what its trials gave: a space may draw whether an epoch is chosen.
    """
    schedules = [design.schedule]
    schedules += [with_values(design.schedule, trial.fields) for one in found for trial in one.trials]
    chosen_on = {schedule.chooses_on for schedule in schedules}
    said = ["no trial sees an image of the test split"]
    if chosen_on - {None}:
        said.append(
            "a trial chooses its epoch, or when to stop, on the validation split that it is compared on"
        )
    if "test" in chosen_on:
        said.append(
            "the final runs choose that on the test split, as the schedule says (select_on: test), so their "
            "numbers are higher than new images would give"
        )
    if "validation" in chosen_on:
        said.append("the final runs hold the validation split out of training, and choose that on it")
    return said


def inexact_bands(design: Design, found: Iterable[MethodOutcome]) -> list[str]:
    """Whose bands around tuning curves are not exact, a line for all: they are for scores without ties.

    Trials that failed have equal scores, that of the prior.
    """
    scores = {outcome.method.label(): outcome.drawn_scores(design) for outcome in found}
    tied = [label for label, of_method in scores.items() if len(set(of_method)) < len(of_method)]
    said = f"the band around the tuning curve is not exact where trials have equal scores: {', '.join(tied)}"
    return [said] if tied else []


def unfinished(design: Design, found: Iterable[MethodOutcome]) -> list[str]:
    """A line on the methods that have had fewer trials than the others so far."""
    behind = {one.method.label(): len(one.trials) for one in found if len(one.trials) < design.trials}
    named = ", ".join(f"{label} ({done} of {design.trials} trials)" for label, done in behind.items())
    return [f"not finished, and the best of fewer draws so far: {named}"] if named else []


def without_choice(design: Design, found: Iterable[MethodOutcome]) -> str:
    """Why some methods have no choice when all was run, and what helps; nothing where all have one."""
    without = ", ".join(one.method.label() for one in found if one.chosen(design) is None)
    if not without:
        return ""
    return (
        f"Nothing is chosen for {without}, as some of the trials have no record that can be read: the same "
        "command with --overwrite failed makes those again."
    )


def without_result(final_runs: int) -> str:
    """That so many final runs have no result, and what helps; nothing where all have one."""
    if not final_runs:
        return ""
    return (
        f"{final_runs} of the final runs have no result, as said above: the same command with --overwrite "
        "failed makes those again."
    )


def few_seeds(seeds: Mapping[str, Sequence[int]]) -> str:
    """That no winner is named, where final runs have too few seeds; nothing where they have enough.

    Args:
        seeds: of the final runs, by method.
    """
    few = [
        f"{method} ({len(of_method)})" for method, of_method in seeds.items() if len(of_method) < LEAST_SEEDS
    ]
    if not few:
        return ""
    return (
        f"fewer than {LEAST_SEEDS} seeds of the final runs of {', '.join(few)}: nothing tests who is ahead "
        "there, and there is no winner"
    )


def final_seeds(design: Design, store: RecordStore) -> dict[str, list[int]]:
    """The seeds of the final runs that are stored, by method as it was asked for."""
    found: dict[str, set[int]] = {}
    for record in store.all():
        if not isinstance(record, Record) or not record.history:
            continue
        # By the name, which one tune alone has here: the hash changes where a schedule gets more fields.
        if record.cell.tuned and record.cell.tuned.name == design.name:
            found.setdefault(record.cell.tuned.method, set()).add(record.cell.seed)
    return {method: sorted(found[method]) for method in sorted(found)}


def damaged(store: RecordStore) -> list[str]:
    """A line on each trial that cannot be read, as under a table: what is said of its method lacks it."""
    return [
        f"left out, damaged: {one.run_id}: {one.reason}" for one in store.all() if isinstance(one, Damaged)
    ]


def computed_otherwise(store: RecordStore) -> list[str]:
    """What differs in how the trials, which are compared with each other, were computed; or nothing."""
    records = trained(store)
    said = numerics_statement(Group(tuple(records)), store) if records else ""
    return [said] if said else []
