"""Where the second method gains and loses against the first: images and labels, by what AP makes of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.explain.shares import Shares, shares_of_ap
from bench.explain.sides import Sides
from bench.metrics.average_precision import BoolArray, positives

Floats = NDArray[np.float64]

VISIBLE = 5e-5
"""A gain that is less is printed as none: half of a hundredth of a point."""


class Change(NamedTuple):
    """One label of one image.

    Attributes:
        row: of the image.
        column: of the label.
        gain: what the second method gains over the first, as a fraction of the AP of the label.
    """

    row: int
    column: int
    gain: float


class ImageChange(NamedTuple):
    """One image.

    Attributes:
        row: of the image.
        gain: what the second method gains over the first, as a fraction of mAP, all labels together.
        labels: the columns that it comes from most, the largest first.
    """

    row: int
    gain: float
    labels: tuple[int, ...]


@dataclass(frozen=True)
class Changes:
    """What both methods lose label by label; see `bench.explain.shares`.

    Attributes:
        a: of the first method.
        b: of the second.
        positive: `(N, C)`, what counts as positive in AP.
    """

    a: Shares
    b: Shares
    positive: BoolArray

    @cached_property
    def gain(self) -> Floats:
        """`(N, C)`; 0 for labels that are in no AP."""
        return np.nan_to_num(self.a.lost - self.b.lost)

    @property
    def measured(self) -> int:
        """How many classes are in the mean."""
        return int((~np.isnan(self.a.lost)).any(axis=0).sum())

    def largest(self, count: int) -> tuple[list[Change], list[Change]]:
        """The labels of images with the largest gains and losses, at most `count` each."""
        order = np.argsort(self.gain, axis=None, kind="stable")
        columns = self.gain.shape[1]

        def change(place: int) -> Change:
            return Change(place // columns, place % columns, float(self.gain.flat[place]))

        gained = [change(int(place)) for place in order[::-1][:count] if self.gain.flat[place] > 0]
        return gained, [change(int(place)) for place in order[:count] if self.gain.flat[place] < 0]

    def images(self, count: int, labels: int = 3) -> tuple[list[ImageChange], list[ImageChange]]:
        """The images with the largest gains and losses, at most `count` each, with their first labels."""
        total = self.gain.sum(axis=1) / max(self.measured, 1)
        order = np.argsort(total, kind="stable")

        def image(row: int) -> ImageChange:
            toward = self.gain[row] * np.sign(total[row])
            first = [int(c) for c in np.argsort(-toward, kind="stable")[:labels] if toward[c] >= VISIBLE]
            return ImageChange(row, float(total[row]), tuple(first))

        gained = [image(int(row)) for row in order[::-1][:count] if total[row] > 0]
        return gained, [image(int(row)) for row in order[:count] if total[row] < 0]


def changes_of(sides: Sides) -> Changes:
    """Measure both methods, each by the mean of its runs."""
    a, b = (shares_of_ap(side.logits, sides.labels, sides.protocol) for side in (sides.a, sides.b))
    return Changes(a, b, positives(sides.labels, sides.protocol.difficult_in_ap))
