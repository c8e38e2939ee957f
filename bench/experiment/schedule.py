"""A schedule: everything about training that is held the same while the head changes."""

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bench.datasets.info import EvaluatedOn
from bench.errors import UserError
from bench.experiment.field_needs import contradiction, follows_scores, without_effect
from bench.experiment.loss import BCE, Loss, loss_named
from bench.files import parse_mapping, read_mapping
from bench.names import YAML
from bench.resolve import unknown_name
from bench.validation import one_sentence

Precision = Literal["fp32", "bf16", "fp16"]
Share = Annotated[float, Field(gt=0, le=1)]


class Schedule(BaseModel):
    """How every model of a comparison is trained. Each field changes the result, so each is in the record."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    about: str = Field(description="one line: what the schedule is for")
    # the model's common half
    backbone: str = Field(
        description="a torchvision or timm name; 'timm/NAME' and 'torchvision/NAME' pick one"
    )
    weights: str = Field(
        description="'none', a file, a torchvision weight name (imagenet1k_v1), 'pretrained' (timm), or "
        "'imagenet' (efficientnet_lite0)"
    )
    trained_backbone: Literal["all", "after-first-stage", "last-stage", "none"] = Field(
        "all",
        description="what of the backbone is trained: all, all but its stem and its first stage, what "
        "follows its last reduction of the map, or none: the heads learn from features that are computed "
        "once",
    )
    feature_channels: int | None = Field(
        None,
        ge=1,
        description="channels that the features of a backbone that is not trained are reduced to, by "
        "principal components on training images, whitened; all if empty",
    )
    head_width: int | None = Field(
        None,
        ge=1,
        description="hidden width of the heads in place of the papers' 1024; whatever widths an option asks "
        "for shrink in the same proportion",
    )
    start_at_prior: bool = Field(
        False,
        description="add to every logit, in training and test, the log-odds of its class in training, so "
        "that heads learn what an image adds to them",
    )
    frozen_statistics: bool = Field(
        False, description="what of the backbone is not trained keeps its batch statistics too"
    )
    frozen_norms: bool = Field(
        False,
        description="the batch normalisations of the backbone, trained or not, keep the statistics and the "
        "factors that they start with",
    )
    normalize: Literal["weights", "none"] = Field(
        "weights",
        description="how pixels are fed: normalised by the mean and deviation that the initial weights were "
        "trained with, or as values from 0 to 1",
    )
    # the images
    image_size: int = Field(ge=32, description="side of the square input in training, pixels")
    eval_image_size: int | None = Field(
        None, ge=32, description="side of the square test input; as in training if empty"
    )
    eval_crop: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of a test image's side that is seen: it is resized to the test size divided by "
        "this, and its centre is cut out",
    )
    resize: int | None = Field(
        None, ge=32, description="side of the square that a training image is resized to before the crop"
    )
    crop: Literal["multi-scale", "random", "random-resized", "none"] = Field(
        description="training crop: ML-GCN's multi-scale crop; a square of one of crop_sizes anywhere, as "
        "SSGRL's; a rectangle of at least crop_scale of the area, as torchvision's RandomResizedCrop; or the "
        "whole image. It is then resized to a square of image_size"
    )
    crop_sizes: tuple[int, ...] = Field(
        (), description="sides that 'random' draws from, pixels of the resized image"
    )
    crop_scale: float | None = Field(
        None, gt=0, le=1, description="least share of the image's area that 'random-resized' keeps"
    )
    flip: bool = Field(description="mirror half of the training images")
    cutout: float = Field(
        0.0, ge=0, le=1, description="paint over a square of this share of the side of each training image"
    )
    rand_augment: bool = Field(
        False, description="two random distortions of colours or shape, as SALGL's RandAugment"
    )
    difficult: Literal["positive", "negative", "ignored"] = Field(description="difficult labels in training")
    # the optimisation
    epochs: int = Field(ge=1, description="passes over the training split")
    batch_size: int = Field(ge=2, description="images per batch; batch statistics need two")
    drop_last: bool = Field(
        True, description="leave out the images behind an epoch's last whole batch; a single one always is"
    )
    accumulate: int = Field(
        1, ge=1, description="batches per optimiser step, which takes the mean of their losses, sums too"
    )
    loss: Loss = Field(
        BCE(), description="a name, or a mapping of name and parameters; such as {name: asl, gamma_neg: 4}"
    )
    reduction: Literal["mean", "sum-of-classes", "sum"] = Field(
        "mean",
        description="what the loss of a batch is: the mean over classes and images, the mean over images of "
        "the sum over classes, or the sum over both; terms that a head adds itself stay as beside a mean",
    )
    optimizer: Literal["sgd", "adam", "adamw"] = Field(description="as in PyTorch")
    lr: float = Field(gt=0, description="peak learning rate of the head")
    backbone_lr_factor: float = Field(
        ge=0, description="learning rate of the backbone, relative to the head's"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of sgd; not used by the others")
    optimizer_eps: float = Field(
        1e-8,
        gt=0,
        description="what adam and adamw add to the root that they divide by; beside a loss that is smaller "
        "by some factor than a published one, that factor of it is the published training",
    )
    weight_decay: float = Field(
        ge=0,
        description="of all parameters; adamw decouples it from the gradient and multiplies it by the "
        "learning rate",
    )
    decay_vectors: bool = Field(
        True,
        description="weight decay on parameters of one dimension too: biases and those of normalisations",
    )
    cycle_momentum: bool = Field(
        False,
        description="'one-cycle' moves the momentum (the first beta of adam and adamw) from 0.95 to 0.85 and "
        "back, against the learning rate, as PyTorch's does by default",
    )
    decay: Literal["constant", "step", "cosine", "one-cycle", "plateau"] = Field(
        description="how the learning rate goes down from its peak"
    )
    milestones: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), description="epochs after which 'step' multiplies by gamma"
    )
    gamma: float = Field(0.1, gt=0, le=1, description="factor of 'step' and of 'plateau'")
    patience: int | None = Field(
        None, ge=0, description="epochs that are no better that 'plateau' tolerates before it multiplies"
    )
    plateau_of: Literal["mAP", "loss"] = Field(
        "mAP",
        description="what is to be better: the mAP, or the mean loss, on the split that select_on names",
    )
    stop_after: int | None = Field(
        None, ge=1, description="epochs without a better mAP after which the training ends"
    )
    # A share, not epochs, so that a quick look with fewer epochs keeps its shape.
    warmup: float = Field(
        0.0, ge=0, lt=1, description="share of the steps spent on a linear warm-up, or on one-cycle's rise"
    )
    clip_norm: float | None = Field(None, gt=0, description="largest gradient norm over all parameters")
    ema_decay: float | None = Field(
        None, gt=0, lt=1, description="evaluate an exponential average of the weights"
    )
    ema_or_weights: bool = Field(
        False,
        description="after each evaluated epoch measure both, the average of ema_decay and the weights, and "
        "take the one with the higher mAP for that of the epoch",
    )
    ema_beside: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="after the last epoch also measure an exponential average of the weights, beside the "
        "weights, which are what is reported",
    )
    # On a GPU PyTorch computes float32 convolutions in TF32 by default; that is left as it is.
    precision: Precision = Field(
        "fp32",
        description="bf16 and fp16 are mixed precision with float32 weights; auto is bf16 where the "
        "processor multiplies it, else fp32",
    )
    # the choice of the epoch that is reported
    evaluate_every: int = Field(
        1, ge=0, description="epochs between evaluations; 0: after the last, and those of evaluate_at"
    )
    evaluate_at: tuple[Share, ...] = Field(
        (),
        description="shares of the epochs after which there is an evaluation beside those of evaluate_every",
    )
    select: Literal["last", "best"] = Field(
        "last",
        description="'best' picks, of the evaluated, the epoch with the highest mAP on what select_on names",
    )
    select_on: EvaluatedOn = Field(
        "validation",
        description="what 'select: best', 'decay: plateau' and stop_after look at: a validation split, which "
        "then leaves the training split, or the test split itself, as the published recipes do",
    )

    @field_validator("loss", mode="before")
    @classmethod
    def _loss_by_name(cls, value: Any) -> Any:
        return loss_named(value)

    @model_validator(mode="after")
    def _consistent(self) -> "Schedule":
        wrong = contradiction(dict(self))
        if wrong:
            raise ValueError(wrong)
        return self

    @property
    def test_size(self) -> int:
        """Side of the square test input, pixels."""
        return self.eval_image_size or self.image_size

    @property
    def test_resize(self) -> int:
        """Side that a test image is resized to before its centre is cut out, pixels."""
        return round(self.test_size / self.eval_crop)

    def evaluates_after(self, epochs: int) -> bool:
        """Whether there is an evaluation after so many epochs; there always is after the last."""
        if epochs == self.epochs or (self.evaluate_every and epochs % self.evaluate_every == 0):
            return True
        return epochs in {max(1, round(share * self.epochs)) for share in self.evaluate_at}

    @property
    def follows_scores(self) -> bool:
        """Whether the training depends on how the epochs before scored."""
        return follows_scores(dict(self))

    @property
    def chooses_on(self) -> EvaluatedOn | None:
        """The split whose scores the training or the choice of the epoch depends on; None if it does not."""
        return self.select_on if self.select == "best" or self.follows_scores else None


_DEFAULTS = {name: field.default for name, field in Schedule.model_fields.items() if not field.is_required()}


def schedule_names() -> list[str]:
    """The names of the schedules that come with the harness."""
    folder = resources.files("bench") / "schedules"
    return sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_schedule(
    name: str,
    overrides: dict[str, object],
    automatic: Callable[[], Precision] = lambda: "fp32",
    as_given: bool = True,
) -> Schedule:
    """Read a schedule by name or from a YAML file, and replace single fields.

    Args:
        name: of a schedule that comes with the harness, or a file.
        overrides: the fields to replace.
        automatic: gives what `precision: auto` stands for on the machine that the schedule is for.
        as_given: somebody gave the overrides, so that one without effect is refused; not where they were
            drawn or recorded.

    Raises:
        UserError: no such schedule, a file that is not YAML, or a field that is unknown, out of range, or
            given where it has no effect.
    """
    given = set(overrides) if as_given else set()
    if name.endswith(YAML):
        fields = read_mapping(Path(name), "schedule file")
        given |= set(fields) & _DEFAULTS.keys()  # the others have to stand there
    elif name in schedule_names():
        packaged = resources.files("bench") / "schedules" / f"{name}.yaml"
        fields = parse_mapping(packaged.read_bytes(), f"The schedule {name}")
    else:
        raise unknown_name("schedule", name, schedule_names())
    fields.update(overrides)
    if fields.get("precision") == "auto":
        fields["precision"] = automatic()
    try:
        schedule = Schedule(**fields)
    except ValidationError as error:
        raise UserError(f"Schedule {name}: {one_sentence(error, Schedule.model_fields)}") from error
    wrong = without_effect(given, dict(schedule), _DEFAULTS)
    if wrong:
        raise UserError(f"Schedule {name}: {wrong}.")
    return schedule
