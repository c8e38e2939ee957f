"""Learning curves."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bench.figures.curves import CURVES, Curve, common_epochs
from bench.figures.palette import Style
from bench.figures.subject import Subject


def draw(subject: Subject) -> Figure:
    """Training loss and mAP on the evaluation split after each epoch: mean and range over seeds."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    figure.suptitle(subject.heading("learning curves"))
    trained = subject.trained()
    for axes, (name, read) in zip(figure.subplots(1, len(CURVES)), CURVES.items(), strict=True):
        for label, records in trained.items():
            _draw_curve(axes, [read(record) for record in records], subject.styles[label])
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid()
    subject.legend(figure, trained, _handle)
    return figure


def _draw_curve(axes: Axes, seeds: list[Curve], style: Style) -> None:
    epochs = common_epochs(seeds)
    if not epochs:
        return
    values = np.array([[seed[epoch] for epoch in epochs] for seed in seeds])
    (line,) = axes.plot(epochs, values.mean(axis=0), color=style.colour, linestyle=style.line)
    line.set(marker=style.marker, markersize=4)
    axes.fill_between(epochs, values.min(axis=0), values.max(axis=0), color=style.colour, alpha=0.15, lw=0)


def _handle(style: Style) -> Line2D:
    return Line2D([], [], color=style.colour, linestyle=style.line, marker=style.marker, markersize=4)
