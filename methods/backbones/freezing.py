"""Train only the last stage of a backbone, as SSGRL does with layer4 of its ResNet."""

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone


class _Call(NamedTuple):
    """The first call of a module: its name, and the side of what it took and gave, where that is a map."""

    name: str
    taken: int | None
    given: int | None


def freeze_but_last_stage(backbone: Backbone, statistics: bool) -> None:
    """Leave the parameters before the backbone's last stage as they are.

    The last stage begins with the outermost module that takes a map of the last size but one and gives one of
    the last size: `layer4` of a ResNet.

    Args:
        backbone: changed in place.
        statistics: also keep what comes before in evaluation mode, whatever mode the model is put into.

    Raises:
        UserError: the backbone has no such stage, or nothing in it is trained.
    """
    early, late = _stages(backbone)
    trained = {parameter for module in late for parameter in module.parameters()}
    if not any(parameter.requires_grad for parameter in trained):
        raise UserError(
            f"Backbone '{backbone.name}' has no last stage that could be trained alone; use a network whose "
            "map shrinks in stages, such as resnet101, or a schedule with trained_backbone: all."
        )
    for parameter in backbone.parameters():
        parameter.requires_grad_(parameter.requires_grad and parameter in trained)
    if statistics:
        backbone.hold(early)


def _stages(backbone: Backbone) -> tuple[list[nn.Module], list[nn.Module]]:
    """The modules that are called before the last stage, except those around it, and those of the stage."""
    calls = _calls(backbone)
    last = calls[0].given or 0
    sides = [call.taken if call.given == last else None for call in calls]
    before = min((side for side in sides if side is not None and side > last), default=None)
    start = sides.index(before)
    if before is None or start == 0:  # nothing shrinks, or only the network as a whole does
        return [], []
    early, late = ([call.name for call in part] for part in (calls[:start], calls[start:]))
    beside = [name for name in early if not any(inner.startswith(f"{name}.") for inner in late) and name]
    module = backbone.network.get_submodule
    return [module(name) for name in beside], [module(name) for name in late]


def _calls(backbone: Backbone) -> list[_Call]:
    """Every module of the network in the order in which each is first called; the first is the network."""
    network = copy.deepcopy(backbone.network).to("meta").eval()  # computes shapes alone
    names = {module: name for name, module in network.named_modules()}
    found: dict[nn.Module, _Call] = {}

    def enter(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        found.setdefault(module, _Call(names[module], _side(arguments[0] if arguments else None), None))

    def leave(module: nn.Module, _: object, result: object) -> None:
        if found[module].given is None:
            found[module] = found[module]._replace(given=_side(result))

    for module in names:
        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)
    with torch.no_grad():
        network(torch.empty(1, 3, backbone.size, backbone.size, device="meta"))
    return list(found.values())


def _side(value: object) -> int | None:
    # The third axis is one of the two spatial ones, whether the channels come first or last.
    return value.shape[2] if isinstance(value, Tensor) and value.ndim == 4 else None
