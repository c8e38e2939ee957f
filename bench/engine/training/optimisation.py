"""The optimiser and its learning rate, as a schedule asks for them."""

import math
from collections.abc import Sequence
from typing import Any

from torch.optim import SGD, Adam, AdamW, Optimizer

from bench.experiment.schedule import Schedule
from bench.methods.model import MultiLabelModel

ONE_CYCLE_START = 1 / 25  # initial learning rate of a one-cycle policy, relative to its peak
ONE_CYCLE_END = 1e-4 * ONE_CYCLE_START
# The momentum of a one-cycle policy at both ends and at the peak of the learning rate.
CYCLE_MOMENTUM, CYCLE_MOMENTUM_AT_PEAK = 0.95, 0.85
# How much better than the best a score must be to end a plateau, relative to it.
PLATEAU_THRESHOLD = 1e-4


def build_optimizer(model: MultiLabelModel, schedule: Schedule) -> Optimizer:
    """The optimiser, with a group for head and backbone, and for what of each has no weight decay."""
    groups = []
    for module, factor in ((model.head, 1.0), (model.backbone, schedule.backbone_lr_factor)):
        trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        plain = [parameter for parameter in trained if parameter.ndim < 2 and not schedule.decay_vectors]
        kept = {id(parameter) for parameter in plain}
        decayed = [parameter for parameter in trained if id(parameter) not in kept]
        groups += [
            {"params": parameters, "factor": factor, "weight_decay": decay}
            for parameters, decay in ((decayed, schedule.weight_decay), (plain, 0.0))
            if parameters
        ]
    fused = _one_kernel(schedule)
    if schedule.optimizer == "sgd":
        return SGD(groups, lr=schedule.lr, momentum=schedule.momentum, fused=fused)
    if schedule.optimizer == "adam":
        return Adam(groups, lr=schedule.lr, eps=schedule.optimizer_eps, fused=fused)
    return AdamW(groups, lr=schedule.lr, eps=schedule.optimizer_eps, fused=fused)


def _one_kernel(schedule: Schedule) -> bool:
    """Whether one kernel updates all parameters; under fp16 it unscales the gradients too.

    Without it the gradient scaler waits for the device at every step, to see whether to skip it. But that
    kernel unscales gradients after they would be clipped, and where the first step of SGD is skipped, as is
    usual, it leaves the momentum to whatever lay in the memory.
    """
    return schedule.precision != "fp16" or (schedule.clip_norm is None and schedule.optimizer != "sgd")


def load_optimizer(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Go on from the state of an optimiser, with the kernels of this one, whichever left it."""
    own = optimizer.param_groups[0]["fused"]
    groups = [{**group, "fused": own} for group in state["param_groups"]]
    optimizer.load_state_dict({**state, "param_groups": groups})


def set_learning_rate(
    optimizer: Optimizer, schedule: Schedule, step: int, steps_per_epoch: int, scores: Sequence[float] = ()
) -> float:
    """Set every group's learning rate, and its momentum where the schedule moves it.

    Both are functions of the step and of the scores alone, so a resumed run needs no state for them.

    Args:
        optimizer: of `build_optimizer`.
        schedule: what asks for them.
        step: optimiser steps so far.
        steps_per_epoch: of them.
        scores: after each epoch so far, for a schedule that follows them; more is better.

    Returns:
        The learning rate of the head.
    """
    lr = schedule.lr * learning_rate_factor(schedule, step, steps_per_epoch, scores)
    for group in optimizer.param_groups:
        group["lr"] = lr * group["factor"]
        if schedule.cycle_momentum:
            ends = (CYCLE_MOMENTUM, CYCLE_MOMENTUM_AT_PEAK, CYCLE_MOMENTUM)
            momentum = _one_cycle(schedule, step, steps_per_epoch, *ends)
            if "betas" in group:
                group["betas"] = (momentum, group["betas"][1])
            else:
                group["momentum"] = momentum
    return lr


def learning_rate_factor(
    schedule: Schedule, step: int, steps_per_epoch: int, scores: Sequence[float] = ()
) -> float:
    """The learning rate at a step, relative to the schedule's `lr`."""
    if schedule.decay == "one-cycle":
        return _one_cycle(schedule, step, steps_per_epoch, ONE_CYCLE_START, 1.0, ONE_CYCLE_END)
    total = schedule.epochs * steps_per_epoch
    warmup = schedule.warmup * total
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule.decay == "step":
        passed = sum(step >= milestone * steps_per_epoch for milestone in schedule.milestones)
        return float(schedule.gamma**passed)
    if schedule.decay == "cosine":
        return _cosine(1.0, 0.0, (step - warmup) / max(1.0, total - warmup))
    if schedule.decay == "plateau":
        return float(schedule.gamma ** plateaus(scores, schedule.patience or 0))
    return 1.0


def plateaus(scores: Sequence[float], patience: int) -> int:
    """How often more than `patience` scores in a row were no better; losses are given with a minus.

    As PyTorch's `ReduceLROnPlateau` counts them: each time the count starts again, the best score stays.
    """
    best: float | None = None
    worse = found = 0
    for score in scores:
        if best is None or score > best + abs(best) * PLATEAU_THRESHOLD:
            best, worse = score, 0
        else:
            worse += 1
        if worse > patience:
            found, worse = found + 1, 0
    return found


def ends_early(schedule: Schedule, scores: Sequence[float]) -> bool:
    """Whether the last `stop_after` scores are no better than the best before them."""
    if schedule.stop_after is None or not scores:
        return False
    return len(scores) - 1 - scores.index(max(scores)) >= schedule.stop_after


def _one_cycle(
    schedule: Schedule, step: int, steps_per_epoch: int, start: float, peak: float, end: float
) -> float:
    """From `start` to `peak` in the warm-up, and to `end` in the rest, each along half a cosine."""
    total = schedule.epochs * steps_per_epoch
    warmup = schedule.warmup * total
    if step < warmup:
        return _cosine(start, peak, step / warmup)
    return _cosine(peak, end, (step - warmup) / max(1.0, total - 1 - warmup))


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, progress))) / 2
