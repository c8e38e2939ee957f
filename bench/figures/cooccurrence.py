"""Which classes occur together, in the labels and in what a method predicts."""

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.figures.subject import Floats, Subject, shown_of
from bench.methods.graph import conditional_probability
from bench.metrics.average_precision import BoolArray, positives
from bench.metrics.precision_recall import predict
from bench.records.record import Record

AT_MOST = 40
COLUMNS = 3


def draw(subject: Subject) -> Figure:
    """P(j | i) in the labels of the evaluation split, and for each method by how much its predictions differ.

    A prediction is what the protocol takes for one; a method's matrix is the mean over seeds.
    """
    trained = subject.trained()
    shown = subject.most_frequent(AT_MOST)
    columns = min(COLUMNS, 1 + len(trained))
    lines = math.ceil((1 + len(trained)) / columns)
    side = 1.9 + 0.12 * len(shown)
    heading = subject.heading(f"co-occurrence, {shown_of(len(shown), len(subject.classes))}", shown)
    height = (side + 0.4) * lines + 0.4 + 0.25 * heading.count("\n")
    figure = Figure(figsize=(side * columns + 1.6, height), layout="compressed")
    figure.suptitle(heading)
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    truth = together(_truth(subject))[np.ix_(shown, shown)]
    first = panels[0].imshow(truth, vmin=0, vmax=1, cmap="viridis", interpolation="nearest")
    panels[0].set_title("labels: P(j | i)", fontsize=10)
    differences = {}
    for label, records in trained.items():
        predicted = np.mean([together(_predicted(subject, record)) for record in records], axis=0)
        differences[label] = predicted[np.ix_(shown, shown)] - truth
    limit = max(0.1, *(float(np.abs(difference).max()) for difference in differences.values()))
    for panel, (label, difference) in zip(panels[1:], differences.items(), strict=False):
        second = panel.imshow(difference, vmin=-limit, vmax=limit, cmap="PuOr_r", interpolation="nearest")
        panel.set_title(subject.title(label), fontsize=10)
    names = [subject.class_names[c] for c in shown]
    for number, panel in enumerate(panels):
        panel.set_visible(number <= len(trained))
        _name(panel, names, beside=number % columns == 0)
    figure.colorbar(first, ax=panels, shrink=0.6, label="P(j | i) in the labels")
    figure.colorbar(
        second, ax=panels, shrink=0.6, label="P(j | i) in what is predicted, minus that in the labels"
    )
    return figure


def together(present: BoolArray) -> Floats:
    """`P[i, j] = P(j | i)`, `(C, C)`, of present labels, `(N, C)`; the row of one that never is, is 0."""
    counts = present.astype(np.float64)
    pairs: NDArray[np.float64] = counts.T @ counts
    return conditional_probability(np.diagonal(pairs), pairs)


def _truth(subject: Subject) -> BoolArray:
    return positives(subject.labels, subject.group.first.cell.protocol.difficult_in_pr)


def _predicted(subject: Subject, record: Record) -> BoolArray:
    scores, protocol = subject.scores(record), record.cell.protocol
    predicted = predict(scores.logits, protocol)
    return predicted & (scores.labels != 0) if protocol.difficult_in_pr == "ignored" else predicted


def _name(panel: Axes, names: list[str], beside: bool) -> None:
    places = range(len(names))
    panel.set_xticks(places, names, rotation=90, fontsize=7)
    panel.set_yticks(places, names if beside else [""] * len(names), fontsize=7)
    panel.tick_params(length=2)
    panel.set_xlabel("label j")
    panel.set_ylabel("label i" if beside else "")
