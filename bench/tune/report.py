"""The report of a tune as a Markdown table: what each method was given, what it found, what was chosen."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from bench.tune.design import Design
from bench.tune.outcome import MethodOutcome


def report(design: Design, found: Sequence[MethodOutcome]) -> pd.DataFrame:
    """A row for each method, mAP on the validation split in percent.

    The untuned value is that of trial 0 at the first seed; the chosen one is the mean over the seeds of the
    trial that was chosen, empty before it is.
    """
    return pd.DataFrame([_row(design, outcome) for outcome in found])


def _row(design: Design, outcome: MethodOutcome) -> dict[str, Any]:
    chosen = outcome.chosen(design)
    first = [trial.scores[design.trial_seeds[0]] for trial in outcome.trials]
    return {
        "method": outcome.method.label(),
        "dimensions": outcome.dimensions,
        "trials": len(outcome.trials),
        "failed": sum(trial.failed for trial in outcome.trials),
        "untuned mAP": 100 * first[0] if first else None,
        "best mAP": 100 * max(first) if first else None,
        "chosen mAP": 100 * chosen.mean if chosen else None,
        "chosen trial": chosen.number if chosen else None,
        "chosen values": described(chosen.values(outcome.method)) if chosen else "",
        "hours": sum(trial.seconds for trial in outcome.trials) / 3600,
    }


def described(values: dict[str, Any]) -> str:
    """Values in words; the schedule as it is where nothing was changed."""
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "as the schedule is"


def summary(design: Design, found: Sequence[MethodOutcome]) -> list[str]:
    """The report as lines of Markdown, with what it is of above it."""
    frame = report(design, found)
    head = (
        f"Tune {design.name} of {design.data}: {design.trials} trials each, drawn from seed "
        f"{design.design_seed}; mAP on the validation split (%)"
    )
    return [head, "", *frame.to_markdown(index=False, floatfmt=".2f", missingval="-").splitlines()]
