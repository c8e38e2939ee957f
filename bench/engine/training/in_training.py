"""A run while it is trained: what it needs, and which weights are what is reported."""

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import Precision
from torch.optim import Optimizer

from bench.engine.building.build import Built
from bench.engine.device.cost import peak_memory
from bench.engine.parallel.ranks import ALONE, Ranks
from bench.engine.planning.events import Events
from bench.engine.scoring.predict import Predicted
from bench.engine.training.average import MovingAverage
from bench.engine.training.checkpoint import Spent
from bench.engine.training.gradients import Gradients
from bench.engine.training.watch import Watch
from bench.experiment.cell import CellSpec
from bench.methods.model import MultiLabelModel
from bench.records.record import Epoch, TrainedBefore


@dataclass
class Run:
    """All that training one cell needs.

    The backbone and the head of `built` are trained in place.
    """

    spec: CellSpec
    fabric: Fabric
    precision: Precision
    wrapped: torch.nn.Module  # that of the model behind Fabric's precision, and compiled if asked for
    optimizer: Optimizer
    gradients: Gradients
    average: MovingAverage | None
    built: Built
    folder: Path
    events: Events
    watch: Watch
    started: float  # of the clock that measures what the run takes
    spent_before: Spent  # by the process that was interrupted
    trained_before: tuple[TrainedBefore, ...] = ()  # the epochs before, where they were trained otherwise
    latest: Predicted | None = None  # the last evaluation between epochs, of `Built.watched`
    ranks: Ranks = ALONE
    weights_ahead: bool = False  # of their average, in the last evaluation of both

    def spent(self) -> Spent:
        """What the run took so far, resumed parts included."""
        seconds = self.spent_before.seconds + time.perf_counter() - self.started
        peak = max(self.spent_before.peak_memory, peak_memory(self.fabric.device))
        return Spent(seconds, peak, self.gradients.at_once.limit)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in an epoch."""
        return math.ceil(len(self.built.batches) / self.spec.schedule.accumulate)

    @property
    def averaged(self) -> torch.nn.Module | None:
        """The average of the weights where there is one."""
        return self.average and self.built.fed(cast(MultiLabelModel, self.average.module))

    @property
    def evaluated(self) -> torch.nn.Module:
        """What is evaluated and reported: the weights, or their average where the schedule says so."""
        return self.averaged if self.averaged and self.by_average else self.wrapped

    @property
    def plain(self) -> torch.nn.Module:
        """The same as it is stored: not wrapped, not compiled."""
        return self.average.module if self.average and self.by_average else self.built.model

    @property
    def by_average(self) -> bool:
        """Whether the average is what is reported, where there is one."""
        return self.spec.schedule.ema_decay is not None and not self.weights_ahead


def best_epoch(history: list[Epoch]) -> int:
    """The first epoch with the highest mAP among those that were evaluated."""
    evaluated = [epoch for epoch in history if epoch.metrics is not None]
    return max(
        evaluated, key=lambda epoch: epoch.metrics.mAP if epoch.metrics else 0.0, default=history[-1]
    ).epoch
