"""The optimiser and its learning rate, as a schedule asks for them."""

import math

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer

from bench.methods.model import MultiLabelModel
from bench.schedule import Schedule

ONE_CYCLE_START = 1 / 25  # initial learning rate of a one-cycle policy, relative to its peak
ONE_CYCLE_END = 1e-4 * ONE_CYCLE_START


def build_optimizer(model: MultiLabelModel, schedule: Schedule) -> Optimizer:
    """The optimiser, with the head in its first group and the backbone in its second."""
    groups = [
        {"params": list(model.head.parameters()), "factor": 1.0},
        {"params": list(model.backbone.parameters()), "factor": schedule.backbone_lr_factor},
    ]
    decay = schedule.weight_decay
    if schedule.optimizer == "sgd":
        return SGD(groups, lr=schedule.lr, momentum=schedule.momentum, weight_decay=decay)
    if schedule.optimizer == "adam":
        return Adam(groups, lr=schedule.lr, weight_decay=decay)
    return AdamW(groups, lr=schedule.lr, weight_decay=decay)


def set_learning_rate(optimizer: Optimizer, schedule: Schedule, step: int, steps_per_epoch: int) -> float:
    """Set every group's learning rate for optimiser step `step` (from 0); returns that of the head.

    The rate is a function of the step alone, so a resumed run needs no state for it.
    """
    lr = schedule.lr * learning_rate_factor(schedule, step, steps_per_epoch)
    for group in optimizer.param_groups:
        group["lr"] = lr * group["factor"]
    return lr


def learning_rate_factor(schedule: Schedule, step: int, steps_per_epoch: int) -> float:
    """The learning rate at a step, relative to the schedule's `lr`."""
    total = schedule.epochs * steps_per_epoch
    warmup = schedule.warmup * total
    if schedule.decay == "one-cycle":
        if step < warmup:
            return _cosine(ONE_CYCLE_START, 1.0, step / warmup)
        return _cosine(1.0, ONE_CYCLE_END, (step - warmup) / max(1.0, total - 1 - warmup))
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if schedule.decay == "step":
        passed = sum(step >= milestone * steps_per_epoch for milestone in schedule.milestones)
        return float(schedule.gamma**passed)
    if schedule.decay == "cosine":
        return _cosine(1.0, 0.0, (step - warmup) / max(1.0, total - warmup))
    return 1.0


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, progress))) / 2


def moving_average(model: MultiLabelModel, decay: float) -> "torch.optim.swa_utils.AveragedModel":
    """An exponential moving average of the weights and of the floating-point buffers."""
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)  # type: ignore[no-untyped-call]
