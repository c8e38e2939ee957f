"""What an exported model says of itself: in its file, and in a JSON beside it."""

import json
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.engine.models.model_file import ModelCard
from bench.errors import UserError
from bench.files import read_json, write_text
from bench.metrics.operating_point import OperatingPoint
from bench.validation import one_sentence

INPUT: Final = "images"
OUTPUTS: Final = ("logits", "probabilities")
BATCH: Final = "batch"
"""What the axis of any length is called."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Preprocessing(_Part):
    """How a picture becomes what the graph takes, step by step."""

    orientation: Literal["upright by EXIF"] = "upright by EXIF"
    colours: Literal["RGB"] = "RGB"  # transparency is dropped
    resize: tuple[int, int]  # height and width; proportions are not kept
    interpolation: Literal["bilinear, as Pillow's Resampling.BILINEAR"] = (
        "bilinear, as Pillow's Resampling.BILINEAR"
    )
    centre_crop: tuple[int, int]  # height and width, of the resized picture
    layout: Literal["NCHW"] = "NCHW"
    dtype: Literal["uint8"] = "uint8"


class Normalisation(_Part):
    """What the graph itself does with the values, once they are divided by 255."""

    inside_the_graph: Literal[True] = True
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Check(_Part):
    """How far the exported model is from the one that it was made of, on the same pictures."""

    pictures: str
    count: int
    batches: tuple[int, ...]
    largest_logit: float
    logits: float  # largest difference
    probabilities: float
    tolerance_of_logits: float
    tolerance_of_probabilities: float
    # Of the eager model in the precision that it was trained in, against float32; None where that is float32,
    # or was not measured.
    logits_in_training_precision: float | None = None
    probabilities_in_training_precision: float | None = None
    versions: dict[str, str]


class Description(_Part):
    """All that is needed to use an exported model.

    `probabilities` is the sigmoid of the logits divided by `temperature`.
    """

    format: Literal[1] = 1
    method: str
    backbone: str
    source: str
    citation: str
    model_sha256: str  # of the file that it was made of
    input: Literal["images"] = "images"
    input_shape: tuple[str, int, int, int]
    outputs: tuple[str, str] = OUTPUTS
    classes: tuple[str, ...]  # in the order of the scores
    preprocessing: Preprocessing
    normalisation: Normalisation
    precision: Literal["float32"] = "float32"
    trained_in: str
    temperature: float = 1.0
    thresholds: OperatingPoint | None = None
    check: Check | None = None

    def properties(self) -> dict[str, str]:
        """What is written into the file itself: each field, but for the check that comes later, as JSON."""
        fields = self.model_dump(mode="json", exclude={"check"})
        return {name: json.dumps(value, ensure_ascii=False) for name, value in fields.items()}


def describe(card: ModelCard, sha256: str, thresholds: OperatingPoint | None) -> Description:
    """The description of a model that is to be exported."""
    side, resize = card.test_size, card.test_resize
    return Description(
        method=card.method.label(),
        backbone=card.backbone,
        source=card.source,
        citation=card.citation,
        model_sha256=sha256,
        input_shape=(BATCH, 3, side, side),
        classes=card.classes,
        preprocessing=Preprocessing(resize=(resize, resize), centre_crop=(side, side)),
        normalisation=Normalisation(mean=card.mean, std=card.std),
        trained_in=card.precision,
        temperature=thresholds.temperature if thresholds else 1.0,
        thresholds=thresholds,
    )


def description_path(exported: Path) -> Path:
    """Where the description of an exported file lies."""
    return exported.with_name(f"{exported.name}.json")


def write_description(exported: Path, description: Description) -> None:
    """Write it beside the exported file."""
    write_text(description_path(exported), description.model_dump_json(indent=1) + "\n")


def read_description(exported: Path) -> Description:
    """The description beside an exported file.

    Raises:
        UserError: there is none, or it is damaged.
    """
    path = description_path(exported)
    if not path.is_file():
        raise UserError(f"{exported} lacks its description {path.name}: export it again, or remove it.")
    try:
        return Description.model_validate(read_json(path), strict=False)
    except ValidationError as error:
        raise UserError(f"In {path}: {one_sentence(error, Description.model_fields)}") from error
    except ValueError as error:
        raise UserError(f"{error}: export the model again.") from error
