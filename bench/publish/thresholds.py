"""The thresholds and the temperature that were fitted for a model, where they were."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.errors import UserError
from bench.files import read_json
from bench.validation import one_sentence


class OperatingPoint(BaseModel):
    """Where scores become decisions.

    Attributes:
        classes: in the order of the model's scores.
        temperature: what logits are divided by before the sigmoid.
        per_class: the threshold of each class, of probabilities; None where none could be fitted.
        overall: one threshold for all.
        target: what they were fitted for.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    classes: tuple[str, ...]
    temperature: float = Field(1.0, gt=0)
    per_class: tuple[float | None, ...]
    overall: float
    target: object


def thresholds_path(model: Path) -> Path:
    """Where the thresholds of a model file lie."""
    return model.with_suffix(".thresholds.json")


def thresholds_of(model: Path) -> OperatingPoint | None:
    """What was fitted for a model file; None where nothing was.

    Raises:
        UserError: the file is damaged.
    """
    path = thresholds_path(model)
    if not path.is_file():
        return None
    try:
        return OperatingPoint.model_validate(read_json(path))
    except ValidationError as error:
        raise UserError(f"In {path}: {one_sentence(error, OperatingPoint.model_fields)}") from error
    except ValueError as error:
        raise UserError(f"{error}: fit the thresholds again.") from error
