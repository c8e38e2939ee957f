"""How average precision depends on how often a class occurs."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogFormatter

from bench.figures.palette import Style
from bench.figures.subject import Floats, Subject

FIFTHS = 5


def draw(subject: Subject) -> Figure:
    """A point for each class and method, and for each method a line through the means of fifths.

    The frequency is counted on the evaluation split, whose labels are stored with the scores. The fifths
    are groups of classes by ascending frequency, as equal in size as can be.
    """
    figure = Figure(figsize=(8, 5.4), layout="constrained")
    figure.suptitle(subject.heading("AP against label frequency"))
    axes = figure.subplots()
    fifths = np.array_split(np.argsort(subject.frequency, kind="stable"), FIFTHS)
    for label in subject.rows:
        style = subject.styles[label]
        values = subject.class_ap(label).mean(axis=0)
        points = axes.scatter(subject.frequency, values, s=16, marker=style.marker, color=style.colour)
        points.set(alpha=0.5, linewidths=0.8)
        line = _means(subject.frequency.astype(np.float64), values, [f for f in fifths if len(f)])
        axes.plot(*line, color=style.colour, linestyle=style.line, marker=style.marker, markersize=6)
    axes.set(
        xscale="log",
        ylim=(0, 102),
        xlabel="images of the evaluation split that have the class; lines: means over fifths of the classes",
        ylabel="AP (%)",
    )
    for which in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        which(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.6)))
    axes.grid()
    subject.legend(figure, subject.rows, _handle)
    return figure


def _means(frequency: Floats, values: Floats, groups: list[np.ndarray]) -> tuple[list[float], list[float]]:
    """Geometric mean of the frequency, as the axis is logarithmic, and mean AP of every group."""
    kept = [group[(frequency[group] > 0) & ~np.isnan(values[group])] for group in groups]
    kept = [group for group in kept if len(group)]
    places = [float(np.exp(np.log(frequency[group]).mean())) for group in kept]
    return places, [float(values[group].mean()) for group in kept]


def _handle(style: Style) -> Line2D:
    return Line2D([], [], color=style.colour, linestyle=style.line, marker=style.marker, markersize=6)
