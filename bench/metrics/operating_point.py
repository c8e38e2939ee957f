"""What turns the scores of a model into calibrated probabilities and decisions."""

import math
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench.metrics.average_precision import BoolArray, FloatArray

NEVER: Final = 2.0
"""The threshold of what is never predicted, which no probability reaches; JSON has no infinity."""

Threshold = Annotated[float, Field(ge=0, le=NEVER)]


class OperatingPoint(BaseModel):
    """Temperature and thresholds, fitted on validation scores.

    A label is predicted where its probability, `sigmoid(logit / temperature)`, is the threshold or more: that
    of its class, or the one for all.

    Attributes:
        classes: the C class names, in the order of the logits.
        temperature: of temperature scaling.
        per_class: a threshold for each class; 0 is always, `NEVER` never.
        overall: one for all classes.
        own: whether decisions are made by `per_class`, else by `overall`.
        target: what the thresholds were fitted for: `CF1`, `OF1` or `precision=P`.
        source: whose validation scores they were fitted on.
        images: how many images these are of.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format: Literal[1] = 1  # raised when a file can no longer be read as one of these
    classes: tuple[str, ...] = Field(min_length=1)
    temperature: float = Field(gt=0)
    per_class: tuple[Threshold, ...]
    overall: Threshold
    own: bool = True
    target: str
    source: str
    images: int = Field(ge=1)

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if len(self.per_class) != len(self.classes):
            raise ValueError(f"there are {len(self.per_class)} thresholds for {len(self.classes)} classes")
        return self

    @property
    def calibrated(self) -> bool:
        """Whether there is a temperature; it is 1 where none was the best."""
        return self.temperature != 1.0

    def thresholds(self) -> tuple[float, ...]:
        """What each class is decided by, C of them."""
        return self.per_class if self.own else (self.overall,) * len(self.classes)

    def probabilities(self, logits: FloatArray) -> NDArray[np.float64]:
        """Calibrated probabilities of logits, both `(N, C)`."""
        return probabilities_of(logits, self.temperature)

    def predicted(self, logits: FloatArray) -> BoolArray:
        """Which labels are predicted, `(N, C)`."""
        found: BoolArray = self.probabilities(logits) >= self.thresholds()
        return found

    def deciding_by(self, own: bool) -> "OperatingPoint":
        """The same, deciding by the threshold of each class, or by the one for all."""
        return self.model_copy(update={"own": own})

    def uncalibrated(self) -> "OperatingPoint":
        """The same with the probabilities as the model gives them; its thresholds are not for these."""
        return self.model_copy(update={"temperature": 1.0})


def probabilities_of(logits: FloatArray, temperature: float = 1.0) -> NDArray[np.float64]:
    """The sigmoid of logits divided by a temperature, in float64: float32 makes a 1 of logits from 17 on."""
    found: NDArray[np.float64] = _sigmoid(logits.astype(np.float64) / temperature)
    return found


def threshold_at(logit: float, temperature: float) -> float:
    """A threshold on logits as one on calibrated probabilities; infinity is `NEVER`, minus infinity 0."""
    return NEVER if logit == math.inf else float(_sigmoid(np.float64(logit / temperature)))


def _sigmoid(values: Any) -> Any:
    # Here, because records are read with this module, and reading them must not wait for scipy.
    from scipy.special import expit

    return expit(values)
