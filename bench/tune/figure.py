"""The tuning curves of a tune as a picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from bench.figures.look import lettering, look
from bench.figures.palette import styles
from bench.tune.curves import CONFIDENCE, curve_of
from bench.tune.design import Design
from bench.tune.outcome import MethodOutcome


def draw_curves(design: Design, found: Sequence[MethodOutcome]) -> Figure:
    """The expected best mAP against the number of drawn trials, and against the hours that they take."""
    labels = [outcome.method.label() for outcome in found]
    drawn = styles(labels)
    with look(lettering([design.name, *labels])):
        figure = Figure(figsize=(10, 4.6), layout="constrained")
        figure.suptitle(
            f"{design.name}: expected best mAP on the validation split (%), with the simultaneous "
            f"{CONFIDENCE:.0%} band of each method"
        )
        by_trials, by_hours = figure.subplots(1, 2, sharey=True)
        for outcome in found:
            if not outcome.drawn():
                continue
            drawn_curve = curve_of(design, outcome)
            curve = drawn_curve.curve
            count = np.arange(1, len(curve.expected) + 1)
            hours = count * drawn_curve.hours
            style = drawn[outcome.method.label()]
            for axes, x in ((by_trials, count), (by_hours, hours)):
                (line,) = axes.plot(x, 100 * curve.expected, color=style.colour, linestyle=style.line)
                line.set(marker=style.marker, markersize=3, label=outcome.method.label())
                axes.fill_between(x, 100 * curve.low, 100 * curve.high, color=style.colour, alpha=0.07, lw=0)
        by_trials.set(xlabel="drawn trials", ylabel="mAP (%)")
        by_hours.set(xlabel="hours", xscale="log")
        for axes in (by_trials, by_hours):
            axes.grid()
        handles, names = by_trials.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=min(6, len(names)))
    return figure
