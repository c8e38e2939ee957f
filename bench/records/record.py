"""What is recorded of a run, as a JSON that a person can read."""

from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from bench.experiment.cell import CellSpec
from bench.experiment.matrix import Compiled
from bench.metrics.evaluate import Fraction, Metrics
from bench.metrics.operating_point import OperatingPoint

TITLE = 200
"""Characters of the title of a data set."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Epoch(_Part):
    """One epoch of a run."""

    epoch: int
    loss: float
    lr: float  # of the head, at the end of the epoch
    feed: str  # hash of the images, labels and order that were fed
    seconds: float  # training only
    images: int  # training images fed
    # On the validation split that the schedule chooses on, else the evaluation split; None if not evaluated.
    metrics: Metrics | None
    watched_loss: float | None = None  # the mean loss on the same split, where the learning rate follows it

    @model_serializer(mode="wrap")
    def _as_before_where_none_follows_it(self, fields: SerializerFunctionWrapHandler) -> dict[str, object]:
        found: dict[str, object] = fields(self)
        return {name: value for name, value in found.items() if name != "watched_loss" or value is not None}


class SplitSizes(_Part):
    """What was trained and measured on."""

    train_images: int
    train_labels: int  # positive image labels
    train_difficult: int
    eval_images: int
    eval_labels: int
    eval_difficult: int
    chosen_on_images: int | None = (
        None  # of the validation split that the epoch was chosen on, if there was one
    )
    classes: tuple[str, ...]
    skipped: tuple[str, ...]  # files left out because they could not be read
    # What the owner of a data set that is not built in calls it.
    title: str | None = Field(None, min_length=1, max_length=TITLE)

    @model_serializer(mode="wrap")
    def _as_before_where_none_is_given(self, fields: SerializerFunctionWrapHandler) -> dict[str, object]:
        found: dict[str, object] = fields(self)
        return {name: value for name, value in found.items() if name != "title" or value is not None}


class Known(_Part):
    """What came out where the head was told a share of each image's labels, measured on the others."""

    percent: int = Field(gt=0, lt=100)
    metrics: Metrics | None  # None where no positive label was left to be measured


class Cost(_Part):
    """What a run took. Speeds and memory hold for the device in the record's environment."""

    parameters: int  # trainable
    head_parameters: int
    flops: int  # one image forward at test size; a multiply-add counts as two
    train_images_per_second: float
    eval_images_per_second: float
    peak_memory_bytes: int  # allocated on a GPU; resident memory of the process on a CPU
    wall_seconds: float  # training and evaluation, resumed parts included
    images_at_once: int | None = None  # in a training step, where the memory held no whole batch


class Environment(_Part):
    """Where and with what a run was made."""

    device: str
    device_name: str
    platform: str
    python: str
    versions: dict[str, str]
    git_revision: str | None
    compiled: Compiled
    workers: int
    # What older records do not say.
    instructions: str = ""  # of the processor, those that PyTorch uses
    threads: int | None = None
    tf32: bool | None = None  # whether a GPU may round the factors of float32 products
    code: str = ""  # digests of the code that decides the numbers: what methods share, and the head's own
    # That shared each batch, with batch statistics of all of it where they are trained.
    processes: int = Field(1, ge=1)

    @model_serializer(mode="wrap")
    def _as_before_for_one_process(self, fields: SerializerFunctionWrapHandler) -> dict[str, object]:
        found: dict[str, object] = fields(self)
        return {name: value for name, value in found.items() if name != "processes" or value != 1}


class TrainedBefore(_Part):
    """Epochs that a run went on after, where something that decides its numbers was another for them."""

    epochs: int = Field(ge=1)
    environment: Environment | None  # None of a checkpoint that does not say


class Record(_Part):
    """One run: what was asked, what was done, what came out."""

    format: Literal[1] = 1  # raised when a record can no longer be read as one of these
    run_id: str
    status: Literal["finished", "failed"]
    error: str | None = None
    created: str  # UTC
    cell: CellSpec
    data: SplitSizes
    backbone_digest: str | None = None  # hash of the backbone's initial state
    vectors_digest: str | None = None  # hash of the label vectors, also of those trained on label sets
    eval_feed: str | None = None  # hash of the images, labels and order that were scored at the end
    selected_epoch: int | None = None
    history: tuple[Epoch, ...] = ()
    metrics: Metrics | None = None
    averaged: Metrics | None = None  # of the exponential average of the weights, where it was measured beside
    known: tuple[Known, ...] = ()  # of a head that can be told labels, the smallest share first
    cost: Cost | None = None
    environment: Environment  # of the last epoch, and of the scores
    trained_before: tuple[TrainedBefore, ...] = ()  # the first epochs, in their order, where they differ
    scores_sha256: str | None = None

    @model_serializer(mode="wrap")
    def _as_before_where_trained_at_once(self, fields: SerializerFunctionWrapHandler) -> dict[str, object]:
        found: dict[str, object] = fields(self)
        return {name: value for name, value in found.items() if name != "trained_before" or value}

    def is_measured_anew(self) -> bool:
        """Whether its metrics are of another protocol than the one that it was recorded with."""
        return self.run_id != self.cell.run_id()

    def training_rate(self) -> float | None:
        """Training images per second; None where the first epoch, which warms up, is the only one."""
        return self.cost.train_images_per_second if self.cost and len(self.history) > 1 else None


class Verification(_Part):
    """What came out when a run was trained again."""

    created: str  # UTC
    environment: Environment  # of the second training
    same_bits: bool  # of the scores
    largest_difference: float  # of a score
    map_before: float
    map_again: float


class Decided(_Part):
    """What is measured of predicted labels; the fields are those of `PrecisionRecall`."""

    CP: Fraction
    CR: Fraction
    CF1: Fraction
    OP: Fraction
    OR: Fraction
    OF1: Fraction


class CalibrationError(_Part):
    """The expected calibration error of probabilities."""

    overall: Fraction
    per_class: tuple[Fraction | None, ...]  # None where every label of the class is difficult


class AtThresholds(_Part):
    """What the scores of a run give with fitted thresholds and temperature, and without."""

    fixed: Decided  # at the threshold of the protocol, not calibrated
    overall: Decided  # at the one threshold for all
    per_class: Decided  # at that of each class
    before: CalibrationError
    after: CalibrationError


class Thresholds(_Part):
    """Thresholds and a temperature that were fitted on validation scores, and what they change."""

    created: str  # UTC
    point: OperatingPoint
    calibrated: bool  # else no temperature is the best, and it is 1
    without_positives: tuple[str, ...]  # classes that have the threshold for all
    unreached: tuple[str, ...]  # classes that are never predicted: no threshold of theirs is precise enough
    measured: AtThresholds | None  # None where a server holds the labels
