"""What the page shows of single images: where one method gains or loses most, and examples of errors."""

from typing import NamedTuple

import numpy as np

from bench.explain.changes import Change, ImageChange
from bench.explain.counts import Counts
from bench.explain.explain import Explanation
from bench.explain.looks import SIDE, SMALL_SIDE, Look, Thumbnails, data_uri
from bench.explain.report import number, signed
from bench.explain.shares import Shares
from bench.explain.sides import Side

EXAMPLES = 4
"""Errors of a kind that are shown of each method."""


class Reading(NamedTuple):
    """What a method makes of a label of an image, in words; `map` is the address of a picture."""

    name: str
    decision: str
    right: bool
    probability: str
    rank: str
    detail: str
    map: str | None


class Card(NamedTuple):
    """One label of one image, as both methods see it.

    Attributes:
        image: its id.
        picture: the address of its thumbnail, None without.
        label: the class.
        present: whether it is there.
        labels: what else is there, in words.
        box: the share of the picture of its largest box, in words; empty where none is known.
        gained: whether the second method gains.
        points: how many points of AP of the label, in words.
        readings: of the first method and of the second.
    """

    image: str
    picture: str | None
    label: str
    present: bool
    labels: str
    box: str
    gained: bool
    points: str
    readings: tuple[Reading, Reading]


class Line(NamedTuple):
    """One image with all its labels; `points` are points of mAP that the second method gains, in words."""

    image: str
    picture: str | None
    points: str
    labels: str


class Example(NamedTuple):
    """An error that one method makes and the other does not, or less often."""

    image: str
    picture: str | None
    label: str
    labels: str


class Examples(NamedTuple):
    """Examples of the errors of a kind that the first method makes, and the second."""

    a: tuple[Example, ...]
    b: tuple[Example, ...]


class Cards:
    """Makes what is shown of an explanation, with the pictures and maps that are at hand."""

    def __init__(self, found: Explanation, thumbnails: Thumbnails, looks: tuple[Look, Look]) -> None:
        self._found = found
        self._sides = found.sides
        self._thumbnails = thumbnails
        self._looks = looks

    def card(self, change: Change) -> Card:
        """The card of a label of an image."""
        row, column, gain = change
        sides, boxes = self._sides, self._found.material.boxes
        share = float("nan") if boxes is None else boxes[row, column]
        return Card(
            sides.ids[row],
            self._picture(row),
            sides.classes[column],
            bool(self._found.changes.positive[row, column]),
            self._labels(row, column),
            "" if np.isnan(share) else f"largest box: {100 * share:.2g} % of the picture",
            gain > 0,
            signed(100 * gain),
            (
                self._reading(sides.a, self._found.changes.a, self._looks[0], row, column),
                self._reading(sides.b, self._found.changes.b, self._looks[1], row, column),
            ),
        )

    def line(self, change: ImageChange) -> Line:
        """The line of an image."""
        gains = self._found.changes.gain[change.row]
        named = [f"{self._sides.classes[c]} {signed(100 * gains[c])}" for c in change.labels]
        return Line(
            self._sides.ids[change.row],
            self._picture(change.row, SMALL_SIDE),
            signed(100 * change.gain, "{:.3f}".format),
            ", ".join(named),
        )

    def examples(self, counts: Counts, kind: int) -> Examples:
        """The errors of a kind that one method makes more often than the other: in most seeds, surest."""
        missed = counts.sorting.missed
        sides = self._sides
        made = [(side.missed if missed else side.false).mean(axis=0) for side in (sides.a, sides.b)]
        # How sure a method is of its error.
        sure = [1 - side.probabilities if missed else side.probabilities for side in (sides.a, sides.b)]
        mask = counts.sorting.of == kind
        found = []
        for mine, other in ((0, 1), (1, 0)):
            apart = np.where(mask, made[mine] - made[other], 0)
            rows, columns = np.nonzero(apart > 0)
            keys = apart[rows, columns], sure[mine][rows, columns] - sure[other][rows, columns]
            order = np.lexsort((-keys[1], -keys[0]))[:EXAMPLES]
            found.append(tuple(self._example(int(rows[i]), int(columns[i])) for i in order))
        return Examples(*found)

    def _example(self, row: int, column: int) -> Example:
        return Example(
            self._sides.ids[row],
            self._picture(row),
            self._sides.classes[column],
            self._labels(row, column),
        )

    def _picture(self, row: int, side: int = SIDE) -> str | None:
        thumbnail = self._thumbnails.of(self._sides.ids[row])
        return None if thumbnail is None else data_uri(thumbnail, side)

    def _labels(self, row: int, column: int) -> str:
        """The other labels of an image."""
        labels = self._sides.labels[row]
        others = [
            name + (" (difficult)" if labels[c] == 0 else "")
            for c, name in enumerate(self._sides.classes)
            if c != column and labels[c] >= 0
        ]
        return ", ".join(others)

    def _reading(self, side: Side, shares: Shares, look: Look, row: int, column: int) -> Reading:
        image, label = self._sides.ids[row], self._sides.classes[column]
        present, runs = bool(self._found.changes.positive[row, column]), len(side.records)
        times = int(side.predicted[:, row, column].sum())
        ranked = int((~np.isnan(shares.rank[:, column])).sum())
        thumbnail = self._thumbnails.of(image)
        seen = None
        if thumbnail is not None and look.can:
            seen = look.at(image, label, self._thumbnails.files[image], thumbnail)
        positives = int(self._found.changes.positive[:, column].sum())
        detail = f"stands above {number(shares.above[row, column])} of {positives:,} positives"
        if present:
            detail = f"precision there: {100 * shares.precision[row, column]:.0f} %"
        return Reading(
            side.name,
            _decision(times, runs),
            (times * 2 > runs) == present,
            f"{100 * side.probabilities[row, column]:.0f} %",
            f"{number(shares.rank[row, column])} of {ranked:,}",
            detail,
            seen,
        )


def _decision(times: int, runs: int) -> str:
    if times in (0, runs):
        return "predicted" if times else "not predicted"
    return f"predicted in {times} of {runs} runs"
