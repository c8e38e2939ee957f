"""The report of a tune: what each method found, what was chosen, tuning curves, and what mattered."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import UserError
from bench.files import write_text
from bench.records.store import RecordStore
from bench.records.tunes import DESIGN, TUNES, folder_of
from bench.tune.design import Design, load_design
from bench.tune.outcome import MethodOutcome, methods_tried, outcomes
from bench.tune.remarks import (
    computed_otherwise,
    damaged,
    few_seeds,
    final_seeds,
    inexact_bands,
    on_splits,
    unfinished,
)
from bench.tune.sensitivity import EXPLAINED, FEWEST_TRIALS, enough_drawn, mattered

REPORT, CURVES = "report.md", "tuning-curves"
TOO_FEW = f"Fewer than {FEWEST_TRIALS} drawn trials say nothing of tuning curves and of what mattered."


def tune_names(results: Path) -> list[str]:
    """The tunes under a folder of results."""
    return sorted(path.parent.name for path in (results / TUNES).glob(f"*/{DESIGN}"))


def write_report(results: Path, name: str) -> str:
    """Write `report.md` and `tuning-curves.png` into a tune's folder, from its records alone.

    Returns:
        The report.

    Raises:
        UserError: there is no such tune, or its design is damaged.
    """
    folder = folder_of(results, name)
    design = load_design(folder)
    if design is None:
        known = ", ".join(tune_names(results)) or "none"
        raise UserError(f"No tune {name} under {folder.parent}; there are: {known}.")
    store = RecordStore(folder)
    found = outcomes(design, store, methods_tried(design, store))
    head = [f"# Tune {design.name} of {design.data}", ""]
    final = _final(final_seeds(design, RecordStore(results)))
    head += [f"- {fact}" for fact in (*facts(design, found, store), *final)]
    has_curves = bool(enough_drawn(found))
    curves = _picture() if has_curves else [TOO_FEW]
    parts = [*head, "", *_methods(design, found), *curves, *_sensitivity(design, found)]
    text = "\n".join(parts).strip() + "\n"
    write_text(folder / REPORT, text)
    if has_curves:
        # Here, because matplotlib takes a second to import.
        from bench.figures.draw import save_figure
        from bench.tune.figure import draw_curves

        save_figure(draw_curves(design, found), folder / CURVES, ["png"])
    return text


def facts(design: Design, found: Sequence[MethodOutcome], store: RecordStore) -> list[str]:
    """How a tune was made, a line each, and what of its trials is not as it should be.

    Args:
        design: of the tune.
        found: what its trials gave.
        store: holds their records.
    """
    ranges = [f"{name} {_range(one)}" for name, one in design.space.schedule.items()]
    seeds = ", ".join(map(str, design.trial_seeds))
    return [
        f"{design.trials} trials each, drawn from seed {design.design_seed}; trial 0 is the schedule "
        f"{design.schedule_name} as it is",
        f"drawn for every method: {', '.join(ranges)}; beside at most two options of its own",
        f"the best {design.rerun} trials were run with the seeds {seeds}, and what has the best mean is "
        "chosen; untuned and best are of the first seed",
        "mAP on the validation split, percent; a run that failed counts with that of the label frequency",
        *on_splits(design, found),
        *unfinished(design, found),
        *inexact_bands(design, enough_drawn(found)),
        *computed_otherwise(store),
        *damaged(store),
    ]


def _final(seeds: Mapping[str, Sequence[int]]) -> list[str]:
    """What there is of the final runs, and whether it is enough to name a winner."""
    if not seeds:
        return ["what was chosen is not trained yet"]
    runs = "; ".join(f"{method}: {', '.join(map(str, of_method))}" for method, of_method in seeds.items())
    said = [f"seeds of the final runs, which `bench tables tuned` puts beside untuned ones: {runs}"]
    return said + [few for few in [few_seeds(seeds)] if few]


def _picture() -> list[str]:
    return [
        "## Tuning curves",
        "",
        "The expected best mAP after so many drawn trials, and after the hours that they take.",
        "",
        f"![Tuning curves]({CURVES}.png)",
        "",
    ]


def _range(one: Any) -> str:
    if one.kind == "one-of":
        return f"of {', '.join(map(str, one.values))}"
    return f"from {one.low:g} to {one.high:g} ({one.kind})"


def _methods(design: Design, found: Sequence[MethodOutcome]) -> list[str]:
    # As objects, so that what is not known yet does not turn numbers into floats, and itself into NaN.
    frame = pd.DataFrame([_row(design, outcome) for outcome in found], dtype=object)
    return [*frame.to_markdown(index=False, floatfmt=".2f", missingval="–").splitlines(), ""]


def _row(design: Design, outcome: MethodOutcome) -> dict[str, Any]:
    chosen = outcome.chosen(design)
    first = [trial.scores[design.trial_seeds[0]] for trial in outcome.trials]
    untuned = [trial for trial in outcome.trials if trial.number == 0]
    return {
        "method": outcome.method.label(),
        "dimensions": outcome.dimensions,
        "trials": len(outcome.trials),
        "failed runs": sum(trial.failed for trial in outcome.trials),
        "untuned": 100 * untuned[0].scores[design.trial_seeds[0]] if untuned else None,
        "best": 100 * max(first) if first else None,
        "chosen, mean over seeds": 100 * chosen.mean if chosen else None,
        "chosen trial": chosen.number if chosen else None,
        "chosen values": described(chosen.values(outcome.method)) if chosen else "not yet",
        "hours": sum(trial.seconds for trial in outcome.trials) / 3600,
    }


def described(values: dict[str, Any]) -> str:
    """Values in words; the schedule as it is where nothing was changed."""
    return ", ".join(f"{name} {value}" for name, value in values.items()) or "as the schedule is"


def _sensitivity(design: Design, found: Sequence[MethodOutcome]) -> list[str]:
    rows = [{"method": one.method.label(), **mattered(design, one)} for one in enough_drawn(found)]
    if not rows:
        return []
    frame = pd.DataFrame(rows).fillna("–")
    return [
        "## What mattered",
        "",
        EXPLAINED,
        "",
        *frame.to_markdown(index=False, disable_numparse=True).splitlines(),
    ]
