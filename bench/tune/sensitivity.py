"""How much the drawn values of a tune mattered to each method."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

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
    """By what was drawn for a method, how its mAP follows it, in words; what was drawn once is left out."""
    # Here, because it takes a second, and few tables have a tune beside them.
    from scipy.stats import spearmanr

    trials = outcome.drawn()
    scores = pd.Series([100 * trial.scores[design.trial_seeds[0]] for trial in trials])
    values = pd.DataFrame([{**trial.fields, **_options(trial, outcome)} for trial in trials])
    row = {}
    for name, column in values.items():
        if column.nunique() < 2:
            continue
        if pd.api.types.is_numeric_dtype(column) and column.nunique() > 5:
            found = spearmanr(column, scores)
            row[str(name)] = f"{found.statistic:+.2f} (p {found.pvalue:.2f})"
        else:
            means = scores.groupby(column).mean()
            row[str(name)] = ", ".join(f"{value}: {mean:.1f}" for value, mean in means.items())
    return row


def _options(trial: Trial, outcome: MethodOutcome) -> dict[str, Any]:
    return {name: trial.method.options[name] for name in own_ranges(outcome.method)}
