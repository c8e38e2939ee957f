"""An explanation in words and numbers: tables for a screen, a data frame, the lines that say what holds."""

from collections.abc import Callable, Sequence
from typing import Final

import pandas as pd
from tabulate import tabulate

from bench.explain.changes import Change
from bench.explain.counts import Counts
from bench.explain.explain import Explanation
from bench.metrics.uncertainty import LEVEL, Interval
from bench.records.groups import Group, data_title, differences, titled
from bench.records.intervals import one_seed
from bench.tables.header import header

ADDED: Final = (
    "A gain is what a label of an image takes less from the average precision of its class. Every positive "
    "that has negatives above it costs precision; half of that is written to the positive, half to the "
    "negatives. Over all images and labels the gains add up to the difference in mAP (precision is not "
    "interpolated here)."
)
UNPICTURED: Final = 5
"""Pictures that cannot be read which are named one by one."""


def title_of(found: Explanation) -> str:
    """What is compared with what, on what."""
    pair = found.comparison.pair
    both = Group((*pair.a, *pair.b))
    title = f"{found.sides.b.name} against {found.sides.a.name} on {data_title(both.records)}"
    return titled(title, [both])


def conditions(found: Explanation) -> tuple[str, ...]:
    """What holds for every number: the runs, how they were made and measured, what the intervals cover."""
    pair, sides = found.comparison.pair, found.sides
    runs = [
        f"{side.name}: {'one run' if len(side.records) == 1 else f'the mean of {len(side.records)} runs'}, "
        f"{', '.join(record.run_id for record in side.records)}"
        for side in (sides.a, sides.b)
    ]
    differ = differences(pair.a[0], pair.b[0])
    warning = [f"WARNING: not the methods alone differ, but also {'; '.join(differ)}"] if differ else []
    single = [side.name for side in (sides.a, sides.b) if one_seed(side.records)]
    alone = [f"one seed: the interval covers images only: {', '.join(single)}"] if single else []
    return (
        *header(Group((*pair.a, *pair.b)), found.comparison.store),
        *runs,
        *warning,
        *alone,
        f"[low, high]: {LEVEL:.0%} interval over seeds and test images together "
        f"({found.comparison.resamples} bootstrap resamples, the same for both methods), not adjusted for "
        "how many there are",
        f"an error: a positive that is not predicted, or a prediction that is no positive, by the protocol's "
        f"threshold of {sides.protocol.threshold:g}" + _on_difficult(sides.protocol.difficult_in_pr),
    )


def _on_difficult(how: str) -> str:
    return "; difficult labels are ignored, so none is an error" if how == "ignored" else ""


def decided(found: Explanation) -> str:
    """How many labels each method predicts: who predicts more misses less and raises more false alarms."""
    sides = found.sides
    images = len(sides.ids)
    a, b = (side.predicted.sum() / len(side.records) / images for side in (sides.a, sides.b))
    return (
        f"{sides.a.name} predicts {a:.2f} labels to an image, {sides.b.name} {b:.2f}; "
        f"{sides.true.sum() / images:.2f} are there. Who predicts more misses less and raises more false "
        "alarms, whatever the ranking."
    )


def unpictured(notes: Sequence[str]) -> tuple[str, ...]:
    """The notes on pictures that cannot be read, where they are many the first."""
    more = len(notes) - UNPICTURED
    return (*notes[:UNPICTURED], *([f"And {more} more pictures that cannot be read."] if more > 0 else []))


def number(value: float) -> str:
    """A mean count: with a decimal where it is small, and no whole number."""
    exact = round(float(value), 9)  # a mean of whole numbers may lack a last bit
    return f"{exact:,.0f}" if abs(exact) >= 10 or exact.is_integer() else f"{exact:.1f}"


def signed(value: float, form: Callable[[float], str] = "{:.2f}".format) -> str:
    """A number with its sign, a minus of its own width; 0 has none."""
    text = form(abs(value))
    if not float(text.replace(",", "")):
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def text(found: Explanation) -> str:
    """The error kinds, and the largest changes, for a screen."""
    parts = [title_of(found), "\n".join(f"- {line}" for line in (*conditions(found), decided(found)))]
    parts += [_table(found, counts) for counts in (*found.kinds, *found.others)]
    parts += ["\n".join(f"- {line}" for line in found.material.notes)]
    gains, losses = found.changes.largest(5)
    for what, changes in (("gains", gains), ("loses", losses)):
        lines = [f"{found.sides.b.name} {what} most at:", *(f"- {_change(found, one)}" for one in changes)]
        parts += ["\n".join(lines)] if changes else []
    return "\n\n".join([*parts, *found.comparison.pair.notes]) + "\n"


def _change(found: Explanation, one: Change) -> str:
    sides = found.sides
    there = "there" if found.changes.positive[one.row, one.column] else "not there"
    ranks = " → ".join(number(side.rank[one.row, one.column]) for side in (found.changes.a, found.changes.b))
    label = sides.classes[one.column]
    return f"{sides.ids[one.row]}: {label}, {there}, rank {ranks}, {signed(100 * one.gain)} points of its AP"


def _table(found: Explanation, counts: Counts) -> str:
    sides = found.sides
    head = ("Kind", "Of", sides.a.name, sides.b.name, "Difference")
    rows = [
        [row.kind.title, f"{row.possible:,}", _count(row.a), _count(row.b), _difference(row.difference)]
        for row in counts.rows
    ]
    align = ("left", *["right"] * (len(head) - 1))
    printed = tabulate(rows, head, disable_numparse=True, colalign=align)
    sentences = [
        f"- {row.kind.title}: {row.kind.sentence}" for row in counts.rows[:-1] if counts in found.kinds
    ]
    return "\n\n".join([counts.sorting.title, *(["\n".join(sentences)] if sentences else []), printed])


def _count(one: Interval) -> str:
    return f"{number(one.value)} [{number(one.low)}, {number(one.high)}]"


def _difference(one: Interval) -> str:
    value, low, high = (signed(part, number) for part in one)
    return f"{value} [{low}, {high}]"


def frame(found: Explanation) -> pd.DataFrame:
    """All counts: a row for each kind of each sorting, not rounded."""
    pair = found.comparison.pair
    described = {
        "data": pair.a[0].cell.data,
        "split": pair.a[0].cell.split,
        "method_a": pair.a[0].cell.row(),
        "runs_a": " ".join(record.run_id for record in pair.a),
        "method_b": pair.b[0].cell.row(),
        "runs_b": " ".join(record.run_id for record in pair.b),
        "protocol": found.sides.protocol.name,
        "resamples": found.comparison.resamples,
    }
    rows = []
    for counts in (*found.kinds, *found.others):
        for row in counts.rows:
            numbers = {
                f"{name}{ending}": value
                for name, interval in (("a", row.a), ("b", row.b), ("difference", row.difference))
                for ending, value in zip(("", "_low", "_high"), interval, strict=True)
            }
            rows.append(
                {
                    **described,
                    "errors": "missed" if counts.sorting.missed else "false-alarm",
                    "by": counts.sorting.by,
                    "kind": row.kind.name,
                    "possible": row.possible,
                    **numbers,
                }
            )
    return pd.DataFrame(rows)
