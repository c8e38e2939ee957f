"""The reliability diagram: how often what is given a probability is so, before and after a temperature."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from bench.figures.draw import save_figure
from bench.figures.look import UNWRITTEN, lettering, look
from bench.figures.palette import COLOURS, Line
from bench.figures.subject import shown_of
from bench.metrics.calibration import BINS, Reliability

AT_MOST: Final = 20
"""Classes that have a panel: the most frequent."""
FEWEST: Final = 5
"""Labels in a bin, below which its share of positives is chance and no point is drawn."""
_COLUMNS: Final = 5
# Colour, marker and line.
_STYLES: Final[tuple[tuple[str, str, Line], ...]] = (
    (COLOURS[5], "o", "dashed"),
    (COLOURS[2], "s", "solid"),
)


def draw_reliability(
    path: Path,
    title: str,
    names: Sequence[str],
    temperature: float,
    before: Reliability,
    after: Reliability,
) -> str:
    """Draw all labels together, how many are in each bin, and a panel for each of the most frequent classes.

    Args:
        path: the file, PNG or SVG by its ending. Equal values give equal bytes on one machine.
        title: whose probabilities they are.
        names: the C class names.
        temperature: that was fitted.
        before: the bins of each class without it.
        after: and with it.

    Returns:
        Which class each number stands for, where no font can write a name; else nothing.
    """
    frequency = before.positives.sum(axis=1)
    shown = sorted(np.argsort(-frequency, kind="stable")[:AT_MOST].tolist())
    letters = lettering((title, *names))
    unwritten = letters.unwritten(names)
    rows = math.ceil(len(shown) / _COLUMNS)
    with look(letters):
        figure = Figure(figsize=(9.5, 4.6 + 1.9 * rows), layout="constrained")
        heading = f"{letters.text(title)}, {shown_of(len(shown), len(names))}"
        figure.suptitle(heading + (f"\n{UNWRITTEN}" if unwritten else ""))
        above, below = figure.subfigures(2, 1, height_ratios=(4.0, 1.9 * rows), squeeze=False).ravel()
        _draw_together(above, temperature, before.together(), after.together())
        said = "calibration error before → after the temperature (%)"
        below.suptitle(f"each class, with its {said}; bins of {FEWEST} labels or more", fontsize=9)
        panels = below.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
        drawn = letters.names(names)
        errors = 100 * before.error(), 100 * after.error()
        for number, panel in enumerate(panels):
            panel.set_visible(number < len(shown))
            panel.tick_params(labelbottom=number + _COLUMNS >= len(shown))
        for c, panel in zip(shown, panels, strict=False):
            _curves(panel, before, after, c, size=3)
            panel.set_title(f"{drawn[c]}\n{errors[0][c]:.1f} → {errors[1][c]:.1f}", fontsize=8)
        save_figure(figure, path.with_suffix(""), [path.suffix.removeprefix(".")])
    return unwritten


def _draw_together(part: SubFigure, temperature: float, before: Reliability, after: Reliability) -> None:
    diagram, counts = part.subplots(1, 2)
    _curves(diagram, before, after, 0, size=5)
    diagram.set(xlabel="mean probability in the bin", ylabel="share of positives")
    edges = np.linspace(0, 1, BINS + 1)
    names = "as the model gives it", f"temperature {temperature:.3f}"
    handles = []
    for name, bins, (colour, marker, line) in zip(names, (before, after), _STYLES, strict=True):
        counts.stairs(bins.counts[0], edges, baseline=None, color=colour, linestyle=line)
        label = f"{name}: calibration error {100 * bins.error()[0]:.2f} %"
        handles.append(Line2D([], [], color=colour, marker=marker, linestyle=line, label=label))
    counts.set(xlabel="probability", ylabel="labels in the bin", xlim=(0, 1), yscale="log")
    counts.set_ylim(bottom=0.8)
    counts.yaxis.set_major_formatter("{x:,.0f}")
    counts.grid()
    part.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)


def _curves(panel: Axes, before: Reliability, after: Reliability, row: int, size: float) -> None:
    """The points of one row of bins, joined, and the diagonal that they would lie on."""
    panel.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    for bins, (colour, marker, line) in zip((before, after), _STYLES, strict=True):
        enough = bins.counts[row] >= FEWEST
        total = bins.counts[row][enough]
        x, y = bins.probabilities[row][enough] / total, bins.positives[row][enough] / total
        panel.plot(x, y, color=colour, linestyle=line, marker=marker, markersize=size, linewidth=1.0)
    panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    panel.set_aspect("equal")
    panel.grid()
