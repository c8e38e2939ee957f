"""A matrix over labels with their names and its scale: what graphs and scenes are drawn as."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from bench.visualize.sheet import SMALLEST, Box, Sheet

Matrix = NDArray[np.float64]
MARK = "#d81b60"
BAR = 0.07
"""Inches: width of the scale beside a matrix."""
BESIDE, LONGEST = 0.5, 1.1
"""Inches: of the scale with its numbers; of the longest name."""


@dataclass(frozen=True)
class Names:
    """The names of a matrix's labels, cut short where they are long.

    Attributes:
        texts: the names.
        size: of their letters, points.
        room: what they take at the left and below, inches.
    """

    texts: tuple[str, ...]
    size: float
    room: float


def names_for(names: Sequence[str], side: float) -> Names:
    """The names of a matrix of that side, inches, as large as its rows allow."""
    ruler, size = Sheet(1, 1), min(7.0, max(SMALLEST, side / len(names) * 72 * 0.9))
    texts = tuple(ruler.cut(name, LONGEST, size) for name in names)
    widest = max(ruler.extent(text, size, weight="bold")[0] for text in texts)
    return Names(texts, size, widest + 0.08)


def draw_matrix(
    sheet: Sheet,
    place: tuple[float, float, float],
    values: Matrix,
    names: Names,
    bold: Collection[int] = (),
    marked: NDArray[np.bool_] | None = None,
    highest: float | None = None,
) -> None:
    """Draw a matrix, its diagonal grey: what a label is told of itself is another thing everywhere.

    Args:
        sheet: where.
        place: left and upper edge and side, inches; names need room at the left and below.
        values: `(n, n)`.
        names: of the n labels.
        bold: rows whose names are.
        marked: `(n, n)`, cells that get a frame.
        highest: the upper end of the scale; the largest value off the diagonal if None.
    """
    x, y, side = place
    count = len(names.texts)
    axes = sheet.axes(Box(x, y, side, side))
    off = np.where(np.eye(count), np.nan, values)
    signed = bool((values < 0).any())
    high = highest or float(np.nanmax(np.abs(off), initial=0)) or 1.0
    shown = axes.imshow(off, cmap="PuOr_r" if signed else "viridis", interpolation="nearest")
    shown.set_clim(-high if signed else 0, high)
    axes.set_facecolor("0.85")
    axes.spines[:].set_visible(False)
    _name(axes, names, bold)
    if marked is not None:
        _mark(axes, marked, side / count)
    bar = sheet.figure.colorbar(
        shown, cax=sheet.axes(Box(x + side + 0.06, y, BAR, side)), ticks=MaxNLocator(4)
    )
    bar.ax.tick_params(labelsize=6, length=2, pad=1.5)
    bar.outline.set(visible=False)


def _name(axes: Axes, names: Names, bold: Collection[int]) -> None:
    places, size = range(len(names.texts)), names.size
    axes.set_xticks(places, names.texts, rotation=90, fontsize=size)
    axes.set_yticks(places, names.texts, fontsize=size)
    axes.tick_params(length=1.5, pad=1.5, width=0.5)
    for which in (axes.get_xticklabels(), axes.get_yticklabels()):
        for place in bold:
            which[place].set(fontweight="bold", color=MARK)


def _mark(axes: Axes, marked: NDArray[np.bool_], cell: float) -> None:
    rows, columns = np.nonzero(marked)
    points = (cell * 72 * 0.72) ** 2
    axes.scatter(columns, rows, s=points, marker="s", facecolors="none", edgecolors=MARK, linewidths=0.8)
