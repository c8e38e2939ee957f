"""Where the last stage of a network begins: found by watching which module takes a map of which size."""

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


class LastStage(NamedTuple):
    """The last stage of a network, which begins with the last reduction of the map.

    Attributes:
        before: names of the modules that are called before it, except those around it.
        within: names of the modules of the stage. The first is the outermost that takes a map of the last
            size but one and gives one of the last size: `layer4` of a ResNet.
        taken: shape of what the stage takes.
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


def last_stage(network: nn.Module, size: int) -> LastStage | None:
    """The last stage of a network for images of `size` pixels; None where nothing shrinks within it."""
    calls = _calls(network, size)
    last = _side(calls[0].given)
    sides = [_side(call.taken) if _side(call.given) == last else 0 for call in calls]
    before = min((side for side in sides if side > last), default=0)
    start = sides.index(before)
    taken = calls[start].taken
    if taken is None or start == 0:  # nothing shrinks, or only the network as a whole does
        return None
    early, late = ([call.name for call in part] for part in (calls[:start], calls[start:]))
    beside = [name for name in early if not any(inner.startswith(f"{name}.") for inner in late) and name]
    return LastStage(beside, late, taken, last)


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
