"""A training step through the engine beside a bare PyTorch loop with the same model and the same images."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer

from bench.datasets.feed import EpochBatches, EvalImages, Feed, TrainingImages, loader
from bench.datasets.index import SplitIndex
from bench.engine.build import Built, augmentation_of
from bench.engine.events import Silent
from bench.engine.fit import train_epoch
from bench.engine.machine import Machine
from bench.engine.optimisation import build_optimizer
from bench.engine.set_up import set_up
from bench.engine.training import Run
from bench.engine.watch import Watch
from bench.experiment.cell import CellSpec
from bench.experiment.methods import MethodChoice, method_named, options_of
from bench.experiment.schedule import Precision, Schedule, load_schedule
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.initial_weights import RANDOM
from bench.methods.model import MultiLabelModel, earlier_dim, seeded_backbone, seeded_head
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
    """

    backbone: str
    side: int
    batch: int
    steps: int
    precision: Precision

    def check(self) -> None:
        """UserError where there is no such backbone, or it does not take images of that size."""
        build_backbone(self.backbone).check_size(self.side)

    def schedule(self) -> Schedule:
        """The schedule `identical` with these, without the average of the weights that the loop has not."""
        fields = {
            "backbone": self.backbone,
            "weights": "none",
            "image_size": self.side,
            "batch_size": self.batch,
            "precision": self.precision,
            "ema_beside": None,
        }
        return load_schedule("identical", fields)


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
    spec = _spec(choice, training.schedule())
    built = _built(spec, index, machine)
    with Watch((), spec, (), print) as watch:
        run = set_up(spec, machine, built, Path(), Silent(), watch, 0.0)
        other = _model(spec, index)
        other.to(machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = build_optimizer(other, spec.schedule)
        loops = {
            "engine": lambda epoch: _by_engine(run, epoch),
            "bare": lambda epoch: _by_loop(
                built, epoch, other, optimizer, machine.device, training.precision
            ),
        }
        found: dict[str, list[float]] = {name: [] for name in loops}
        for repeat in range(repeats + 1):
            for name in loops if repeat % 2 else reversed(loops):  # neither is always the first
                found[name].append(_per_step(loops[name], repeat, training.steps, machine.device))
    engine, bare = (tuple(times[1:]) for times in (found["engine"], found["bare"]))  # the first warms up
    what = (
        f"{choice.label()}: a training step, {training.backbone} at {training.side}, batch {training.batch}"
    )
    return Figure(
        what=f"{what}, {training.precision}",
        unit="ms",
        values=engine,
        against="a bare PyTorch loop",
        beside=bare,
        least=LEAST,
        bound=BOUND,
    )


def _per_step(train: Callable[[int], None], epoch: int, steps: int, device: torch.device) -> float:
    start = now(device)
    train(epoch)
    return 1e3 * (now(device) - start) / steps


def _by_engine(run: Run, epoch: int) -> None:
    train_epoch(run, epoch, [])


def _by_loop(
    built: Built,
    epoch: int,
    model: nn.Module,
    optimizer: Optimizer,
    device: torch.device,
    precision: Precision,
) -> None:
    """What somebody writes who trains one model once, without anything that the engine looks after."""
    model.train()
    built.batches.epoch = epoch
    for batch in built.train:
        images = batch.images.to(device, non_blocking=True)
        targets = (batch.labels.to(device, non_blocking=True) >= 0).float()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            output = model(images, targets)
        loss = F.binary_cross_entropy_with_logits(output.logits.float(), targets)
        loss = loss + sum(output.auxiliary.values(), torch.zeros_like(loss))
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()


def _spec(choice: MethodChoice, schedule: Schedule) -> CellSpec:
    return CellSpec(
        method=choice,
        data="photographs",
        data_fingerprint="made",
        limit_train=None,
        limit_eval=None,
        seed=SEED,
        schedule_name="identical",
        schedule=schedule,
        weights_digest=None,
        vectors="made",
        protocol=PROTOCOLS["bench"],
    )


def _model(spec: CellSpec, index: SplitIndex) -> MultiLabelModel:
    """The model of a method, the same each time."""
    method = method_named(spec.method.name)
    backbone = seeded_backbone(spec.schedule.backbone, RANDOM, SEED)
    classes = index.labels.shape[1]
    labels = Setting(classes, 0, 0, 0, torch.device("cpu")).labels()
    earlier = earlier_dim(method, backbone)
    head = seeded_head(method, options_of(spec.method), labels, backbone.feature_dim, SEED, earlier)
    return MultiLabelModel(backbone, head)


def _built(spec: CellSpec, index: SplitIndex, machine: Machine) -> Built:
    schedule, classes = spec.schedule, index.labels.shape[1]
    batches = EpochBatches(len(index), schedule.batch_size, SEED)
    images = TrainingImages(index, augmentation_of(schedule), SEED)
    train = loader(images, machine.workers, machine.device, batch_sampler=batches)
    held_out: Feed = loader(EvalImages(index, schedule.test_size), 0, machine.device)
    labels = Setting(classes, 0, 0, 0, torch.device("cpu")).labels()
    model = _model(spec, index)
    return Built(model, labels, batches, train, held_out, held_out, index.labels, lambda model: model)
