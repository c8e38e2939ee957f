"""Label graphs side by side on one order of the labels: Fig. 5 of ADD-GCN, and what other methods have."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import spearmanr

from bench.errors import UserError
from bench.visualize.inside import Inside, Matrix
from bench.visualize.matrix import BESIDE, Names, draw_matrix, names_for
from bench.visualize.order import at_most, by_company
from bench.visualize.sheet import BOTTOM, EDGE, Box, Sheet
from bench.visualize.subject import THRESHOLD, Drawing, Subject

AT_MOST = 40
"""Labels of a matrix."""
PER_LINE = 4
HEAD, GAP, TOP = 0.42, 0.2, 0.45
"""Inches: above a matrix, between lines, above all."""
KEY = (
    "row i: what label i is told of each label j; grey: the diagonal; frames: the largest tenth of a row; "
    "pink: labels of the image, or predicted where these are not known; ρ: Spearman's rank correlation with "
    "P(j | i) in the training labels, off the diagonal"
)


@dataclass(frozen=True)
class _Panel:
    """A matrix with its two lines of title; `image` is the position of the image that it was made for."""

    title: str
    what: str
    weights: Matrix
    image: int | None = None


@dataclass(frozen=True)
class _Look:
    """What all panels share.

    Attributes:
        order: the labels that are shown.
        names: of theirs.
        side: of a matrix, inches.
        data: `(C, C)`, P(j | i) in the training labels, if it is known.
    """

    order: list[int]
    names: Names
    side: float
    data: Matrix | None

    @property
    def pitch(self) -> float:
        return self.names.room + self.side + BESIDE + 0.1

    @property
    def line(self) -> float:
        return HEAD + self.side + self.names.room + GAP


def draw(subject: Subject) -> Iterator[Drawing]:
    """The graphs that all images share, with the data's own, and then those made for each image."""
    models = subject.shown_by(_has_graph)
    data = next((one.data for one in models if one.data is not None), None)
    present = [_present(subject, models, image) for image in range(len(subject.images))]
    order = _order(subject, data, sorted({label for labels in present for label in labels}))
    shared = [_Panel("the data", "P(j | i) of the training labels", data)] if data is not None else []
    shared += [_Panel(one.model.title, one.graph.what, one.graph.weights) for one in models if one.graph]
    side = 2.0 if len(order) <= 24 else 2.9
    look = _Look(order, names_for([subject.names[label] for label in order], side), side, data)
    own = [_of_image(models, image) for image in range(len(subject.images))]
    blocks = [(shared, None), *((panels, image) for image, panels in enumerate(own) if panels)]
    heights = [_lines(panels, image) * look.line for panels, image in blocks]
    sheet = Sheet(EDGE + PER_LINE * look.pitch, TOP + sum(heights) + BOTTOM)
    shown = "" if len(order) == len(subject.classes) else f", {len(order)} of {len(subject.classes)} labels"
    top = TOP
    for (panels, image), height in zip(blocks, heights, strict=True):
        _draw_block(sheet, subject, look, panels, (image, [] if image is None else present[image]), top)
        top += height
    yield Drawing(subject.frame(sheet, f"label graphs{shown}", KEY))


def _has_graph(inside: Inside) -> bool:
    return inside.graph is not None or (inside.seen is not None and inside.seen.graph is not None)


def _of_image(models: Sequence[Inside], image: int) -> list[_Panel]:
    return [
        _Panel(one.model.title, "made for this image", one.seen.graph[image].astype(np.float64), image)
        for one in models
        if one.seen is not None and one.seen.graph is not None and one.seen.graph.ndim == 3
    ]


def _present(subject: Subject, models: Sequence[Inside], image: int) -> list[int]:
    """The labels of an image; those that any method predicts where they are not known."""
    truth = subject.images[image].truth
    if truth is not None:
        return [int(label) for label in np.flatnonzero(truth == 1)]
    seen = np.stack([expit(one.seen.logits[image]) for one in models if one.seen])
    return [int(label) for label in np.flatnonzero((seen >= THRESHOLD).any(axis=0))]


def _order(subject: Subject, data: Matrix | None, present: Sequence[int]) -> list[int]:
    """The labels that are shown, by their company in the data; in the data's order where that is not known.

    Those asked for; else those of the images and then those with the most company.
    """
    if len(subject.wanted) == 1:
        raise UserError(
            "The picture 'graph' shows labels beside each other: name two or more with --labels, or none."
        )
    company = np.zeros(len(subject.classes)) if data is None else data.sum(axis=0)
    shown = list(subject.wanted) or at_most(AT_MOST, company, present)
    if data is None:
        return shown
    return [shown[place] for place in by_company(data[np.ix_(shown, shown)])]


def _lines(panels: Sequence[_Panel], image: int | None) -> int:
    return math.ceil((len(panels) + (image is not None)) / PER_LINE)


def _draw_block(
    sheet: Sheet,
    subject: Subject,
    look: _Look,
    panels: Sequence[_Panel],
    of: tuple[int | None, list[int]],
    top: float,
) -> None:
    """The panels of an image behind its picture, or those that all images share."""
    image, present = of
    first = 0
    if image is not None:
        first = 1
        _draw_image(sheet, subject, look, image, present, top)
    for number, panel in enumerate(panels, start=first):
        line, column = divmod(number, PER_LINE)
        x = EDGE + column * look.pitch + look.names.room
        _draw_panel(sheet, subject, look, panel, present, (x, top + line * look.line))


def _draw_image(
    sheet: Sheet, subject: Subject, look: _Look, image: int, present: Sequence[int], top: float
) -> None:
    shown = subject.images[image]
    x, width = EDGE, look.names.room + look.side
    name = subject.lettering.text(shown.name)
    sheet.fitted(x, top + 0.05, name, width, 9, weight="bold")
    labels = ", ".join(subject.names[label] for label in present) or "no label"
    sheet.fitted(x, top + 0.22, labels, width, 7.5, color="0.3")
    sheet.picture(Box(x, top + HEAD, width, look.side), shown.thumbnail(480))


def _draw_panel(
    sheet: Sheet,
    subject: Subject,
    look: _Look,
    panel: _Panel,
    present: Sequence[int],
    corner: tuple[float, float],
) -> None:
    x, top = corner
    title = subject.lettering.text(panel.title)
    sheet.fitted(x, top + 0.05, title, look.side + BESIDE, 9, weight="bold")
    what = panel.what
    if look.data is not None and panel.weights is not look.data:
        found = agreement(panel.weights, look.data)
        what += "" if math.isnan(found) else f", ρ = {found:.2f}".replace("-", "−")
    sheet.fitted(x, top + 0.22, what, look.side + BESIDE, 7.5, color="0.3")
    values = panel.weights[np.ix_(look.order, look.order)]
    marked = largest_tenth(panel.weights)[np.ix_(look.order, look.order)] if panel.image is not None else None
    bold = [look.order.index(label) for label in present if label in look.order]
    draw_matrix(sheet, (x, top + HEAD, look.side), values, look.names, bold, marked)


def agreement(one: Matrix, other: Matrix) -> float:
    """Spearman's rank correlation of two graphs `(C, C)` off their diagonals; NaN where one is constant.

    So is the graph of one label.
    """
    off = ~np.eye(len(one), dtype=np.bool_)
    if len(one) < 2 or np.ptp(one[off]) == 0 or np.ptp(other[off]) == 0:
        return math.nan
    return float(spearmanr(one[off], other[off]).statistic)


def largest_tenth(weights: Matrix) -> NDArray[np.bool_]:
    """`(C, C)`, the cells that are among the largest tenth of their row, at least one; never the diagonal."""
    off = np.where(np.eye(len(weights)), -np.inf, weights)
    count = max(1, round(len(weights) / 10))
    marked = np.zeros(weights.shape, dtype=np.bool_)
    np.put_along_axis(marked, np.argsort(-off, axis=1, kind="stable")[:, :count], True, axis=1)
    return marked & ~np.eye(len(weights), dtype=np.bool_)
