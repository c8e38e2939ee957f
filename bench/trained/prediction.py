"""What a model says about one picture, in words that a person can use."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.engine.models.model_file import ModelCard
from bench.errors import UserError
from bench.trained.overlay import on_picture

Floats = NDArray[np.float32]


class Label(NamedTuple):
    """A label and its probability."""

    name: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What a model says about a picture.

    Attributes:
        picture: its name: the path as it was given, or `picture 1` of those that have none.
        classes: the C class names.
        probabilities: `(C,)`; calibrated where the model's temperature was fitted. In float64, as thresholds
            are fitted: labels that the model is very sure of keep their order.
        thresholds: `(C,)`, from which probability on a label counts as predicted.
        size: width and height of the upright picture, pixels.
        maps: `(C, h, w)`, where each label is seen, over what the model was given; None if not asked for.
        card: of the model.
    """

    picture: str
    classes: tuple[str, ...]
    probabilities: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    size: tuple[int, int]
    maps: Floats | None
    card: ModelCard

    def labels(self, top: int | None = None, reached: bool = False) -> list[Label]:
        """The labels that reach their threshold, the most probable first.

        Args:
            top: so many of the most probable instead, whatever the thresholds.
            reached: of these only those that reach their threshold.

        Raises:
            UserError: `top` is less than 1.
        """
        if top is not None and top < 1:
            raise UserError(f"Ask for the top 1 label or more, and not for {top}.")
        chosen = np.argsort(-self.probabilities, kind="stable")
        if reached or top is None:
            chosen = chosen[(self.probabilities >= self.thresholds)[chosen]]
        chosen = chosen[:top]
        return [Label(self.classes[i], float(self.probabilities[i])) for i in chosen]

    def map_of(self, label: str) -> Floats:
        """The map of a label at the size of the picture, `(height, width)`, NaN where the model saw nothing.

        Raises:
            ValueError: maps were not asked for, or the model has no such label.
        """
        if self.maps is None:
            raise ValueError("no maps were asked for: predict(pictures, maps=True)")
        return on_picture(self.maps[self.classes.index(label)], self.card, self.size)
