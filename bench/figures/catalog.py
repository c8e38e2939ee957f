"""The pictures by name. Light on purpose: listing them must not import what draws them."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class FigureKind:
    """A kind of picture.

    Attributes:
        name: what the user types, and the ending of the file's name.
        summary: one line.
        draw: `module:function` that takes a `Subject` and returns a matplotlib figure.
        names_classes: whether the names of classes stand in it.
    """

    name: str
    summary: str
    draw: str
    names_classes: bool = False


KINDS: Final = {
    kind.name: kind
    for kind in (
        FigureKind(
            "per-class",
            "average precision of every class, a bar per method",
            "bench.figures.per_class:draw",
            names_classes=True,
        ),
        FigureKind(
            "frequency",
            "average precision of a class against how often it occurs",
            "bench.figures.frequency:draw",
        ),
        FigureKind(
            "precision-recall",
            "precision against recall, a panel per class",
            "bench.figures.recall:draw",
            names_classes=True,
        ),
        FigureKind("learning", "loss and mAP after every epoch", "bench.figures.learning:draw"),
        FigureKind(
            "cooccurrence",
            "which classes occur together: in the labels, and what a method predicts beyond or below that",
            "bench.figures.cooccurrence:draw",
            names_classes=True,
        ),
    )
}
"""Every picture of stored runs, in the order of the help."""

FORMATS: Final = ("png", "svg")
