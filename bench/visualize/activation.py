"""Where methods see the labels of images, beneath each other: Fig. 4 of ADD-GCN."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.special import expit

from bench.visualize.inside import Floats, Inside
from bench.visualize.sheet import BOTTOM, EDGE, Box, Sheet
from bench.visualize.subject import Drawing, Subject, several, verdict, wrong_label
from bench.visualize.tiles import KEY, WRONG, aspect_of, badge, draw_map, name_tile

AT_MOST = 5
"""Labels of an image."""
WIDTH = 12.0
"""Inches that the images of a line take at most."""
PICTURE, TILE, GAP, BETWEEN = 1.3, 0.87, 0.05, 0.22
"""Inches: height of a picture and of a tile, between tiles, between images."""
TITLES, NAMES, TOP = 1.15, 0.42, 0.45
"""Inches: of the methods' names, of those of image and labels, above all."""


@dataclass(frozen=True)
class _Block:
    """An image with what methods make of it: a column for each label.

    Attributes:
        image: its position.
        picture: itself.
        labels: that have a column.
        wrong: the wrong label of each method, or None; nothing where no method has one.
        tile: the width of a tile, inches.
    """

    image: int
    picture: Image.Image
    labels: list[int]
    wrong: list[int | None]
    tile: float

    @property
    def width(self) -> float:
        columns = len(self.labels) + bool(self.wrong)
        return max(columns * (self.tile + GAP) - GAP, self.tile / TILE * PICTURE)


def draw(subject: Subject) -> Iterator[Drawing]:
    """In a row for each method the maps of the labels of each image, which stands above them."""
    rows = subject.shown_by(lambda inside: inside.seen is not None and inside.seen.maps is not None)
    probability = np.stack([expit(one.seen.logits) for one in rows if one.seen])
    lines = _in_lines([_block(subject, n, probability[:, n]) for n in range(len(subject.images))])
    height = PICTURE + NAMES + len(rows) * (TILE + GAP)
    width = max(map(_width, lines))
    sheet = Sheet(
        max(6.5, 2 * EDGE + TITLES + width),
        TOP + len(lines) * height + (len(lines) - 1) * BETWEEN + BOTTOM,
    )
    for number, line in enumerate(lines):
        top = TOP + number * (height + BETWEEN)
        _draw_titles(sheet, subject, rows, top + PICTURE + NAMES)
        x = EDGE + TITLES
        for block in line:
            _draw_block(sheet, subject, rows, probability[:, block.image], block, (x, top))
            x += block.width + BETWEEN
    yield Drawing(subject.frame(sheet, f"where labels are seen by {_methods(rows)}", KEY))


def _methods(rows: Sequence[Inside]) -> str:
    return several([row.model.title for row in rows]) if len(rows) < 3 else f"{len(rows)} methods"


def _block(subject: Subject, image: int, probability: Floats) -> _Block:
    shown = subject.images[image]
    wrong = [wrong_label(shown.truth, one) for one in probability]
    picture = shown.thumbnail()
    return _Block(
        image,
        picture,
        subject.labels_of(image, probability, AT_MOST),
        wrong if any(one is not None for one in wrong) else [],
        TILE * aspect_of(picture),
    )


def _in_lines(blocks: Sequence[_Block]) -> list[list[_Block]]:
    """The images in their order, in as few lines as there can be: as many in each where they fit so."""
    lines: list[list[_Block]] = []
    for block in blocks:
        if not lines or _width([*lines[-1], block]) > WIDTH - TITLES:
            lines.append([])
        lines[-1].append(block)
    places = np.array_split(np.arange(len(blocks)), len(lines))
    even = [[blocks[place] for place in line] for line in places]
    fits = all(_width(line) <= WIDTH - TITLES for line in even)
    return even if fits else lines


def _width(line: Sequence[_Block]) -> float:
    return sum(block.width + BETWEEN for block in line) - BETWEEN


def _draw_titles(sheet: Sheet, subject: Subject, rows: Sequence[Inside], top: float) -> None:
    for number, row in enumerate(rows):
        middle = top + number * (TILE + GAP) + TILE / 2
        title = subject.lettering.text(row.model.title)
        sheet.fitted(EDGE, middle, title, TITLES - 0.1, 8.5, va="bottom")
        sheet.text(EDGE, middle + 0.04, (row.seen and row.seen.kind) or "", fontsize=6.5, color="0.4")


def _draw_block(
    sheet: Sheet,
    subject: Subject,
    rows: Sequence[Inside],
    probability: Floats,
    block: _Block,
    corner: tuple[float, float],
) -> None:
    left, top = corner
    truth, first = subject.images[block.image].truth, top + PICTURE + NAMES
    sheet.picture(Box(left, top, block.tile / TILE * PICTURE, PICTURE), block.picture)
    sheet.fitted(left, top + PICTURE + 0.03, _caption(subject, block), block.width, 6.5, color="0.4")
    for column, label in enumerate(block.labels):
        x = left + column * (block.tile + GAP)
        weight = {"weight": "bold"} if truth is not None and truth[label] == 1 else {}
        sheet.fitted(x, first - 0.04, subject.names[label], block.tile, 8, va="bottom", **weight)
        for number, row in enumerate(rows):
            box = Box(x, first + number * (TILE + GAP), block.tile, TILE)
            chance = float(probability[number, label])
            _draw_tile(sheet, box, row, block, label)
            badge(sheet, box, chance, verdict(truth, label, chance))
    if block.wrong:
        _draw_wrong(sheet, subject, rows, probability, block, (left, first))


def _draw_wrong(
    sheet: Sheet,
    subject: Subject,
    rows: Sequence[Inside],
    probability: Floats,
    block: _Block,
    corner: tuple[float, float],
) -> None:
    """The column of the wrong label that each method predicts most."""
    left, first = corner
    x = left + len(block.labels) * (block.tile + GAP)
    sheet.fitted(x, first - 0.04, "highest wrong", block.tile, 8, va="bottom", color=WRONG)
    for number, (row, label) in enumerate(zip(rows, block.wrong, strict=True)):
        y = first + number * (TILE + GAP)
        if label is None:
            how = {"fontsize": 7, "color": "0.5", "ha": "center", "va": "center"}
            sheet.text(x + block.tile / 2, y + TILE / 2, "none", **how)
            continue
        box = Box(x, y, block.tile, TILE)
        _draw_tile(sheet, box, row, block, label)
        badge(sheet, box, float(probability[number, label]), False)
        name_tile(sheet, box, subject.names[label])


def _draw_tile(sheet: Sheet, box: Box, row: Inside, block: _Block, label: int) -> None:
    assert row.seen is not None and row.seen.maps is not None
    draw_map(sheet, box, block.picture, row.seen.maps[block.image, label], row.model.card)


def _caption(subject: Subject, block: _Block) -> str:
    """The name of an image, and how many labels it has where not all have a column."""
    shown = subject.images[block.image]
    name = subject.lettering.text(shown.name)
    if shown.truth is None:
        return f"{name}, labels not known"
    has = set(np.flatnonzero(shown.truth == 1).tolist())
    left_out = len(has - set(block.labels))
    return f"{name}, {left_out} of its {len(has)} labels not shown" if left_out else name
