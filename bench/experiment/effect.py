"""Fields of a schedule that have an effect beside some values of others alone.

A schedule holds a value of every field, so that a default stands where it has no effect. Who gives another
value there would get the same training under other conditions, which no table puts beside the plain ones.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

Fields = Mapping[str, Any]


class _Needs(NamedTuple):
    said: str
    met: Callable[[Fields], bool]


_NEEDS = {
    "momentum": _Needs(
        "optimizer 'sgd' without cycle_momentum",
        lambda its: its["optimizer"] == "sgd" and not its["cycle_momentum"],
    ),
    "optimizer_eps": _Needs("optimizer 'adam' or 'adamw'", lambda its: its["optimizer"] != "sgd"),
    "milestones": _Needs("decay 'step'", lambda its: its["decay"] == "step"),
    "gamma": _Needs("decay 'step' or 'plateau'", lambda its: its["decay"] in ("step", "plateau")),
    "plateau_of": _Needs("decay 'plateau'", lambda its: its["decay"] == "plateau"),
    "decay_vectors": _Needs("a weight_decay above 0", lambda its: its["weight_decay"] > 0),
    "backbone_lr_factor": _Needs(
        "another trained_backbone than 'none'", lambda its: its["trained_backbone"] != "none"
    ),
    "evaluate_at": _Needs("another evaluate_every than 1", lambda its: its["evaluate_every"] != 1),
    "select_on": _Needs(
        "select 'best', decay 'plateau' or stop_after",
        lambda its: its["select"] == "best" or its["decay"] == "plateau" or its["stop_after"] is not None,
    ),
}
# Of the others, what needs another field is refused wherever it stands, by the schedule itself.


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
    return None
