"""A schedule: everything about training that is held the same while the head changes."""

from importlib import resources
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.errors import UserError
from bench.resolve import unknown_name
from bench.validation import one_sentence

Precision = Literal["fp32", "bf16", "fp16"]


class Schedule(BaseModel):
    """How every model of a comparison is trained. Each field changes the result, so each is in the record."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    about: str = Field(description="one line: what the schedule is for")
    # the model's common half
    backbone: str = Field(
        description="a torchvision or timm name; 'timm/NAME' and 'torchvision/NAME' pick one"
    )
    weights: str = Field(
        description="'none', a file, a torchvision weight name (imagenet1k_v1), or 'pretrained' (timm)"
    )
    # the images
    image_size: int = Field(ge=32, description="side of the square input in training, pixels")
    eval_image_size: int | None = Field(
        None, ge=32, description="side of the square test input; as in training if empty"
    )
    crop: Literal["multi-scale", "none"] = Field(
        description="training crop: ML-GCN's multi-scale crop, or warp to a square"
    )
    flip: bool = Field(description="mirror half of the training images")
    difficult: Literal["positive", "negative", "ignored"] = Field(description="difficult labels in training")
    # the optimisation
    epochs: int = Field(ge=1)
    batch_size: int = Field(ge=2, description="images per batch; batch statistics need two")
    accumulate: int = Field(1, ge=1, description="batches per optimiser step")
    loss: Literal["bce"] = Field("bce", description="binary cross-entropy, mean over classes and batch")
    optimizer: Literal["sgd", "adam", "adamw"]
    lr: float = Field(gt=0, description="peak learning rate of the head")
    backbone_lr_factor: float = Field(
        ge=0, description="learning rate of the backbone, relative to the head's"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of sgd; not used by the others")
    weight_decay: float = Field(ge=0)
    decay: Literal["constant", "step", "cosine", "one-cycle"]
    milestones: tuple[int, ...] = Field((), description="epochs after which 'step' multiplies by gamma")
    gamma: float = Field(0.1, gt=0, le=1, description="factor of 'step'")
    # A share, not epochs, so that a quick look with fewer epochs keeps its shape.
    warmup: float = Field(
        0.0, ge=0, lt=1, description="share of the steps spent on a linear warm-up, or on one-cycle's rise"
    )
    clip_norm: float | None = Field(None, gt=0, description="largest gradient norm over all parameters")
    ema_decay: float | None = Field(
        None, gt=0, lt=1, description="evaluate an exponential average of the weights"
    )
    # On a GPU PyTorch computes float32 convolutions in TF32 by default; that is left as it is.
    precision: Precision = Field(
        "fp32",
        description="bf16 and fp16 are mixed precision with float32 weights",
    )
    # the choice of the epoch that is reported
    evaluate_every: int = Field(1, ge=0, description="epochs between evaluations; 0: only after the last")
    select: Literal["last", "best"] = Field(
        "last", description="'best' picks the epoch on the evaluation split itself, as the papers do"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Schedule":
        if self.decay == "step" and not self.milestones:
            raise ValueError("decay 'step' needs milestones")
        return self

    @property
    def test_size(self) -> int:
        """Side of the square test input, pixels."""
        return self.eval_image_size or self.image_size


def schedule_names() -> list[str]:
    """The names of the schedules that come with the harness."""
    folder = resources.files("bench") / "schedules"
    return sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_schedule(name: str, overrides: dict[str, object]) -> Schedule:
    """Read a schedule by name or from a YAML file, and replace single fields.

    Raises:
        UserError: no such schedule, a file that is not YAML, or a field that is unknown or out of range.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"The schedule file {path} does not exist.")
        text = path.read_bytes()  # undecoded, so that what is not UTF-8 is reported as not YAML
    elif name in schedule_names():
        text = (resources.files("bench") / "schedules" / f"{name}.yaml").read_bytes()
    else:
        raise unknown_name("schedule", name, schedule_names())
    try:
        fields = yaml.safe_load(text)
        if not isinstance(fields, dict):
            raise UserError(f"The schedule {name} is not a mapping of fields to values.")
        return Schedule(**{**{str(key): value for key, value in fields.items()}, **overrides})
    except yaml.YAMLError as error:
        raise UserError(f"The schedule {name} is not YAML: {' '.join(str(error).split())}.") from error
    except ValidationError as error:
        raise UserError(f"Schedule {name}: {one_sentence(error, Schedule.model_fields)}") from error
