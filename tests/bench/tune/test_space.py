"""Spaces: ranges that are checked, and draws that methods share."""

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.experiment.field_needs import _NEEDS, never_met, without_effect
from bench.experiment.methods import parse_methods
from bench.experiment.schedule import Schedule, load_schedule
from bench.methods.catalog import METHODS
from bench.ranges import LogUniform, OneOf, Uniform
from bench.tune.space import Space, draw, load_space, own_ranges, space_names, values_of

IDENTICAL = load_schedule("identical", {})


def method(text: str):  # type: ignore[no-untyped-def]
    (one,) = parse_methods((text,))
    return one


def drawn(text: str, trial: int, seed: int = 0) -> tuple[dict[str, object], dict[str, object]]:
    space = load_space("default").around(IDENTICAL)
    choice, fields = values_of(space, IDENTICAL, method(text), seed, trial)
    return choice.options, fields


def test_trial_0_is_the_schedule_as_it_is() -> None:
    assert drawn("ml-gcn", 0) == (method("ml-gcn").options, {})


def test_methods_share_the_values_of_what_they_share_and_no_others() -> None:
    for trial in range(1, 6):
        options, fields = drawn("ml-gcn", trial)
        assert fields == drawn("resnet", trial)[1] == drawn("salgl", trial)[1]
        assert options["hidden"] == 1024 and options["tau"] != 0.4
    assert len({drawn("resnet", trial)[1]["lr"] for trial in range(1, 17)}) == 16  # type: ignore[index]
    assert drawn("resnet", 1)[1] != drawn("resnet", 1, seed=1)[1]


def test_a_draw_depends_on_its_name_alone() -> None:
    # A field that is added to the space moves none of the others.
    one = Space(about="", schedule={"lr": Uniform(low=0.1, high=1)}).around(IDENTICAL)
    two = Space(about="", schedule={"weight_decay": Uniform(low=0, high=1), "lr": Uniform(low=0.1, high=1)})
    values = [values_of(space, IDENTICAL, method("resnet"), 0, 3)[1]["lr"] for space in (one, two)]
    assert values[0] == values[1]


def test_the_draws_are_uniform_in_the_scale() -> None:
    draws = [draw(0, trial, "lr") for trial in range(2000)]
    assert min(draws) >= 0 and max(draws) < 1
    assert sum(draws) / len(draws) == pytest.approx(0.5, abs=0.02)
    lr = LogUniform(low=1e-4, high=1e-2)
    below = sum(lr.at(one) < 1e-3 for one in draws) / len(draws)
    assert below == pytest.approx(0.5, abs=0.03), "as many in each decade"
    assert {OneOf(values=("bce", "asl")).at(one) for one in draws} == {"bce", "asl"}


def test_an_option_that_is_given_is_not_tuned() -> None:
    assert set(own_ranges(method("ml-gcn"))) == {"tau", "p"}
    assert set(own_ranges(method("ml-gcn/tau=0.3"))) == {"p"}
    assert set(own_ranges(method("csra"))) == {"heads", "lam"}
    assert set(own_ranges(method("csra/temperatures=1+2"))) == {"lam"}, "the temperatures tell the heads"
    assert drawn("ml-gcn/tau=0.3", 4)[0]["tau"] == 0.3


@pytest.mark.parametrize("name", METHODS)
def test_a_method_tunes_at_most_two_options_and_only_with_values_that_they_take(name: str) -> None:
    options = METHODS[name].options
    assert len(options.tuned) <= 2
    for option, one in options.tuned.items():
        for where in (0.0, 0.5, 1 - 1e-9):
            assert getattr(options(**{option: one.at(where)}), option) == one.at(where)


def test_a_field_that_the_schedule_does_not_use_is_left_out() -> None:
    space = load_space("default")
    assert "backbone_lr_factor" in space.around(IDENTICAL).schedule
    assert "backbone_lr_factor" not in space.around(load_schedule("frozen", {})).schedule
    # Not only where it is zero.
    stored = load_schedule("frozen", {"backbone_lr_factor": 0.1}, as_given=False)
    assert stored.backbone_lr_factor > 0 and "backbone_lr_factor" not in space.around(stored).schedule
    lr = space.around(IDENTICAL).schedule["lr"]
    assert isinstance(lr, LogUniform) and (lr.low, lr.high) == pytest.approx((1e-5, 1e-3))


def test_every_space_that_comes_with_the_harness_suits_our_schedules() -> None:
    assert "default" in space_names()
    for name in space_names():
        for schedule in ("identical", "frozen", "demo"):
            load_space(name).around(load_schedule(schedule, {}))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("lr: {kind: log-uniform, low: 1, high: 1}", "the range from 1 to 1 is empty"),
        ("lr: {kind: log-uniform, low: 0, high: 1}", "greater than 0"),
        ("lr: {kind: gaussian, low: 0, high: 1}", "gaussian"),
        (
            "loss: {kind: one-of, values: [bce]}",
            r"'schedule.loss.values' is \['bce'\]: at least 2 are needed",
        ),
        ("loss: {kind: one-of, values: []}", "'schedule.loss.values' is empty"),
        (
            "lr: {kind: uniform, low: 1, high: 2}\n  lr: {kind: uniform, low: 3, high: 4}",
            "'lr' is given twice",
        ),
        ("lrr: {kind: uniform, low: 0, high: 1}", "Did you mean 'lr'"),
        ("select_on: {kind: one-of, values: [test, validation]}", "nothing that a tune may choose"),
        ("about: {kind: uniform, low: 0, high: 1}", "about"),
        ("epochs: {kind: uniform, low: 0.2, high: 2.5}", "In the space: 'epochs' is 0"),
        (
            "epochs: {low: 20, high: 40}",
            "'schedule.epochs' is .*: a range is {kind: uniform, low: A, high: B}",
        ),
        ("lr: 0.1", "'schedule.lr' is 0.1: a range is {kind: uniform"),
        ("lr: [0.1, 1]", "a range is {kind: uniform"),
        (
            "lr: {kind: log-uniform, low: -1, high: 1}",
            "'schedule.lr.low' is -1: input should be greater than 0",
        ),
        (
            "lr: {kind: log-uniform, low: small, high: 1}",
            "'schedule.lr.low' is 'small': input should be a valid",
        ),
        ("lr: {kind: uniform, low: 3, high: 1}", "the range from 3 to 1 is empty"),
        ("lr: {kind: uniform, low: 3}", "'schedule.lr.high' is missing"),
        ("lr: {kind: uniform, low: 1, high: 2, step: 3}", "'schedule.lr.step' is not a known key"),
        ("lr: {kind: one-of, values: 3}", "'schedule.lr.values' is 3: input should be a list"),
        ("loss: {kind: one-of, values: [bce, focal, asl]}", "the name of a loss is one of"),
        ("optimizer: {kind: log-uniform, low: 1, high: 2, times_default: true}", "cannot be multiplied"),
        (
            "momentum: {kind: uniform, low: 0.1, high: 0.9}",
            "momentum has no effect, as it needs optimizer 'sgd'",
        ),
        ("plateau_of: {kind: one-of, values: [mAP, loss]}", "plateau_of has no effect, as it needs decay"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_sentence(lines: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"about: mine\nschedule:\n  {lines}\n")
    with pytest.raises(UserError, match=said) as raised:
        load_space(str(file)).around(IDENTICAL)
    assert "\n" not in str(raised.value)


def test_a_field_that_has_an_effect_in_some_trials_is_drawn() -> None:
    momentum, optimizer = Uniform(low=0.1, high=0.9), OneOf(values=("sgd", "adamw"))
    space = Space(about="mine", schedule={"momentum": momentum, "optimizer": optimizer})
    assert set(space.around(IDENTICAL).schedule) == {"momentum", "optimizer"}


def test_a_range_may_be_what_gives_another_field_its_effect() -> None:
    without = load_schedule("identical", {"weight_decay": 0.0}, as_given=False)
    vectors, decay = OneOf(values=(True, False)), LogUniform(low=1e-4, high=1e-1)
    with pytest.raises(UserError, match="decay_vectors has no effect, as it needs a weight_decay above 0"):
        Space(about="mine", schedule={"decay_vectors": vectors}).around(without)
    both = Space(about="mine", schedule={"decay_vectors": vectors, "weight_decay": decay})
    assert set(both.around(without).schedule) == {"decay_vectors", "weight_decay"}


def test_a_range_that_is_left_out_gives_no_other_field_its_effect() -> None:
    """A multiple of a weight decay of zero is none, so nothing is decayed in any trial."""
    without = load_schedule("identical", {"weight_decay": 0.0}, as_given=False)
    vectors = OneOf(values=(True, False))
    multiple = LogUniform(low=0.1, high=10, times_default=True)
    space = Space(about="mine", schedule={"decay_vectors": vectors, "weight_decay": multiple})
    with pytest.raises(UserError, match="decay_vectors has no effect, as it needs a weight_decay above 0"):
        space.around(without)
    assert set(space.around(IDENTICAL).schedule) == {"decay_vectors", "weight_decay"}


def test_what_gives_a_field_its_effect_needs_nothing_itself() -> None:
    """Else a range that is left out for want of an effect could take that of another field along."""
    assert not {other for needs in _NEEDS.values() for other in needs.of} & _NEEDS.keys()


def test_what_a_field_may_be_are_the_values_that_are_trained_with() -> None:
    """Not the multiples of it, and of whole numbers not what they are rounded from."""
    every = load_schedule("identical", {"evaluate_every": 2, "evaluate_at": ()}, as_given=False)
    shares = OneOf(values=((0.1,), (0.5,)))
    half = LogUniform(low=0.45, high=0.55, times_default=True)
    said = "evaluate_at has no effect, as it needs another evaluate_every than 1"
    with pytest.raises(UserError, match=said):
        Space(about="mine", schedule={"evaluate_at": shares, "evaluate_every": half}).around(every)
    with pytest.raises(UserError, match=said):
        one = Uniform(low=0.9, high=1.1)
        Space(about="mine", schedule={"evaluate_at": shares, "evaluate_every": one}).around(every)


def test_many_listed_values_are_checked_at_once() -> None:
    """Not every combination of all fields, which would be 30 to the power of 5 here."""
    many = {name: OneOf(values=tuple(range(2, 32))) for name in ("epochs", "batch_size", "accumulate")}
    rates = {name: OneOf(values=tuple(1e-3 * n for n in range(1, 31))) for name in ("lr", "weight_decay")}
    space = Space(about="mine", schedule={**many, **rates})
    assert set(space.around(IDENTICAL).schedule) == {*many, *rates}


@pytest.mark.parametrize("name", sorted(Schedule.model_fields))
def test_what_a_field_needs_is_looked_up_in_the_fields_that_it_names(name: str) -> None:
    values = {field: (value,) for field, value in IDENTICAL.model_dump().items()}
    fields = IDENTICAL.model_dump()
    found = never_met(name, values)
    given = without_effect({name}, fields, {})
    assert (found is None) == (given is None) and (found or "") in (given or "")


def test_a_space_without_fields_or_of_no_such_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("about: mine\nschedule: {}\n")
    with pytest.raises(UserError, match="schedule"):
        load_space(str(tmp_path / "mine.yaml"))
    with pytest.raises(UserError, match="defualt"):
        load_space("defualt")
