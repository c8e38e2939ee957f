"""How much the drawn values of a tune mattered to each method."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.ranges import OneOf
from bench.tune.design import Design
from bench.tune.outcome import MethodOutcome, Trial
from bench.tune.space import own_ranges

FEWEST_TRIALS = 4
"""Drawn trials below which nothing is said of curves and of what mattered."""
EXPLAINED = (
    "Of numbers the rank correlation with mAP over the drawn trials (Spearman, with p, not adjusted); of "
    "choices the mean mAP of each."
)


def enough_drawn(found: Sequence[MethodOutcome]) -> list[MethodOutcome]:
    """The methods with enough drawn trials to say something of."""
    return [outcome for outcome in found if len(outcome.drawn()) >= FEWEST_TRIALS]


def mattered(design: Design, outcome: MethodOutcome) -> dict[str, str]:
    """By what was drawn for a method, how its mAP follows it, in words; what was drawn once is left out.

    What is a number and what a choice is said by its range: few trials draw few values of a number too.
    """
    # Here, because it takes a second, and few tables have a tune beside them.
    from scipy.stats import spearmanr

    trials = outcome.drawn()
    scores = pd.Series([100 * score for score in outcome.drawn_scores(design)])
    values = pd.DataFrame([{**trial.fields, **_options(trial, outcome)} for trial in trials])
    ranges = {**design.space.schedule, **own_ranges(outcome.method)}
    row = {}
    for name, column in values.items():
        if column.nunique() < 2:
            continue
        if isinstance(ranges[str(name)], OneOf):
            means = scores.groupby(column).mean()
            row[str(name)] = ", ".join(f"{value}: {mean:.1f}" for value, mean in means.items())
        elif scores.nunique() > 1:  # else no rank follows anything
            found = spearmanr(column, scores)
            row[str(name)] = f"{found.statistic:+.2f} (p {found.pvalue:.2f})"
    return row


def _options(trial: Trial, outcome: MethodOutcome) -> dict[str, Any]:
    return {name: trial.method.options[name] for name in own_ranges(outcome.method)}
