"""Average precision per class: a bar for each method."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bench.figures.subject import Subject, shown_of

AT_MOST = 80
# So that a picture of 20 classes fits a page, and one of 80 a screen.
PER_PANEL = 10
PANELS = 4


def draw(subject: Subject) -> Figure:
    """Bars up to the mean over seeds, with the standard deviation; classes in panels side by side."""
    shown = subject.most_frequent(AT_MOST)
    rows = math.ceil(len(shown) / min(PANELS, math.ceil(len(shown) / PER_PANEL)))
    panels = [shown[start : start + rows] for start in range(0, len(shown), rows)]
    height = 1.6 + rows * (0.12 + 0.09 * len(subject.rows))
    figure = Figure(figsize=(max(6.5, 4 * len(panels)), height), layout="constrained")
    figure.suptitle(subject.heading(f"AP per class, {shown_of(len(shown), len(subject.classes))}", shown))
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for panel, positions in zip(axes, panels, strict=True):
        _bars(panel, subject, positions, rows)
    subject.legend(figure, subject.rows, lambda style: Patch(facecolor=style.colour, hatch=style.hatch))
    return figure


def _bars(panel: Axes, subject: Subject, positions: list[int], rows: int) -> None:
    thickness = 0.84 / len(subject.rows)
    for number, label in enumerate(subject.rows):
        style = subject.styles[label]
        values = subject.class_ap(label)[:, positions]
        panel.barh(
            np.arange(len(positions)) - 0.42 + thickness * (number + 0.5),
            np.nan_to_num(values.mean(axis=0)),
            height=thickness * 0.92,
            xerr=values.std(axis=0, ddof=1) if len(values) > 1 else None,
            error_kw={"elinewidth": 0.7, "ecolor": "0.45"},
            color=style.colour,
            hatch=style.hatch,
        )
    panel.set_yticks(range(len(positions)), [subject.class_names[c] for c in positions])
    panel.tick_params(axis="y", length=0)
    # All panels have rows of one height, and the first class stands on top.
    panel.set(xlim=(0, 100), ylim=(rows - 0.5, -0.5), xlabel="AP (%)")
    panel.grid(axis="x")
