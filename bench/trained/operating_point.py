"""Thresholds and temperature beside a model: `model.thresholds.json` for `model.safetensors`."""

from pathlib import Path

from bench.engine.models.model_file import read_card
from bench.errors import UserError
from bench.files import write_text
from bench.metrics.operating_point import OperatingPoint
from bench.settings import thresholds_beside
from bench.validation import read_described

__all__ = ["OperatingPoint", "read_operating_point", "save_operating_point"]


def save_operating_point(model: Path, point: OperatingPoint) -> Path:
    """Write an operating point beside the file of its model, in the place of an older one; returns the file.

    Raises:
        UserError: there is no such model, or it has other classes.
    """
    _require_classes(model, point)
    path = thresholds_beside(model)
    write_text(path, point.model_dump_json(indent=1) + "\n")
    return path


def read_operating_point(model: Path) -> OperatingPoint | None:
    """The operating point of a model; None where none was fitted.

    Raises:
        UserError: its file is damaged, or the model has other classes.
    """
    path = thresholds_beside(model)
    if not path.is_file():
        return None
    point = read_described(path, OperatingPoint)
    _require_classes(model, point)
    return point


def _require_classes(model: Path, point: OperatingPoint) -> None:
    if read_card(model).classes != point.classes:
        raise UserError(
            f"The thresholds in {thresholds_beside(model)} are for other classes than those of {model}: fit "
            "them again with `bench thresholds`."
        )
