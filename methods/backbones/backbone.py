"""Backbones: any network of torchvision or timm that has a feature map, cut before its pooling."""

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.methods.backbones.stages import Tap, last_stage
from bench.methods.backbones.weights import reason


class Backbone(nn.Module):
    """Turns images into a feature map.

    Parameters that the feature map does not depend on, such as those of a normalisation behind the pooling,
    are kept but not trained.

    Attributes:
        name: for messages.
        feature_dim: D, the channels of the feature map.
        mean, std: what the network's inputs are normalised with, on the scale 0 to 1.
        size: side in pixels of the images that the network was made for.
        stride: pixels per position of the feature map; sizes that are suggested are multiples of it.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        name: str,
        mean: Sequence[float],
        std: Sequence[float],
        size: int = 224,
        stride: int = 32,
    ) -> None:
        super().__init__()
        self.network = network
        self.name, self.size, self.stride = name, size, stride
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.feature_dim = self._probe()
        self._held: list[nn.Module] = []
        self._tap: Tap | None = None

    def _probe(self) -> int:
        """The channels of the map; what the map does not depend on is set not to be trained."""
        try:
            with torch.enable_grad():
                features, parameters = self._without_data(self.size)
        except Exception as error:  # each network fails in its own way
            raise UserError(
                f"Backbone '{self.name}' cannot be used: {reason(error)}; choose another, such as resnet101."
            ) from error
        if not isinstance(features, Tensor) or features.ndim != 4:
            raise UserError(
                f"Backbone '{self.name}' does not give a (D, h, w) feature map; choose a convolutional "
                "network, or a vision transformer (vit_*, deit_*, swin_*)."
            )
        reached = _leaves(features)
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(parameter.requires_grad and parameters[name] in reached)
        return int(features.shape[1])

    def _without_data(self, side: int) -> tuple[Tensor, dict[str, Tensor]]:
        """The feature map of an image of `side` pixels, and the parameters it was computed with.

        All of them have shapes but no content, which takes no memory and hardly any time. The network itself
        is left alone: what it keeps from one image to the next would have no content either.
        """
        tensors = dict([*self.network.named_parameters(), *self.network.named_buffers()])
        empty = {
            name: torch.empty_like(tensor, device="meta", requires_grad=tensor.requires_grad)
            for name, tensor in tensors.items()
        }
        twin = copy.deepcopy(self.network, {id(tensors[name]): empty[name] for name in tensors})
        features: Tensor = twin.eval()(torch.empty(1, 3, side, side, device="meta"))
        return features, empty

    def check_size(self, side: int) -> None:
        """See that the network takes square images of `side` pixels, at next to no cost.

        Raises:
            UserError: it does not; the nearest sizes that it takes are named.
        """
        problem = self._problem(side)
        if problem is None:
            return
        below = side // self.stride * self.stride
        others = dict.fromkeys((below, below + self.stride, self.size))
        taken = [other for other in others if other and not self._problem(other)]
        raise UserError(
            f"Backbone '{self.name}' cannot take images of {side} pixels: {problem}; choose an image size of "
            f"{', '.join(map(str, taken[:-1]))}{' or ' if taken[:-1] else ''}{taken[-1]}."
        )

    def map_size(self, side: int) -> tuple[int, int]:
        """Height and width of the feature map of a square image of `side` pixels, at next to no cost."""
        with torch.no_grad():
            features, _ = self._without_data(side)
        return int(features.shape[2]), int(features.shape[3])

    def _problem(self, side: int) -> str | None:
        try:
            with torch.no_grad():
                self._without_data(side)
        except Exception as error:  # each network fails in its own way
            return reason(error)
        return None

    def hold(self, modules: list[nn.Module]) -> None:
        """Keep these modules too in evaluation mode, whatever mode the backbone is put into."""
        self._held = [*self._held, *modules]
        self.train(self.training)

    def train(self, mode: bool = True) -> "Backbone":
        """Put all but the modules that are held into training or evaluation mode."""
        super().train(mode)
        for module in self._held:
            module.eval()
        return self

    def take_unit_pixels(self) -> None:
        """Feed images as values from 0 to 1 from now on, and not normalised."""
        self.mean.zero_()
        self.std.fill_(1)

    def normalize(self, images: Tensor) -> Tensor:
        """From `(B, 3, H, W)` uint8 to the network's input range."""
        # One factor and one summand for a whole row of pixels, laid out like the images: per channel alone,
        # a CPU would work on three values at a time.
        row = (1, 3, 1, images.shape[-1])
        scale = (1 / (255 * self.std)).expand(row).contiguous(memory_format=torch.channels_last)
        shift = (-self.mean / self.std).expand(row).contiguous(memory_format=torch.channels_last)
        inputs = images.to(self.mean.dtype, copy=True)
        return torch.addcmul(shift, inputs, scale, out=inputs)

    def forward(self, images: Tensor) -> Tensor:
        """From normalised images `(B, 3, H, W)` to a feature map `(B, D, h, w)`."""
        features: Tensor = self.network(images)
        return features

    def read_earlier(self, reader: str) -> int:
        """Have `maps` give the map before the last one too: what the last stage takes.

        Args:
            reader: the method that reads it, for messages.

        Returns:
            Its channels.

        Raises:
            UserError: there is no map of twice the resolution of the last one, give or take a position.
        """
        if self._tap is not None:
            return self._tap.channels
        stage = last_stage(self.network, self.size)
        if stage is None or abs(stage.taken[2] - 2 * stage.side) > 1:
            raise UserError(
                f"Backbone '{self.name}' has no map of twice the resolution before its last one, which "
                f"{reader} reads too; choose a network whose map shrinks in stages, such as resnet101, or "
                "another method."
            )
        self._tap = Tap(stage.taken)
        self.network.get_submodule(stage.within[0]).register_forward_pre_hook(self._tap)
        return self._tap.channels

    def maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """In one pass the two maps that `read_earlier` has asked for: the one before the last, and the last.

        From normalised images `(B, 3, H, W)` to `(B, E, 2h, 2w)`, give or take a position, and
        `(B, D, h, w)`.
        """
        assert self._tap is not None, "read_earlier has not been called"
        self._tap.open()
        features: Tensor = self(images)
        return self._tap.draw(), features


def _leaves(result: Tensor) -> set[Tensor]:
    """The tensors that a gradient of `result` would reach."""
    leaves, seen, ahead = set(), set(), [result.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in seen:
            seen.add(node)
            ahead += [source for source, _ in node.next_functions]
            if hasattr(node, "variable"):
                leaves.add(node.variable)
    return leaves
