"""Place a model on its device, with all that training needs beside it."""

from pathlib import Path
from typing import cast

import torch
from torch import nn

from bench.engine.building.build import Built
from bench.engine.device.environment import (
    fabric_on,
    precision_plugin,
)
from bench.engine.device.memory import AtOnce
from bench.engine.planning.events import Events
from bench.engine.planning.machine import Machine
from bench.engine.training.average import MovingAverage
from bench.engine.training.checkpoint import Spent
from bench.engine.training.gradients import Gradients
from bench.engine.training.in_training import Run
from bench.engine.training.optimisation import build_optimizer
from bench.engine.training.watch import Watch
from bench.experiment.cell import CellSpec
from bench.experiment.matrix import Compiled
from bench.experiment.schedule import Schedule


def set_up(
    spec: CellSpec, machine: Machine, built: Built, folder: Path, events: Events, watch: Watch, started: float
) -> Run:
    """Place the model on the device, and put beside it all that training needs."""
    schedule, device, model = spec.schedule, machine.device, built.model
    precision = precision_plugin(schedule.precision, device)
    fabric = fabric_on(device, precision)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = build_optimizer(model, schedule)
    decay = schedule.ema_decay or schedule.ema_beside
    average = MovingAverage(model, decay, schedule.trained_backbone != "none") if decay else None
    fed = built.fed(model)
    wrapped, optimizer = fabric.setup(_seen_as(fed, machine.compiled), optimizer)
    at_once = AtOnce(least=2, note=events.note, whole=why_whole(machine, schedule))
    gradients = Gradients(fabric, wrapped, optimizer, schedule, watch, at_once, machine.ranks)
    return Run(
        spec=spec,
        fabric=fabric,
        precision=precision,
        built=built,
        wrapped=wrapped,
        optimizer=optimizer,
        gradients=gradients,
        average=average,
        folder=folder,
        events=events,
        watch=watch,
        started=started,
        spent_before=Spent(0.0, 0),
        ranks=machine.ranks,
    )


def why_whole(machine: Machine, schedule: Schedule) -> str:
    """Why a batch is not computed in parts where the memory does not hold it; nothing where it may be."""
    if machine.ranks.count > 1:
        # One that is alone in a step in which they compute with each other cannot tell them that it failed.
        smaller = (
            f", or --batch-size {max(1, schedule.batch_size // 2)} --set accumulate={2 * schedule.accumulate}"
        )
        # A step takes the mean of its batches, so of sums over more and smaller ones it is another gradient.
        return (
            f"a batch that {machine.ranks.count} processes share is not cut further: use more (--devices)"
            f"{'' if schedule.reduction == 'sum' else smaller}"
        )
    if machine.compiled == "graphs":  # which lose gradients that are added up
        return "with --compile graphs a batch is not cut: use a smaller batch_size, or --compile alone"
    return ""


def _seen_as(model: nn.Module, compiled: Compiled) -> nn.Module:
    """A model as PyTorch runs it."""
    if not compiled:
        return model
    # All models share the code of one forward pass, compiled eight times and then run as it is.
    torch.compiler.reset()
    mode = "reduce-overhead" if compiled == "graphs" else "default"
    return cast(nn.Module, torch.compile(model, mode=mode))
