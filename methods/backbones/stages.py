"""Where stages of a network begin: found by watching which module takes a map of which size."""

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

Shape = tuple[int, ...]


class _Call(NamedTuple):
    """The first call of a module: its name, and the shapes of what it took and gave, where that is a map."""

    name: str
    taken: Shape | None
    given: Shape | None


class Late(NamedTuple):
    """What a network computes from some reduction of the map on.

    Attributes:
        before: names of the modules that are called before it, except those around it.
        within: names of the modules of this part. The first is the outermost one that reduces the map so.
        taken: shape of what this part takes.
        side: of the last map, positions.
    """

    before: list[str]
    within: list[str]
    taken: Shape
    side: int


class Tap:
    """Keeps what a module takes in a pass where it is open: the map before the last stage.

    An object and not a closure, so that a copy of the network, such as the average of the weights, has a tap
    of its own.

    Args:
        taken: the shape of what the module takes for a square image.

    Attributes:
        channels: of the map.
    """

    def __init__(self, taken: Shape) -> None:
        self._channels_last = taken[2] != taken[3]
        self.channels = taken[3 if self._channels_last else 1]
        self._open = False
        self._held: Tensor | None = None

    def __call__(self, _: nn.Module, arguments: tuple[Any, ...]) -> None:
        """As a hook before the module is called."""
        if self._open:
            self._held = arguments[0]

    def open(self) -> None:
        """Keep what the module takes in the next pass."""
        self._open = True

    def draw(self) -> Tensor:
        """The map `(B, D, h, w)` of that pass, which is not kept any longer."""
        held, self._held, self._open = self._held, None, False
        assert held is not None, "the network has not been called"
        return held.permute(0, 3, 1, 2) if self._channels_last else held


def last_stage(network: nn.Module, size: int) -> Late | None:
    """The last stage of a network for images of `size` pixels; None where nothing shrinks within it.

    It begins with the outermost module that takes a map of the last size but one and gives one of the last
    size: `layer4` of a ResNet.
    """
    calls = _calls(network, size)
    last = _side(calls[0].given)
    sides = [_side(call.taken) if _side(call.given) == last else 0 for call in calls]
    before = min((side for side in sides if side > last), default=0)
    return _late(calls, sides.index(before))


def after_first_stage(network: nn.Module, size: int) -> Late | None:
    """What follows the first stage of a network; None where no map of a quarter of the side shrinks.

    It begins with the outermost module that takes a map of a quarter of the side of the image and gives one
    of the next smaller size: `layer2` of a ResNet. The first stage is what works on that map, `layer1`.
    """
    calls = _calls(network, size)
    quarter = (size // 4, -(-size // 4))
    smaller = max((side for call in calls if 0 < (side := _side(call.given)) < size // 4), default=0)
    starts = (_side(call.taken) in quarter and _side(call.given) == smaller for call in calls)
    return _late(calls, next((place for place, found in enumerate(starts) if found), 0))


def _late(calls: list[_Call], start: int) -> Late | None:
    """What is called from a place on; None where that is the network as a whole, or takes no map."""
    taken = calls[start].taken
    if taken is None or start == 0:
        return None
    early, late = ([call.name for call in part] for part in (calls[:start], calls[start:]))
    beside = [name for name in early if not any(inner.startswith(f"{name}.") for inner in late) and name]
    return Late(beside, late, taken, _side(calls[0].given))


def _calls(network: nn.Module, size: int) -> list[_Call]:
    """Every module of the network in the order in which each is first called; the first is the network."""
    network = copy.deepcopy(network).to("meta").eval()  # computes shapes alone
    names = {module: name for name, module in network.named_modules()}
    found: dict[nn.Module, _Call] = {}

    def enter(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        found.setdefault(module, _Call(names[module], _shape(arguments[0] if arguments else None), None))

    def leave(module: nn.Module, _: object, result: object) -> None:
        if found[module].given is None:
            found[module] = found[module]._replace(given=_shape(result))

    for module in names:
        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)
    with torch.no_grad():
        network(torch.empty(1, 3, size, size, device="meta"))
    return list(found.values())


def _shape(value: object) -> Shape | None:
    return tuple(value.shape) if isinstance(value, Tensor) and value.ndim == 4 else None


def _side(shape: Shape | None) -> int:
    # The third axis is one of the two spatial ones, whether the channels come first or last.
    return shape[2] if shape else 0
