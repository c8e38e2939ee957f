"""Tune every method with the same draws and the same budget, then train what was chosen.

1. Every trial of every method is an ordinary run on the validation split, at one seed. No search adapts to
   what it finds, because that favours some learners over others, and no trial is ended early, because that
   punishes slow starters.
2. The best three of each method are run again with two more seeds; the best mean is chosen.
3. What was chosen is trained on the whole training split, with several seeds, and the test split is opened.
"""

from dataclasses import dataclass
from typing import Any

from bench.engine.planning.events import Events
from bench.engine.planning.plan import Cell, plan
from bench.engine.running.execute import Outcome, execute
from bench.errors import UserError
from bench.experiment.matrix import MatrixSpec
from bench.experiment.methods import MethodChoice, parse_methods
from bench.methods.catalog import PRIOR
from bench.progress import Steps
from bench.records.tunes import folder_of
from bench.tune.design import Design, TrialStore, check_kept, keep
from bench.tune.outcome import MethodOutcome, outcomes
from bench.tune.space import Space, values_of
from bench.tune.stored import refuse_what_is_stored


@dataclass(frozen=True)
class Tune:
    """A tune that is to be run.

    Attributes:
        matrix: methods, data, schedule and whatever else `bench run` takes; its seeds are those of the final
            runs.
        design: what all trials share.
        methods: as they were asked for.
        trials: the cells of every trial at the first seed, and of the prior.
    """

    matrix: MatrixSpec
    design: Design
    methods: list[MethodChoice]
    trials: list[Cell]


def plan_tune(
    matrix: MatrixSpec, space: Space, trials: int, design_seed: int, name: str | None, task: Steps
) -> Tune:
    """Find and check everything that a tune needs, and list the cells of its trials.

    Raises:
        UserError: several data sets, a space or a data set that cannot be used, or what is stored already
            does not go with it.
    """
    if len(matrix.data) > 1:
        raise UserError(f"A tune has one data set, and {len(matrix.data)} are given: tune them one by one.")
    if matrix.backbone and len(matrix.backbone) > 1:
        raise UserError(
            f"A tune has one backbone, and {len(matrix.backbone)} are given: tune them one by one."
        )
    if matrix.split == "validation":
        raise UserError("A tune chooses on the validation split and ends on the test split: leave split out.")
    design = _design(matrix, space, trials, design_seed, name, task)
    check_kept(design, matrix.results)
    refuse_what_is_stored(design, matrix.results)
    methods = parse_methods(matrix.methods)
    cells = [
        cell
        for number in range(trials)
        for method in methods
        for cell in _cells(matrix, design, method, number, design.trial_seeds[:1], task)
    ]
    prior = _prior_cell(matrix, design, task)
    return Tune(matrix, design, methods, _once([prior, *cells]))


def _design(
    matrix: MatrixSpec, space: Space, trials: int, design_seed: int, name: str | None, task: Steps
) -> Design:
    """What all trials share, by a cell that is planned for the schedule as it is."""
    (untuned, *_) = plan(matrix.model_copy(update={"split": "validation", "seeds": (0,)}), task)
    spec = untuned.spec
    fixed = set(matrix.schedule_overrides()[0])
    ranges = {field: one for field, one in space.schedule.items() if field not in fixed}
    around = space.model_copy(update={"schedule": ranges}).around(spec.schedule)
    if not around.schedule:
        raise UserError(
            f"Every field of the space ({', '.join(space.schedule)}) is given, or is nothing here, so "
            "nothing is left to be tuned: leave one out of --set and the like."
        )
    return Design(
        name=name or f"{spec.data}-{spec.schedule_name}",
        data=spec.data,
        trials=trials,
        design_seed=design_seed,
        space=around,
        schedule_name=spec.schedule_name,
        schedule=spec.schedule,
        fixed={
            "fingerprint": spec.data_fingerprint,
            "limit_train": spec.limit_train,
            "limit_eval": spec.limit_eval,
            "vectors": spec.vectors.rpartition(":")[2],
            "weights": spec.weights_digest,
            "init_from": spec.init_from and spec.init_from.model_dump(mode="json", exclude={"file"}),
            "protocol": spec.protocol.model_dump(mode="json"),
        },
    )


def run_tune(tune: Tune, events: Events) -> tuple[list[MethodOutcome], Outcome]:
    """Run what is still to be run, in the three steps above; a killed tune goes on where it was.

    Returns:
        What the trials of each method gave, and how many of the final runs have a result.
    """
    folder = keep(tune.design, tune.matrix.results)
    store = TrialStore(folder)
    in_folder = tune.matrix.model_copy(update={"results": folder})
    execute(in_folder, tune.trials, events, store, wait=True)
    again = again_cells(tune, outcomes(tune.design, store, tune.methods), events.task)
    execute(in_folder, again, events, store, wait=True)
    found = outcomes(tune.design, store, tune.methods)
    return found, execute(tune.matrix, final_cells(tune, found, events.task), events, wait=True)


def ahead(tune: Tune, task: Steps) -> tuple[list[Cell], list[Cell]]:
    """The runs that follow the trials: those with more seeds, and the final ones.

    What is not known before the trials are finished is stood in for by the first trials of a method, of which
    there are as many and which take as long. The test split is read for that, and looked for.

    Raises:
        UserError: it is not there, or cannot be used.
    """
    store = TrialStore(folder_of(tune.matrix.results, tune.design.name))
    found = outcomes(tune.design, store, tune.methods)
    again = again_cells(tune, found, task, stand_in=True)
    return again, final_cells(tune, found, task, stand_in=True)


def again_cells(tune: Tune, found: list[MethodOutcome], task: Steps, stand_in: bool = False) -> list[Cell]:
    """The runs of the best trials of each method with more seeds.

    Args:
        tune: the tune.
        found: what its trials gave.
        task: gives, for what begins to be read, the callback that it reports to.
        stand_in: of a method whose trials are not all finished give those of its first trials.
    """
    matrix, design = tune.matrix, tune.design
    cells = []
    for outcome in found:
        numbers = [trial.number for trial in outcome.best(design)]
        if stand_in and len(outcome.trials) < design.trials:
            numbers = list(range(design.rerun))
        for number in numbers:
            cells += _cells(matrix, design, outcome.method, number, design.trial_seeds[1:], task)
    return _once(cells)


def final_cells(tune: Tune, found: list[MethodOutcome], task: Steps, stand_in: bool = False) -> list[Cell]:
    """The runs of what was chosen, on the whole training split, with the prior first.

    Args:
        tune: the tune.
        found: what its trials gave.
        task: gives, for what begins to be read, the callback that it reports to.
        stand_in: of a method for which nothing is chosen yet give the runs of the schedule as it is.
    """
    matrix, design = tune.matrix, tune.design
    (prior, *_) = plan(matrix, task, design.tuned(MethodChoice(name=PRIOR.name)))
    cells = [prior]
    for outcome in found:
        chosen = outcome.chosen(design)
        if chosen is None and not stand_in:
            continue
        method, fields = (chosen.method, chosen.fields) if chosen else (outcome.method, {})
        asked, tuned = _drawn(matrix, method, fields), design.tuned(outcome.method)
        cells += [cell for cell in plan(asked, task, tuned, as_given=False) if not _is_prior(cell)]
    return cells


def _cells(
    matrix: MatrixSpec, design: Design, method: MethodChoice, trial: int, seeds: tuple[int, ...], task: Steps
) -> list[Cell]:
    """The runs of a method in a trial, on the validation split."""
    drawn, fields = values_of(design.space, design.schedule, method, design.design_seed, trial)
    asked = _drawn(matrix, drawn, fields).model_copy(
        update={"split": "validation", "seeds": seeds, "results": folder_of(matrix.results, design.name)}
    )
    return [cell for cell in plan(asked, task, as_given=False) if not _is_prior(cell)]


def _once(cells: list[Cell]) -> list[Cell]:
    """Each run once: what is drawn for a method may be what was given for another choice of it."""
    return list({cell.spec.run_id(): cell for cell in cells}.values())


def _prior_cell(matrix: MatrixSpec, design: Design, task: Steps) -> Cell:
    """The prior on the validation split, which a failed trial counts with."""
    folder = folder_of(matrix.results, design.name)
    asked = matrix.model_copy(update={"split": "validation", "seeds": (0,), "results": folder})
    return plan(asked, task)[0]


def _drawn(matrix: MatrixSpec, method: MethodChoice, fields: dict[str, Any]) -> MatrixSpec:
    return matrix.model_copy(update={"methods": (method.label(),), "set": {**matrix.set, **fields}})


def _is_prior(cell: Cell) -> bool:
    return cell.spec.method.name == PRIOR.name
