"""Precision against recall, class by class."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.figures.palette import Style
from bench.figures.subject import Floats, Subject, shown_of
from bench.metrics.average_precision import FloatArray, IntArray, positives
from bench.metrics.protocol import Protocol

AT_MOST = 80


def draw(subject: Subject) -> Figure:
    """A panel for each class; a curve is the mean over seeds, and the area under it the AP, not interpolated.

    What difficult labels count as in AP is the protocol's.
    """
    shown = [c for c in subject.most_frequent(AT_MOST) if subject.frequency[c]]
    columns = min(len(shown), 5 if len(shown) <= 20 else 8)
    lines = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(max(6.5, 2.1 * columns + 0.5), 1.9 * lines + 1.3), layout="constrained")
    what = f"precision and recall, {shown_of(len(shown), len(subject.classes))}"
    figure.suptitle(subject.heading(what, shown))
    panels = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for c, panel in zip(shown, panels, strict=False):
        panel.set_title(subject.class_names[c], fontsize=9)
    for label in subject.rows:
        curves = _curves(subject, label)
        for c, panel in zip(shown, panels, strict=False):
            _draw_curve(panel, curves[c], subject.styles[label])
    for number, panel in enumerate(panels):
        panel.set_visible(number < len(shown))
        # A panel above an empty place is the last of its column.
        panel.tick_params(labelbottom=number + columns >= len(shown))
        panel.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
        panel.set_xlabel("recall" if number + columns >= len(shown) else "")
        panel.set_ylabel("precision" if number % columns == 0 else "")
        panel.grid()
    subject.legend(figure, subject.rows, _handle)
    return figure


def precision_at_positives(scores: FloatArray, labels: IntArray, protocol: Protocol) -> list[Floats]:
    """For each class the precision where its k-th positive is found, k = 1 to P.

    Images with equal scores enter together, as in `bench.metrics.average_precision`: precision exists at the
    end of such a group. So the mean of an array is the AP by rule `ap`, and recall is k / P.

    Args:
        scores: `(N, C)` logits.
        labels: `(N, C)` in {1, 0, -1}.
        protocol: what a difficult label counts as in AP.
    """
    hits = positives(labels, protocol.difficult_in_ap)
    counted = labels != 0 if protocol.difficult_in_ap == "ignored" else np.ones_like(hits)
    found = []
    for c in range(scores.shape[1]):
        order = np.argsort(-scores[counted[:, c], c], kind="stable")
        ranked = scores[counted[:, c], c][order]
        total = np.cumsum(hits[counted[:, c], c][order])
        # The last image with the same score as the k-th positive.
        ends = np.searchsorted(-ranked, -ranked, side="right") - 1
        places = ends[np.flatnonzero(np.diff(total, prepend=0))]
        found.append(total[places] / (places + 1.0))
    return found


def _curves(subject: Subject, label: str) -> list[Floats]:
    """`precision_at_positives`, averaged over seeds: their positives are the same images."""
    protocol = subject.group.first.cell.protocol
    runs = (subject.scores(record) for record in subject.rows[label])
    seeds = [precision_at_positives(run.logits, run.labels, protocol) for run in runs]
    return [np.mean(curves, axis=0) for curves in zip(*seeds, strict=True)]


def _draw_curve(panel: Axes, precision: Floats, style: Style) -> None:
    recall = np.arange(len(precision) + 1) / len(precision)
    steps = np.append(precision, precision[-1])
    panel.step(recall, steps, where="post", color=style.colour, linestyle=style.line, linewidth=1.1)


def _handle(style: Style) -> Line2D:
    return Line2D([], [], color=style.colour, linestyle=style.line)
