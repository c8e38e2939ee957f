"""Which kernels update the weights, and that they do the same: under fp16, and from the state of others."""

import copy
from typing import Any

import pytest
import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.optim import SGD, Adam, AdamW, Optimizer

from bench.engine.training.optimisation import build_optimizer, load_optimizer
from bench.experiment.schedule import Schedule, load_schedule

KINDS: dict[str, type[Optimizer]] = {"sgd": SGD, "adam": Adam, "adamw": AdamW}


class TwoParts(nn.Module):
    """What `build_optimizer` reads of a model."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head, self.backbone = nn.Linear(300, 1000), nn.Linear(3, 300)


def scheduled(optimizer: str, precision: str = "fp16", **fields: Any) -> Schedule:
    given = {"optimizer": optimizer, "precision": precision, "lr": 0.1, **fields}
    return Schedule(**{**load_schedule("identical", {}).model_dump(mode="json"), **given})


def plain(model: TwoParts, schedule: Schedule) -> Optimizer:
    """The same without its kernel."""
    optimizer = build_optimizer(model, schedule)  # type: ignore[arg-type]
    groups = [{key: group[key] for key in ("params", "weight_decay")} for group in optimizer.param_groups]
    more = {"momentum": schedule.momentum} if schedule.optimizer == "sgd" else {"eps": schedule.optimizer_eps}
    return KINDS[schedule.optimizer](groups, lr=schedule.lr, fused=False, **more)


def step(model: TwoParts, optimizer: Optimizer, scaler: GradScaler, factor: float) -> None:
    optimizer.zero_grad()
    scaler.scale((model.head(model.backbone(torch.ones(2, 3))) * factor).mean()).backward()  # type: ignore[no-untyped-call]
    scaler.step(optimizer)
    scaler.update()


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_scaler_waits_for_the_device_only_where_it_must(kind: str) -> None:
    def handled(precision: str, **fields: Any) -> bool:
        optimizer = build_optimizer(TwoParts(), scheduled(kind, precision, **fields))  # type: ignore[arg-type]
        # What the gradient scaler, and Lightning before it clips, ask an optimiser.
        return getattr(optimizer, "_step_supports_amp_scaling", False)

    assert handled("fp32") and handled("bf16", clip_norm=1.0)
    assert handled("fp16", clip_norm=None) == (kind != "sgd")
    assert not handled("fp16", clip_norm=1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_that_overflows_is_skipped_and_the_next_ones_are_as_if_it_had_not_been(kind: str) -> None:
    schedule = scheduled(kind, clip_norm=None)
    ours, theirs = TwoParts(), TwoParts()
    optimizer, expected = build_optimizer(ours, schedule), plain(theirs, schedule)  # type: ignore[arg-type]
    scalers = GradScaler("cpu"), GradScaler("cpu")
    for factor in (torch.inf, 1.0, torch.inf, 2.0):
        step(ours, optimizer, scalers[0], factor)
        step(theirs, expected, scalers[1], factor)
        torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    assert scalers[0].get_scale() == scalers[1].get_scale()


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_the_state_of_an_optimiser_without_the_kernel_is_gone_on_from_with_it(kind: str) -> None:
    schedule = scheduled(kind, clip_norm=None)
    ours, theirs, scaler = TwoParts(), TwoParts(), GradScaler("cpu")
    before = plain(theirs, schedule)
    step(theirs, before, scaler, 1.0)
    optimizer = build_optimizer(ours, schedule)  # type: ignore[arg-type]
    ours.load_state_dict(theirs.state_dict())
    load_optimizer(optimizer, copy.deepcopy(before.state_dict()))
    for model, used in ((ours, optimizer), (theirs, before)):
        step(model, used, scaler, 2.0)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    assert all(group["fused"] for group in optimizer.param_groups)
