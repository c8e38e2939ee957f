"""A tune whose records were made up."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.experiment.methods import parse_methods
from bench.records.store import RecordStore
from bench.tune.design import Design, keep
from bench.tune.space import load_space, values_of, with_values
from made_records import SCHEDULE, made_cell, made_metrics, made_record

TRIALS = 10


def made_tune(
    results: Path,
    methods: tuple[str, ...] = ("resnet", "ml-gcn"),
    scores: Mapping[str, Sequence[float]] | None = None,
    trials: int = TRIALS,
) -> Path:
    """Of two methods: the score of the baseline follows its learning rate, the other's does not.

    Args:
        results: where it is stored, under the name `made`; it is what is returned.
        methods: with options, as `bench tune` takes them.
        scores: of the trials by method, others than those.
        trials: of each method.
    """
    design = Design(
        name="made",
        data="voc2007",
        trials=trials,
        design_seed=0,
        space=load_space("default").around(SCHEDULE),
        schedule_name="made",
        schedule=SCHEDULE,
        fixed={},
    )
    store = RecordStore(keep(design, results))
    rng = np.random.default_rng(1)
    for method in parse_methods(methods):
        for trial in range(trials):
            drawn, fields = values_of(design.space, SCHEDULE, method, 0, trial)
            schedule = with_values(SCHEDULE, fields)
            score = 0.5 + 100 * schedule.lr / 3 if method.name == "resnet" else rng.random()
            score = scores[method.name][trial] if scores else score
            for seed in design.trial_seeds:
                cell = made_cell(drawn.label(), seed, schedule=schedule, split="validation")
                store.save(*made_record(cell, metrics=made_metrics((score, score, score))))
    return results
