"""A training step through the engine beside a bare PyTorch loop with the same model and the same images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bench.datasets.feed import EpochBatches, EvalImages, Feed, TrainingImages, loader
from bench.datasets.index import SplitIndex
from bench.engine.building.build import Built, augmentation_of, freeze
from bench.engine.building.feature_batches import FeatureBatches
from bench.engine.building.features import StoredSplit
from bench.engine.device.ahead import on_each
from bench.engine.planning.events import Silent
from bench.engine.planning.machine import Machine
from bench.engine.scoring.predict import beside
from bench.engine.training.fit import train_epoch
from bench.engine.training.optimisation import build_optimizer
from bench.engine.training.set_up import set_up
from bench.engine.training.watch import Watch
from bench.experiment.cell import CellSpec
from bench.experiment.methods import MethodChoice, method_named, options_of
from bench.experiment.schedule import Precision, Schedule, load_schedule
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.initial_weights import RANDOM
from bench.methods.model import MultiLabelModel, OnFeatures, earlier_dim, seeded_backbone, seeded_head
from bench.metrics.protocol import PROTOCOLS
from bench.profile.heads import SEED, Setting, now
from bench.profile.report import Figure

# The engine is to train at least so many times the images per second of the loop.
LEAST = 0.97
BOUND = "the bare loop, which computes and loads the same and does nothing else"


@dataclass(frozen=True)
class Training:
    """What is trained, alike for every method.

    Attributes:
        backbone: by name, with random weights.
        side: of the images, pixels.
        batch: images.
        steps: of each repeat.
        precision: of both.
        stored: the head alone is trained, on stored features of the backbone.
    """

    backbone: str
    side: int
    batch: int
    steps: int
    precision: Precision
    stored: bool = False

    def check(self) -> None:
        """UserError where there is no such backbone, or it does not take images of that size."""
        build_backbone(self.backbone).check_size(self.side)

    def schedule(self) -> Schedule:
        """The schedule `identical` with these, or `frozen` on stored features."""
        fields = {
            "backbone": self.backbone,
            "weights": "none",
            "image_size": self.side,
            "batch_size": self.batch,
            "precision": self.precision,
        }
        return load_schedule(self.schedule_name, fields)

    @property
    def schedule_name(self) -> str:
        """That of the schedule."""
        return "frozen" if self.stored else "identical"

    def __str__(self) -> str:
        fed = "stored features of " if self.stored else ""
        return f"{fed}{self.backbone} at {self.side}, batch {self.batch}, {self.precision}"


def measure_engine(
    choice: MethodChoice, training: Training, index: SplitIndex, machine: Machine, repeats: int
) -> Figure:
    """Train by the engine and by the loop in turn, with the same images; milliseconds per step.

    Args:
        choice: the method.
        training: what is trained.
        index: `steps` batches of images.
        machine: where.
        repeats: how often, after one that warms up.
    """
    spec = _spec(choice, training)
    built = _built(spec, index, machine)
    with Watch((), spec, (), print) as watch:
        run = set_up(spec, machine, built, Path(), Silent(), watch, 0.0)
        loop = BareLoop(_model(spec, index), spec.schedule, machine.device)
        turns: dict[str, Callable[[int], object]] = {
            "engine": lambda epoch: train_epoch(run, epoch, []),
            "bare": lambda epoch: loop.train_epoch(built, epoch),
        }
        found: dict[str, list[float]] = {name: [] for name in turns}
        for repeat in range(repeats + 1):
            for name in turns if repeat % 2 else reversed(turns):  # neither is always the first
                found[name].append(_per_step(turns[name], repeat, training.steps, machine.device))
    engine, bare = (tuple(times[1:]) for times in (found["engine"], found["bare"]))  # the first warms up
    return Figure(
        what=f"{choice.label()}: a training step, {training}",
        unit="ms",
        values=engine,
        against="a bare PyTorch loop",
        beside=bare,
        least=LEAST,
        bound=BOUND,
    )


def _per_step(train: Callable[[int], object], epoch: int, steps: int, device: torch.device) -> float:
    start = now(device)
    train(epoch)
    return 1e3 * (now(device) - start) / steps


class BareLoop:
    """What somebody writes who trains one model once, without anything that the engine looks after."""

    def __init__(self, model: MultiLabelModel, schedule: Schedule, device: torch.device) -> None:
        model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        on_features = schedule.trained_backbone == "none"
        self._device = device
        self._half = schedule.precision == "bf16"
        self._trained = model.head if on_features else model
        self._model = OnFeatures(model) if on_features else model
        self._optimizer = build_optimizer(model, schedule)
        follow = get_ema_multi_avg_fn(schedule.ema_beside or 0.0)  # type: ignore[no-untyped-call]
        self._average = AveragedModel(self._trained, multi_avg_fn=follow, use_buffers=True)

    def train_epoch(self, built: Built, epoch: int) -> None:
        """Train on the batches of an epoch."""
        self._model.train()
        built.batches.epoch = epoch
        for batch in built.train:
            there = on_each(batch, lambda tensor: tensor.to(self._device, non_blocking=True))
            targets = (there.labels >= 0).float()
            with torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
                output = self._model(there.images, targets, **beside(there))
            loss = F.binary_cross_entropy_with_logits(output.logits.float(), targets)
            loss = loss + sum(output.auxiliary.values(), torch.zeros_like(loss))
            loss.backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            self._optimizer.zero_grad()
            self._average.update_parameters(self._trained)


def _spec(choice: MethodChoice, training: Training) -> CellSpec:
    return CellSpec(
        method=choice,
        data="photographs",
        data_fingerprint="made",
        limit_train=None,
        limit_eval=None,
        seed=SEED,
        schedule_name=training.schedule_name,
        schedule=training.schedule(),
        weights_digest=None,
        vectors="made",
        protocol=PROTOCOLS["bench"],
    )


def _model(spec: CellSpec, index: SplitIndex) -> MultiLabelModel:
    """The model of a method, the same each time."""
    method = method_named(spec.method.name)
    backbone = seeded_backbone(spec.schedule.backbone, RANDOM, SEED)
    freeze(backbone, spec.schedule)
    classes = index.labels.shape[1]
    labels = Setting(classes, 0, 0, 0, torch.device("cpu")).labels()
    earlier = earlier_dim(method, backbone)
    head = seeded_head(method, options_of(spec.method), labels, backbone.feature_dim, SEED, earlier)
    return MultiLabelModel(backbone, head)


def _built(spec: CellSpec, index: SplitIndex, machine: Machine) -> Built:
    schedule, classes = spec.schedule, index.labels.shape[1]
    model, batches = _model(spec, index), EpochBatches(len(index), schedule.batch_size, SEED)
    labels = Setting(classes, 0, 0, 0, torch.device("cpu")).labels()
    if schedule.trained_backbone == "none":
        feed: Feed = FeatureBatches(_made_features(model, schedule.image_size, index), batches, SEED)
        return Built(model, labels, batches, feed, feed, feed, index.labels, OnFeatures)
    images = TrainingImages(index, augmentation_of(schedule), SEED)
    train = loader(images, machine.workers, machine.device, batch_sampler=batches)
    held_out: Feed = loader(EvalImages(index, schedule.test_size), 0, machine.device)
    return Built(model, labels, batches, train, held_out, held_out, index.labels, lambda model: model)


def _made_features(model: MultiLabelModel, side: int, index: SplitIndex) -> StoredSplit:
    """Random features of the shapes of a backbone's maps, as they are stored."""
    with torch.inference_mode():
        last, before = model.maps(torch.zeros(1, 3, side, side, dtype=torch.uint8))
    draw = torch.Generator().manual_seed(SEED)

    def made(shape: torch.Size) -> Tensor:
        _, channels, height, width = shape
        return torch.randn(1, len(index), height, width, channels, generator=draw).relu().half()

    earlier = None if before is None else made(before.shape)
    return StoredSplit(index, made(last.shape), np.zeros((1, len(index)), np.uint64), earlier)
