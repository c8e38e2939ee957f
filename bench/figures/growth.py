"""How costs grow: time and memory against what grows, both axes logarithmic."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.figures.draw import save_figure
from bench.figures.look import lettering, look

PER_ROW = 2
COLOURS = 10
"""That lines have in turn."""


class GrowthLine(NamedTuple):
    """A line of a panel.

    Attributes:
        name: with the exponent.
        sizes: of what grows.
        values: the cost at each.
    """

    name: str
    sizes: Sequence[int]
    values: Sequence[float]


class GrowthPanel(NamedTuple):
    """A panel: what grows, in which unit the cost is, and the lines."""

    against: str
    unit: str
    lines: Sequence[GrowthLine]


def draw_growth(panels: Sequence[GrowthPanel], path: Path) -> None:
    """Draw panels to a file, whose ending says in which format."""
    names = [line.name for panel in panels for line in panel.lines]
    with look(lettering([*names, *(panel.against + panel.unit for panel in panels)])):
        rows = -(-len(panels) // PER_ROW)
        figure = Figure(figsize=(11, 4.6 * rows), layout="constrained")
        figure.suptitle("how time and memory grow, with the exponent over the upper two thirds")
        places = figure.subplots(rows, PER_ROW, squeeze=False).ravel()
        for axes, panel in zip(places, panels, strict=False):
            _draw_panel(axes, panel)
        for axes in places[len(panels) :]:
            axes.set_visible(False)
        save_figure(figure, path.with_suffix(""), [path.suffix.removeprefix(".")])


def _draw_panel(axes: Axes, panel: GrowthPanel) -> None:
    for number, line in enumerate(panel.lines):
        # Where colours begin again, dashes tell lines apart.
        style = ("-", "--", ":")[number // COLOURS % 3]
        axes.plot(line.sizes, line.values, style, marker="o", markersize=3, linewidth=1.1, label=line.name)
    axes.set(xscale="log", yscale="log", xlabel=panel.against, ylabel=panel.unit)
    axes.set_xticks(sorted({size for line in panel.lines for size in line.sizes}))
    axes.tick_params(axis="x", rotation=45)
    # Numbers as they are written: powers are formulas, which are not parsed in these pictures.
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.grid()
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0, -0.32))
