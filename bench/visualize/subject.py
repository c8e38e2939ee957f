"""What a picture of trained models is made from, and what a kind of picture gives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.datasets.opened import OpenedSplit
from bench.errors import UserError
from bench.figures.look import UNWRITTEN, Lettering, lettering
from bench.progress import Steps
from bench.visualize.catalog import ViewKind
from bench.visualize.images import Shown
from bench.visualize.inside import Inside, look_inside
from bench.visualize.models import Model
from bench.visualize.sheet import EDGE, Sheet

THRESHOLD = 0.5
"""The probability from which on a label counts as predicted."""


class NoSuchViewError(UserError):
    """No model that was asked for shows what a kind of picture is of."""


@dataclass(frozen=True)
class Drawing:
    """A picture, with its numbers.

    Attributes:
        figure: the picture.
        of: what it is of beside the data set: the labels of methods; none where it is of all of them.
        tables: by the ending of the file's name, what is written as CSV beside it.
        words: what the command prints of it.
    """

    figure: Figure
    of: tuple[str, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    words: str = ""


@dataclass(frozen=True)
class Subject:
    """Models, and the images that they look at.

    Attributes:
        kind: of the picture.
        models: in the order of the tables.
        classes: the names of the C classes, in the order of everything that is shown.
        title: of what was trained on.
        images: that are shown.
        wanted: positions of the labels that were asked for; none where the picture chooses.
        split: the evaluation split, where all of it is looked at.
        device: that models run on.
        steps: gives the progress of a task.
        note: told what is left out.
    """

    kind: ViewKind
    models: tuple[Model, ...]
    classes: tuple[str, ...]
    title: str
    images: tuple[Shown, ...]
    wanted: tuple[int, ...]
    split: OpenedSplit | None
    device: str
    steps: Steps
    note: Callable[[str], None]

    @cached_property
    def lettering(self) -> Lettering:
        """What all its texts are written with."""
        names = (*(model.title for model in self.models), *(image.name for image in self.images))
        return lettering((*self.classes, *names, self.title, "✓✗…ρ−"))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the classes as they can be drawn."""
        return self.lettering.names(self.classes)

    def frame(self, sheet: Sheet, what: str, key: str) -> Figure:
        """Write at the upper edge what a picture shows, and on what, and at the lower one what it means.

        There it is said too what a number in the place of a label's name is. Gives the figure.
        """
        title = self.lettering.text(f"{self.title}: {what}" if self.title else what)
        sheet.fitted(EDGE, 0.12, title, sheet.width - 2 * EDGE, 10.5)
        numbered = any(not self.lettering.can_write(name) for name in self.classes)
        words = f"{key}; {UNWRITTEN}" if numbered else key
        lines = sheet.lines(words, sheet.width - 2 * EDGE, 6.5)
        how = {"fontsize": 6.5, "color": "0.35", "va": "bottom"}
        sheet.text(EDGE, sheet.height - 0.1, "\n".join(lines), **how)
        return sheet.figure

    def shown_by(self, has: Callable[[Inside], bool]) -> list[Inside]:
        """What is inside the models that have the view; each other one is noted.

        Raises:
            NoSuchViewError: none has it.
        """
        progress = self.steps("looking into models, model")
        found: list[Inside] = []
        without: list[Inside] = []
        for number, model in enumerate(self.models):
            progress(number, len(self.models))
            inside = look_inside(model, self.classes, [image.path for image in self.images], self.device)
            (found if has(inside) else without).append(inside)
        if not found:
            names = several([model.title for model in self.models])
            raise NoSuchViewError(
                f"There is no picture '{self.kind.name}' of {names}: it takes {self.kind.view}, which these "
                f"methods show as published: {', '.join(self.kind.methods)}."
            )
        for inside in without:
            self.note(f"left out of '{self.kind.name}': {inside.model.title} does not show {self.kind.view}")
        return found

    def labels_of(self, image: int, probability: NDArray[np.float32], at_most: int) -> list[int]:
        """The labels of an image that are shown: those asked for, else those it has, else those predicted.

        Args:
            image: its position.
            probability: `(M, C)`, what models give it.
            at_most: so many; of more labels those whose probabilities differ most between the models, and
                of one model those with the largest.
        """
        if self.wanted:
            return list(self.wanted)
        truth = self.images[image].truth
        found = np.flatnonzero(truth == 1) if truth is not None else np.array([], dtype=np.int64)
        if not len(found):
            found = np.flatnonzero((probability >= THRESHOLD).any(axis=0))
        if not len(found):
            found = probability.max(axis=0).argmax(keepdims=True)
        weight = np.ptp(probability, axis=0) if len(probability) > 1 else probability[0]
        kept = found[np.argsort(-weight[found], kind="stable")[:at_most]]
        return sorted(int(label) for label in kept)


def verdict(truth: NDArray[np.int8] | None, label: int, probability: float) -> bool | None:
    """Whether a probability is on the right side; None where the label is difficult or not known."""
    if truth is None or truth[label] == 0:
        return None
    return bool((truth[label] == 1) == (probability >= THRESHOLD))


def wrong_label(truth: NDArray[np.int8] | None, probability: NDArray[np.float32]) -> int | None:
    """The label that is not there and has the highest probability, if it is predicted.

    Args:
        truth: `(C,)`; without it there is none.
        probability: `(C,)`.
    """
    if truth is None:
        return None
    absent = np.where(truth == -1, probability, -1.0)
    return int(absent.argmax()) if absent.max() >= THRESHOLD else None


def several(names: Sequence[str]) -> str:
    """Names in a row: `a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
