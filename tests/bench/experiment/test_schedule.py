"""Schedules load, refuse what they do not know, and give the learning rates that PyTorch's own ones give."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pydantic import ValidationError
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer, lr_scheduler

from bench.engine.training.optimisation import (
    build_optimizer,
    ends_early,
    learning_rate_factor,
    plateaus,
    set_learning_rate,
)
from bench.errors import UserError
from bench.experiment.schedule import Schedule, load_schedule, schedule_names
from bench.methods.catalog import METHODS
from made_records import SCHEDULE

STEPS = 10  # optimiser steps in an epoch


def made(**fields: Any) -> Schedule:
    return Schedule(**{**dict(SCHEDULE), "epochs": 4, **fields})


def factors(schedule: Schedule) -> list[float]:
    return [learning_rate_factor(schedule, step, STEPS) for step in range(schedule.epochs * STEPS)]


def torch_rates(make: Any, steps: int) -> list[float]:
    """The learning rates of a PyTorch scheduler, whose peak is 1, at each step."""
    optimizer = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_every_shipped_schedule_loads() -> None:
    papers = {"resnet101", *METHODS} - {"resnet"}
    assert papers | {"demo", "identical"} <= set(schedule_names())
    for name in schedule_names():
        schedule = load_schedule(name, {})
        assert schedule.about and "\n" not in schedule.about
        rates = [learning_rate_factor(schedule, step, 7) for step in range(7 * schedule.epochs)]
        assert min(rates) > 0 and max(rates) <= 1


def test_overrides_replace_fields() -> None:
    plain = load_schedule("identical", {})
    changed = load_schedule("identical", {"epochs": 3, "backbone": "resnet18"})
    assert changed == plain.model_copy(update={"epochs": 3, "backbone": "resnet18"})
    assert changed.test_size == plain.image_size
    assert load_schedule("identical", {"eval_image_size": 576}).test_size == 576


def test_a_schedule_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    fields = {key: value for key, value in SCHEDULE.model_dump().items() if value is not None}
    file.write_text("\n".join(f"{key}: {value}" for key, value in fields.items() if value != ()))
    assert load_schedule(str(file), {}) == SCHEDULE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs: [", "is not YAML"),
        ("- epochs", "is not a mapping"),
        ("", "is not a mapping"),
        ("epoch: 3", "'epoch' is not a known key, did you mean 'epochs'"),
        ("epochs: 3", "'about' is missing"),
    ],
)
def test_a_bad_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=f"mine.yaml.*{message}"):
        load_schedule(str(file), {})


def test_what_is_not_text_or_not_there_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(b"about: \xff\xfe\n")
    with pytest.raises(UserError, match="is not YAML"):
        load_schedule(str(file), {})
    with pytest.raises(UserError, match=r"none.yaml does not exist"):
        load_schedule("none.yaml", {})
    with pytest.raises(UserError, match=r"Unknown schedule 'identicla'. Did you mean 'identical'"):
        load_schedule("identicla", {})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("batch_size", 1),
        ("accumulate", 0),
        ("image_size", 31),
        ("eval_image_size", 31),
        ("optimizer_eps", 0),
        ("lr", 0),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("clip_norm", float("inf")),
        ("backbone_lr_factor", -1),
        ("momentum", 1),
        ("weight_decay", -1e-9),
        ("gamma", 0),
        ("gamma", 1.1),
        ("warmup", 1),
        ("clip_norm", 0),
        ("ema_decay", 1),
        ("evaluate_every", -1),
        ("evaluate_at", (0.5, 0.0)),
        ("evaluate_at", (1.1,)),
        ("optimizer", "lion"),
        ("decay", "linear"),
        ("loss", "hinge"),
        ("resize", 31),
        ("eval_crop", 0),
        ("eval_crop", 1.1),
        ("cutout", 1.1),
        ("patience", -1),
        ("stop_after", 0),
        ("trained_backbone", "head"),
        ("precision", "fp64"),
        ("select", "first"),
        ("crop", "center"),
        ("crop_scale", 0),
        ("crop_scale", 1.1),
        ("normalize", "imagenet"),
        ("reduction", "max"),
        ("difficult", "dropped"),
    ],
)
def test_a_value_out_of_range_is_refused_by_the_name_of_its_field(field: str, value: object) -> None:
    with pytest.raises(UserError, match=rf"^Schedule identical: '{field}(\.\d)?' is "):
        load_schedule("identical", {field: value})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"decay": "step"}, "needs milestones"),
        ({"decay": "plateau"}, "'plateau' and patience need each other"),
        ({"patience": 2}, "'plateau' and patience need each other"),
        ({"decay": "plateau", "patience": 2, "evaluate_every": 2}, "need evaluate_every: 1"),
        ({"stop_after": 3, "evaluate_every": 0}, "need evaluate_every: 1"),
        ({"cycle_momentum": True}, "cycle_momentum needs decay 'one-cycle'"),
        ({"crop": "random", "resize": 64}, "crop_sizes need each other"),
        ({"crop_sizes": (48,), "resize": 64}, "crop_sizes need each other"),
        ({"crop": "random", "crop_sizes": (48, 65), "resize": 64}, "crop_sizes lie between 32 and resize"),
        ({"crop": "random", "crop_sizes": (48,)}, "crop_sizes lie between 32 and resize"),
        ({"crop": "random", "crop_sizes": (16,), "resize": 64}, "crop_sizes lie between 32 and resize"),
        ({"crop": "random-resized"}, "'random-resized' and crop_scale need each other"),
        ({"crop_scale": 0.7}, "'random-resized' and crop_scale need each other"),
        ({"frozen_statistics": True}, "needs trained_backbone 'after-first-stage' or 'last-stage'"),
        ({"ema_or_weights": True}, "ema_or_weights needs ema_decay and select 'best'"),
        ({"ema_or_weights": True, "ema_decay": 0.9, "select": "last"}, "ema_decay and select 'best'"),
        ({"trained_backbone": "none", "frozen_norms": True}, "another trained_backbone than 'none'"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        made(**fields)


@pytest.mark.parametrize(
    ("name", "fields", "needs"),
    [
        ("identical", {"momentum": 0.5}, "optimizer 'sgd'"),
        ("ml-decoder", {"optimizer": "sgd", "momentum": 0.5}, "optimizer 'sgd' without cycle_momentum"),
        ("identical", {"milestones": [3, 6]}, "decay 'step'"),
        ("ml-gcn", {"gamma": 0.9}, "decay 'step' or 'plateau'"),
        ("identical", {"plateau_of": "loss"}, "decay 'plateau'"),
        ("identical", {"select_on": "test"}, "select 'best', decay 'plateau' or stop_after"),
        ("frozen", {"backbone_lr_factor": 0.1}, "another trained_backbone than 'none'"),
        ("ml-gcn", {"optimizer_eps": 1e-6}, "optimizer 'adam' or 'adamw'"),
        ("identical", {"evaluate_every": 1, "evaluate_at": [0.5]}, "another evaluate_every than 1"),
        ("ssgrl", {"decay_vectors": False}, "a weight_decay above 0"),
    ],
)
def test_a_field_that_is_given_where_it_has_no_effect_is_refused(
    name: str, fields: dict[str, object], needs: str, tmp_path: Path
) -> None:
    (field,) = list(fields)[-1:]
    message = (
        rf"^Schedule {name}: '{field}' has no effect, as it needs {needs}.*: leave it out[^.]*\.?[^.]*\.$"
    )
    with pytest.raises(UserError, match=message):
        load_schedule(name, fields)
    assert load_schedule(name, fields, as_given=False), "what was recorded or drawn is taken"
    if field == "backbone_lr_factor":
        return
    mine = tmp_path / "mine.yaml"
    given = load_schedule(name, fields, as_given=False).model_dump(mode="json")
    mine.write_text(yaml.safe_dump(given))
    with pytest.raises(UserError, match=f"mine.yaml: '{field}' has no effect"):
        load_schedule(str(mine), {})
    assert load_schedule(str(mine), {field: Schedule.model_fields[field].default})


def test_a_field_without_effect_may_stand_in_a_schedule_of_the_harness_or_as_its_default() -> None:
    assert load_schedule("add-gcn", {"decay": "cosine"}).milestones == (31, 41)
    assert load_schedule("ml-gcn", {"select": "last"}).select_on == "test"
    assert load_schedule("identical", {"momentum": 0.9}) == load_schedule("identical", {})


def test_a_schedule_says_after_which_epochs_there_is_an_evaluation() -> None:
    def marks(epochs: int, **fields: Any) -> list[int]:
        schedule = made(epochs=epochs, **fields)
        return [epoch for epoch in range(1, epochs + 1) if schedule.evaluates_after(epoch)]

    assert marks(4) == [1, 2, 3, 4]
    assert marks(5, evaluate_every=2) == [2, 4, 5]
    assert marks(5, evaluate_every=0) == [5]
    quarters = {"evaluate_every": 0, "evaluate_at": (0.1, 0.25, 0.5, 0.75)}
    assert marks(30, **quarters) == [3, 8, 15, 22, 30]
    assert marks(3, **quarters) == [1, 2, 3], "in a quick look too"
    assert marks(8, **{**quarters, "evaluate_every": 3}) == [1, 2, 3, 4, 6, 8]
    identical = load_schedule("identical", {})
    assert [epoch for epoch in range(1, 31) if identical.evaluates_after(epoch)] == [3, 8, 15, 22, 30]
    for name in schedule_names():
        schedule = load_schedule(name, {})
        assert schedule.select == "last" or all(map(schedule.evaluates_after, range(1, schedule.epochs + 1)))


def test_the_test_image_is_resized_so_that_the_crop_has_its_share() -> None:
    cut = made(image_size=576, eval_crop=0.9)
    assert (cut.test_size, cut.test_resize) == (576, 640)
    assert made(image_size=448).test_resize == 448
    assert made(image_size=448, eval_image_size=512).test_resize == 512


def test_constant() -> None:
    assert factors(made(decay="constant")) == [1.0] * 40


def test_step_equals_torch() -> None:
    schedule = made(decay="step", milestones=(1, 3), gamma=0.2)
    theirs = torch_rates(lambda o: lr_scheduler.MultiStepLR(o, [STEPS, 3 * STEPS], gamma=0.2), 40)
    assert factors(schedule) == pytest.approx(theirs, abs=1e-12)
    assert factors(schedule)[9:11] == [1.0, 0.2]


def test_cosine_equals_torch() -> None:
    theirs = torch_rates(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=40), 40)
    assert factors(made(decay="cosine")) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.filterwarnings("ignore:The epoch parameter in")
def test_cosine_after_a_warm_up_equals_torch() -> None:
    warmup = 8  # a fifth of 40 steps

    def both(optimizer: Optimizer) -> lr_scheduler.SequentialLR:
        rise = lr_scheduler.LinearLR(optimizer, start_factor=1 / (warmup + 1), total_iters=warmup)
        fall = lr_scheduler.CosineAnnealingLR(optimizer, T_max=40 - warmup)
        return lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[warmup])

    ours = factors(made(decay="cosine", warmup=0.2))
    assert ours == pytest.approx(torch_rates(both, 40), abs=1e-12)
    assert ours[0] == pytest.approx(1 / 9) and ours[8] == 1.0


@pytest.mark.parametrize("warmup", [0.1, 0.25, 0.5])
def test_one_cycle_equals_torch(warmup: float) -> None:
    """PyTorch has its peak at step pct_start * total - 1, the schedule at step warmup * total."""
    start = warmup + 1 / 40

    def make(optimizer: Optimizer) -> lr_scheduler.OneCycleLR:
        return lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=40, pct_start=start)

    ours = factors(made(decay="one-cycle", warmup=warmup))
    assert ours == pytest.approx(torch_rates(make, 40), abs=1e-12)
    assert max(ours) == ours[int(warmup * 40)] == 1.0


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW])
def test_momentum_is_cycled_as_by_torch(kind: type[Optimizer]) -> None:
    def momentum(optimizer: Optimizer) -> float:
        group = optimizer.param_groups[0]
        return float(group["betas"][0] if "betas" in group else group["momentum"])

    theirs = kind([nn.Parameter(torch.zeros(1))], lr=1.0, **({"momentum": 0.9} if kind is SGD else {}))
    scheduler = lr_scheduler.OneCycleLR(theirs, max_lr=1.0, total_steps=40, pct_start=0.2 + 1 / 40)
    schedule = made(decay="one-cycle", warmup=0.2, cycle_momentum=True, optimizer=kind.__name__.lower())
    ours = build_optimizer(TwoParts(), schedule)  # type: ignore[arg-type]
    for step in range(40):
        set_learning_rate(ours, schedule, step, STEPS)
        assert momentum(ours) == pytest.approx(momentum(theirs), abs=1e-12)
        theirs.step()
        scheduler.step()
    steady = made(decay="one-cycle", warmup=0.2, optimizer=kind.__name__.lower())
    ours = build_optimizer(TwoParts(), steady)  # type: ignore[arg-type]
    set_learning_rate(ours, steady, 20, STEPS)
    assert momentum(ours) == 0.9


# Better by less than a ten-thousandth is not better; three plateaus of three epochs.
SCORES = [0.5, 0.6, 0.60001, 0.59, 0.55, 0.7, 0.7, 0.6, 0.7, 0.71, 0.3, 0.3, 0.3, 0.3, 0.72]


@pytest.mark.parametrize("patience", [0, 1, 2, 5])
def test_plateaus_are_counted_as_by_torch(patience: int) -> None:
    theirs = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(theirs, mode="max", patience=patience, eps=0)
    schedule = made(decay="plateau", patience=patience, epochs=len(SCORES) + 1)
    ours = build_optimizer(TwoParts(), schedule)  # type: ignore[arg-type]
    for epoch, score in enumerate(SCORES):
        before = SCORES[:epoch]
        lr = set_learning_rate(ours, schedule, epoch * STEPS, STEPS, before)
        assert lr == pytest.approx(schedule.lr * theirs.param_groups[0]["lr"], rel=1e-9)
        scheduler.step(score)
    assert plateaus(SCORES, 2) == 3 and plateaus([], 0) == 0


@pytest.mark.parametrize("patience", [0, 1, 2, 5])
def test_plateaus_of_a_loss_are_counted_as_by_torch(patience: int) -> None:
    theirs = SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(theirs, mode="min", patience=patience, eps=0)
    losses = [1.3 - score for score in SCORES]
    for epoch, loss in enumerate(losses):
        found = 0.1 ** plateaus([-one for one in losses[:epoch]], patience)
        assert found == pytest.approx(theirs.param_groups[0]["lr"], rel=1e-9)
        scheduler.step(loss)


def test_the_training_ends_some_epochs_after_the_best() -> None:
    schedule = made(stop_after=3)
    assert not ends_early(schedule, [])
    assert not ends_early(schedule, [0.1, 0.5, 0.4, 0.5])
    assert ends_early(schedule, [0.1, 0.5, 0.4, 0.5, 0.5]), "as good is not better"
    assert not ends_early(schedule, [0.1, 0.5, 0.4, 0.5, 0.51])
    assert not ends_early(made(), [0.5, 0.4, 0.4, 0.4])


@pytest.mark.parametrize("decay", ["constant", "step", "cosine", "one-cycle"])
@pytest.mark.parametrize("warmup", [0.0, 0.03, 0.3, 0.99])
@pytest.mark.parametrize(("epochs", "steps"), [(1, 1), (1, 2), (2, 1), (3, 7)])
def test_the_factor_rises_then_falls_within_bounds(
    decay: str, warmup: float, epochs: int, steps: int
) -> None:
    schedule = made(decay=decay, warmup=warmup, epochs=epochs, milestones=(1,))
    total = epochs * steps
    rates = [learning_rate_factor(schedule, step, steps) for step in range(total)]
    assert all(0 < rate <= 1 for rate in rates)
    risen = sum(step < warmup * total for step in range(total))
    assert rates[:risen] == sorted(rates[:risen])
    assert rates[risen:] == sorted(rates[risen:], reverse=True)


class TwoParts(nn.Module):
    """What `build_optimizer` reads of a model."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)
        self.backbone = nn.Linear(4, 3)


@pytest.mark.parametrize(("name", "kind"), [("sgd", SGD), ("adam", Adam), ("adamw", AdamW)])
def test_the_optimiser_gives_head_and_backbone_their_learning_rates(name: str, kind: type[Optimizer]) -> None:
    schedule = made(optimizer=name, lr=0.5, backbone_lr_factor=0.1, momentum=0.7, weight_decay=0.01)
    model: Any = TwoParts()
    optimizer = build_optimizer(model, schedule)
    assert type(optimizer) is kind
    head, backbone = optimizer.param_groups
    for group, part in ((head, model.head), (backbone, model.backbone)):
        assert [id(p) for p in group["params"]] == [id(p) for p in part.parameters()]
        assert group["weight_decay"] == 0.01
        assert name != "sgd" or group["momentum"] == 0.7
    for step in (0, 13, 39):
        expected = 0.5 * learning_rate_factor(schedule, step, STEPS)
        assert set_learning_rate(optimizer, schedule, step, STEPS) == expected
        assert (head["lr"], backbone["lr"]) == (expected, pytest.approx(0.1 * expected))


@pytest.mark.parametrize(("name", "kind"), [("adam", Adam), ("adamw", AdamW)])
def test_a_smaller_eps_is_a_larger_loss(name: str, kind: type[Optimizer]) -> None:
    """A thousandth of the loss beside a thousandth of the eps is the same step."""
    stepped = []
    for scale, eps in ((1.0, 1e-2), (1e-3, 1e-5), (1e-3, 1e-2)):
        torch.manual_seed(0)
        model: Any = TwoParts()
        optimizer = build_optimizer(model, made(optimizer=name, optimizer_eps=eps, weight_decay=0.0))
        assert type(optimizer) is kind
        (scale * model.head(torch.ones(3)).sum()).backward()
        optimizer.step()
        stepped.append(model.head.weight.detach())
    torch.testing.assert_close(stepped[0], stepped[1])
    assert not torch.allclose(stepped[0], stepped[2])


def test_a_backbone_factor_of_zero_leaves_the_backbone_as_it_is() -> None:
    schedule = made(optimizer="adamw", backbone_lr_factor=0.0, weight_decay=0.1)
    model: Any = TwoParts()
    before = [parameter.detach().clone() for parameter in model.backbone.parameters()]
    optimizer = build_optimizer(model, schedule)
    set_learning_rate(optimizer, schedule, 0, STEPS)
    model.head(model.backbone(torch.ones(2, 4))).sum().backward()
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, model.backbone.parameters(), strict=True))
