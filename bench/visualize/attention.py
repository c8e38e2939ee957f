"""Where one method sees each label of several images: attention, or class activation maps."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from scipy.special import expit

from bench.visualize.inside import Floats, Inside
from bench.visualize.sheet import BOTTOM, EDGE, Box, Sheet
from bench.visualize.subject import THRESHOLD, Drawing, Subject, verdict
from bench.visualize.tiles import KEY, badge, draw_map, tile_size

AT_MOST = 6
"""Labels of an image."""
SIDE, GAP = 1.3, 0.08
"""Inches: of a tile, and between two."""
HEAD, TOP = 0.2, 0.5
"""Inches: above a row, above all."""
KINDS = {"attention": "attention", "activation": "class activation maps"}


@dataclass(frozen=True)
class _Row:
    """An image, the labels that are shown of it, and the size of its tiles in inches."""

    image: int
    picture: Image.Image
    labels: list[int]
    tile: tuple[float, float]

    def width(self) -> float:
        return (1 + len(self.labels)) * (self.tile[0] + GAP)


def draw(subject: Subject) -> Iterator[Drawing]:
    """A picture for each method: in a row for each image its picture, and the map of each label."""
    for inside in subject.shown_by(lambda one: one.seen is not None and one.seen.maps is not None):
        yield Drawing(_figure(subject, inside), (inside.model.tag,))


def _figure(subject: Subject, inside: Inside) -> Figure:
    seen = inside.seen
    assert seen is not None and seen.maps is not None
    probability = expit(seen.logits)
    rows = [_row(subject, image, probability[image]) for image in range(len(subject.images))]
    width = max(6.5, max(row.width() for row in rows) + 2 * EDGE)
    sheet = Sheet(width, TOP + sum(HEAD + row.tile[1] + GAP for row in rows) + BOTTOM)
    y = TOP
    for row in rows:
        _draw_row(sheet, subject, inside, seen.maps[row.image], probability[row.image], row, y)
        y += HEAD + row.tile[1] + GAP
    return subject.frame(sheet, f"{KINDS[seen.kind or 'attention']} of {inside.model.title}", KEY)


def _row(subject: Subject, image: int, probability: Floats) -> _Row:
    """The labels that are asked for; else those that are there, then those predicted, the surest first."""
    truth = subject.images[image].truth
    present = truth == 1 if truth is not None else np.zeros(len(probability), dtype=np.bool_)
    order = np.lexsort((-probability, ~present))
    shown = [int(label) for label in order if present[label] or probability[label] >= THRESHOLD]
    picture = subject.images[image].thumbnail()
    labels = list(subject.wanted) or shown[:AT_MOST] or [int(order[0])]
    return _Row(image, picture, labels, tile_size(picture, SIDE))


def _draw_row(
    sheet: Sheet,
    subject: Subject,
    inside: Inside,
    maps: Floats,
    probability: Floats,
    row: _Row,
    y: float,
) -> None:
    (width, height), truth = row.tile, subject.images[row.image].truth
    name = subject.lettering.text(subject.images[row.image].name)
    sheet.fitted(EDGE, y + 0.04, name, width, 7.5, color="0.4")
    sheet.picture(Box(EDGE, y + HEAD, width, height), row.picture)
    for column, label in enumerate(row.labels, start=1):
        x = EDGE + column * (width + GAP)
        present = truth is not None and truth[label] == 1
        how = {"weight": "bold"} if present else {}
        sheet.fitted(x, y + 0.04, subject.names[label], width, 8, **how)
        box = Box(x, y + HEAD, width, height)
        draw_map(sheet, box, row.picture, maps[label], inside.model.card)
        badge(sheet, box, float(probability[label]), verdict(truth, label, float(probability[label])))
