"""The picture of a split's labels: how often each occurs, and which occur together."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.figures.look import UNWRITTEN, lettering, look
from bench.files import atomic_path
from bench.methods.graph import conditional_probability

# Names of more classes than this cannot be read beside a matrix.
NAMED_AT_MOST = 100


def draw_labels(
    path: Path, title: str, names: tuple[str, ...], counts: NDArray[np.int64], cooccurrence: NDArray[np.int64]
) -> str:
    """Draw label frequency and co-occurrence.

    Args:
        path: the PNG file.
        title: what the split is.
        names: C class names.
        counts: `(C,)`, images per class.
        cooccurrence: `(C, C)`, images per pair of classes.

    Returns:
        Which class each number stands for, where no font can write a name; else nothing.
    """
    named = len(names) <= NAMED_AT_MOST
    letters = lettering((title, *(names if named else ())))
    unwritten = letters.unwritten(names) if named else ""
    heading = letters.text(title) + (f"\n{UNWRITTEN}" if unwritten else "")
    with look(letters), atomic_path(path) as temporary:
        figure = _figure(heading, letters.names(names), counts, cooccurrence)
        # Without the version of matplotlib, so that equal data gives equal bytes.
        figure.savefig(temporary, dpi=100, metadata={"Software": None})
    return unwritten


def _figure(
    heading: str, names: tuple[str, ...], counts: NDArray[np.int64], cooccurrence: NDArray[np.int64]
) -> Figure:
    probability = conditional_probability(counts, cooccurrence)
    side = max(6.0, min(len(names), NAMED_AT_MOST) * 0.18)
    figure = Figure(figsize=(1.5 * side + 1, side + 1), layout="constrained")
    figure.suptitle(heading)
    matrix, bars = figure.subplots(1, 2, width_ratios=(2, 1), sharey=True)
    shown = matrix.imshow(probability, vmin=0, vmax=1, cmap="viridis", interpolation="nearest", aspect="auto")
    matrix.set(xlabel="label j", ylabel="label i", title="P(j | i)")
    figure.colorbar(shown, ax=matrix, location="bottom", shrink=0.6)
    bars.barh(np.arange(len(names)), counts, color="tab:blue")
    bars.set(xlabel="images", title="label frequency")
    if len(names) <= NAMED_AT_MOST:
        places = range(len(names))
        matrix.set_xticks(places, names, rotation=90, fontsize=7)
        matrix.set_yticks(places, names, fontsize=7)
    return figure
