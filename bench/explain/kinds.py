"""The kinds that errors are sorted into: each error is of one kind, the first of its list that it fits.

A kind is told by the labels of the image, not by the method: a positive of some kind is missed or not, and
what is no positive is predicted or not. So both methods have the same chances of every kind. Confusion alone
is told by what is predicted, by both methods together.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.compare.differences import thirds_of
from bench.explain.companions import CONFUSED, FEWEST, OFTENER, USUAL, confused
from bench.explain.sides import Sides
from bench.metrics.average_precision import BoolArray, IntArray
from bench.metrics.average_precision import positives as positives_of

MOST_LABELS = 4
"""Images with so many labels, or more, are one group."""


class Kind(NamedTuple):
    """One kind of error: its name in files, its title, and what it is, in a sentence."""

    name: str
    title: str
    sentence: str


@dataclass(frozen=True)
class Sorting:
    """A way to sort errors of one sort.

    Attributes:
        by: what it is sorted by, in files.
        title: over its table.
        missed: whether it is positives that are missed, or else false alarms.
        kinds: K kinds.
        of: `(N, C)`, which kind an error in this label of this image would be; -1 where none can be.
    """

    by: str
    title: str
    missed: bool
    kinds: tuple[Kind, ...]
    of: NDArray[np.int8]


def _first(
    choices: list[tuple[Kind, BoolArray]], among: BoolArray
) -> tuple[tuple[Kind, ...], NDArray[np.int8]]:
    """The kinds, and of each entry the first kind that it fits; -1 where it is not among those sorted."""
    of = np.select([mask for _, mask in choices], list(range(len(choices))), -1).astype(np.int8)
    return tuple(kind for kind, _ in choices), np.where(among, of, -1).astype(np.int8)


def sort_missed(sides: Sides, usual: BoolArray, boxes: NDArray[np.float64] | None, small: float) -> Sorting:
    """The kinds of missed positives.

    Args:
        sides: both methods.
        usual: `(C, C)`, companions, as `companions_of`.
        boxes: `(N, C)`, the share of the picture that the largest box covers; None where nothing is known.
        small: below which share an object is small.
    """
    labels = sides.labels
    # A companion that is difficult, or of which nothing is known, may be there.
    without = ((labels >= 0).astype(np.float32) @ usual.T.astype(np.float32) == 0) & usual.any(axis=1)
    choices = []
    if sides.protocol.difficult_in_pr == "positive":
        sentence = "The label is marked difficult in the data, and this protocol counts it as a positive."
        choices.append((Kind("difficult", "Difficult", sentence), labels == 0))
    if boxes is not None:
        sentence = f"The largest box of the label covers less than {100 * small:g} % of the picture."
        choices.append((Kind("small", "Small object", sentence), boxes < small))
    sentence = "The label has usual companions, and none of them is in the picture."
    choices.append((Kind("out-of-context", "Out of context", sentence), without))
    rest = "None of these: large enough, and in the usual company or of a label that has none."
    if boxes is None:
        rest = "None of these: in the usual company, or of a label that has none."
    choices.append((Kind("other", "Other", rest), np.ones_like(without)))
    kinds, of = _first(choices, sides.true)
    return Sorting("kind", "Missed: there, and not predicted", True, kinds, of)


def sort_false(sides: Sides, usual: BoolArray) -> Sorting:
    """The kinds of false alarms; `usual` are the companions, as `companions_of`."""
    there, negative = sides.labels == 1, sides.negative
    often = (sides.a.false.mean(axis=0) + sides.b.false.mean(axis=0)) / 2
    in_company = there.astype(np.float32) @ usual.T.astype(np.float32) > 0
    choices = []
    if sides.protocol.difficult_in_pr == "negative":
        sentence = (
            "The label is marked difficult, or left open, in the data; this protocol counts it as absent."
        )
        choices.append((Kind("difficult", "Difficult or unannotated", sentence), sides.labels == 0))
    sentence = (
        "A label is in the picture, no usual companion, in whose other pictures this false alarm is raised "
        f"{FEWEST} times or more, and at least {CONFUSED:g} times as often as in all pictures."
    )
    alike = confused(there, often, negative, usual)
    choices.append((Kind("confused", "Confused with another label", sentence), alike))
    sentence = "A usual companion of the label is in the picture, and the label is not."
    choices.append((Kind("context", "Hallucinated by context", sentence), in_company))
    choices.append((Kind("other", "Other", "None of these."), np.ones_like(in_company)))
    kinds, of = _first(choices, negative)
    return Sorting("kind", "False alarms: predicted, and not there", False, kinds, of)


def companions_sentence(source: str) -> str:
    """What a usual companion is, and where they were counted."""
    return (
        f"Usual companions of a label are those that stand beside it in {100 * USUAL:g} % of its images or "
        f"more, and there at least {OFTENER:g} times as often as in all images; counted in {source}."
    )


def sort_otherwise(sides: Sides) -> list[Sorting]:
    """Both sorts of errors, by how frequent the label is and by how many labels the image has."""
    return [*_by_frequency(sides), *_by_labels(sides)]


def _by_frequency(sides: Sides) -> list[Sorting]:
    """By thirds of the classes, as `bench compare` has them."""
    counted = positives_of(sides.labels, sides.protocol.difficult_in_ap).sum(axis=0, dtype=np.int64)
    of_class = np.full(len(sides.classes), -1, np.int8)
    kinds = []
    for number, (name, third) in enumerate(thirds_of(counted).items()):
        of_class[third] = number
        fewest, most = int(counted[third].min()), int(counted[third].max())
        sentence = f"{len(third)} classes of {fewest} to {most} positive test labels."
        kinds.append(Kind(name, f"{name.capitalize()} ({len(third)})", sentence))
    if (of_class < 0).any():
        sentence = "Classes without a positive test label."
        kinds.append(Kind("none", f"Without a positive ({int((of_class < 0).sum())})", sentence))
        of_class[of_class < 0] = len(kinds) - 1
    of = np.broadcast_to(of_class, sides.labels.shape)
    return _both(sides, "frequency", "by label frequency", tuple(kinds), of)


def _by_labels(sides: Sides) -> list[Sorting]:
    """By the number of labels in the image."""
    count = np.minimum(sides.true.sum(axis=1), MOST_LABELS)
    there = sorted({int(one) for one in count})
    names = [f"{one} or more" if one == MOST_LABELS else str(one) for one in there]
    kinds = tuple(
        Kind(name, f"{name} {'label' if name == '1' else 'labels'}", f"{int((count == one).sum())} images.")
        for one, name in zip(there, names, strict=True)
    )
    of = np.broadcast_to(np.searchsorted(there, count)[:, None], sides.labels.shape)
    return _both(sides, "labels", "by the number of labels in the image", kinds, of)


def _both(sides: Sides, by: str, title: str, kinds: tuple[Kind, ...], of: IntArray) -> list[Sorting]:
    parts = (("Missed", True, sides.true), ("False alarms", False, sides.negative))
    return [
        Sorting(by, f"{word} {title}", missed, kinds, np.where(among, of, -1).astype(np.int8))
        for word, missed, among in parts
    ]
