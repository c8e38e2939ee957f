"""What the fields of a schedule need of one another: to be no contradiction, and to have an effect.

A schedule holds a value of every field, so that a default stands where it has no effect. Who gives another
value there would get the same training under other conditions, which no table puts beside the plain ones.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

Fields = Mapping[str, Any]


class _Needs(NamedTuple):
    said: str
    of: tuple[str, ...]
    met: Callable[[Fields], bool]


_NEEDS = {
    "momentum": _Needs(
        "optimizer 'sgd' without cycle_momentum",
        ("optimizer", "cycle_momentum"),
        lambda its: its["optimizer"] == "sgd" and not its["cycle_momentum"],
    ),
    "optimizer_eps": _Needs(
        "optimizer 'adam' or 'adamw'", ("optimizer",), lambda its: its["optimizer"] != "sgd"
    ),
    "milestones": _Needs("decay 'step'", ("decay",), lambda its: its["decay"] == "step"),
    "gamma": _Needs("decay 'step' or 'plateau'", ("decay",), lambda its: its["decay"] in ("step", "plateau")),
    "plateau_of": _Needs("decay 'plateau'", ("decay",), lambda its: its["decay"] == "plateau"),
    "decay_vectors": _Needs("a weight_decay above 0", ("weight_decay",), lambda its: its["weight_decay"] > 0),
    "backbone_lr_factor": _Needs(
        "another trained_backbone than 'none'",
        ("trained_backbone",),
        lambda its: its["trained_backbone"] != "none",
    ),
    "evaluate_at": _Needs(
        "another evaluate_every than 1", ("evaluate_every",), lambda its: its["evaluate_every"] != 1
    ),
    "select_on": _Needs(
        "select 'best', decay 'plateau' or stop_after",
        ("select", "decay", "stop_after"),
        lambda its: its["select"] == "best" or follows_scores(its),
    ),
}
# Of the others, what needs another field is refused wherever it stands.
_TOGETHER: tuple[tuple[str, Callable[[Fields], bool]], ...] = (
    ("decay 'step' needs milestones", lambda its: its["decay"] != "step" or bool(its["milestones"])),
    (
        "decay 'plateau' and patience need each other",
        lambda its: (its["decay"] == "plateau") == (its["patience"] is not None),
    ),
    (
        "cycle_momentum needs decay 'one-cycle'",
        lambda its: its["decay"] == "one-cycle" or not its["cycle_momentum"],
    ),
    (
        "ema_beside measures an average beside the weights, and ema_decay in their place: leave one out "
        "(ema_beside=null)",
        lambda its: its["ema_beside"] is None or its["ema_decay"] is None,
    ),
    (
        "ema_or_weights needs ema_decay and select 'best'",
        lambda its: not its["ema_or_weights"] or (its["ema_decay"] is not None and its["select"] == "best"),
    ),
    (
        "decay 'plateau' and stop_after need evaluate_every: 1",
        lambda its: its["evaluate_every"] == 1 or not follows_scores(its),
    ),
    (
        "crop 'random' and crop_sizes need each other",
        lambda its: (its["crop"] == "random") == bool(its["crop_sizes"]),
    ),
    (
        "crop 'random-resized' and crop_scale need each other",
        lambda its: (its["crop"] == "random-resized") == (its["crop_scale"] is not None),
    ),
    (
        "crop_sizes lie between 32 and resize, which must be given",
        lambda its: all(32 <= side <= (its["resize"] or 0) for side in its["crop_sizes"]),
    ),
    (
        "frozen_statistics needs trained_backbone 'after-first-stage' or 'last-stage'",
        lambda its: (
            its["trained_backbone"] in ("after-first-stage", "last-stage") or not its["frozen_statistics"]
        ),
    ),
    (
        "frozen_norms needs another trained_backbone than 'none'",
        lambda its: its["trained_backbone"] != "none" or not its["frozen_norms"],
    ),
    (
        "feature_channels needs trained_backbone 'none'",
        lambda its: its["trained_backbone"] == "none" or its["feature_channels"] is None,
    ),
    (
        "trained_backbone 'none' computes features once, so it takes no crop, cutout or rand_augment, nor a "
        "resize before; with flip those of mirrored images are stored too",
        lambda its: (
            its["trained_backbone"] != "none"
            or not (its["crop"] != "none" or its["cutout"] or its["rand_augment"] or its["resize"])
        ),
    ),
)


_EVALUATIONS = ("evaluate_every", "evaluate_at")


def follows_scores(fields: Fields) -> bool:
    """Whether the training depends on how the epochs before scored."""
    return fields["decay"] == "plateau" or fields["stop_after"] is not None


def contradiction(fields: Fields) -> str | None:
    """The first of the rules that the fields of a schedule break together; None if they break none."""
    return next((said for said, holds in _TOGETHER if not holds(fields)), None)


def without_effect(given: set[str], fields: Fields, defaults: Fields) -> str | None:
    """Part of a sentence on the first field that was given and does nothing; None if all have an effect.

    Args:
        given: the names of the fields that somebody gave.
        fields: every field of the schedule.
        defaults: of the fields that have one; to give that changes nothing.
    """
    for name, needs in _NEEDS.items():
        if name not in given or needs.met(fields):
            continue
        if name not in defaults:
            return f"'{name}' has no effect, as it needs {needs.said}: leave it out"
        if fields[name] != defaults[name]:
            default = f"give its default, {defaults[name]}" if defaults[name] != () else "leave it empty"
            return f"'{name}' has no effect, as it needs {needs.said}: leave it out, or {default}"
    once = not any(fields[name] for name in _EVALUATIONS)
    if once and fields["select"] == "best" and given & {"select", *_EVALUATIONS}:
        return (
            "select 'best' has the last epoch alone to choose from: give evaluate_every or evaluate_at, or "
            "select 'last'"
        )
    return None


def never_met(name: str, values: Mapping[str, Sequence[Any]]) -> str | None:
    """What a field needs to have an effect, where nothing that the others may be gives it one; else None.

    Args:
        name: of a field.
        values: what each field of the schedule may be.
    """
    if name not in _NEEDS:
        return None
    needs = _NEEDS[name]
    together = product(*(values[other] for other in needs.of))
    met = any(needs.met(dict(zip(needs.of, chosen, strict=True))) for chosen in together)
    return None if met else needs.said
