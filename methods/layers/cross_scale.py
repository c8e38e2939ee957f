"""Three scales of an image through one transformer: the structural relations of TDRG.

Zhao, Yan, Zhao, Guo, Huang, Li: Transformer-based Dual Relation Graph for Multi-label Image Recognition,
ICCV 2021.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import UserError
from bench.methods.layers import across
from bench.methods.layers.transformer import TransformerLayer

HEADS, LAYERS = 4, 3
# Of the third scale, which is a convolution of the last map without padding.
KERNEL, STRIDE = 3, 2
# Rows and columns that have a position encoding of their own.
PLACES = 50


def exchange(maps: list[Tensor]) -> list[Tensor]:
    """Add to each of several maps the product of them all: the cross-scale attention of the published code.

    Each is resized to the largest, bilinearly with the corners aligned, the product is added, and the sum is
    resized back.

    Args:
        maps: `(B, dim, h_i, w_i)`.

    Returns:
        Maps of the same shapes.
    """
    sizes = [(one.shape[2], one.shape[3]) for one in maps]
    largest = max(height for height, _ in sizes), max(width for _, width in sizes)
    wide = [_resized(one, largest) for one in maps]
    product = wide[0]
    for one in wide[1:]:
        product = product * one
    return [_resized(one + product, size) for one, size in zip(wide, sizes, strict=True)]


def _resized(one: Tensor, size: tuple[int, int]) -> Tensor:
    if (one.shape[2], one.shape[3]) == size:
        return one
    return F.interpolate(one, size=size, mode="bilinear", align_corners=True)


class PlaceEncoding(nn.Module):
    """A learned vector for each row and each column: columns in the first half of the channels, as published.

    A map with more rows or columns than there are vectors has them interpolated.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.rand(PLACES, dim // 2))
        self.columns = nn.Parameter(torch.rand(PLACES, dim // 2))

    def forward(self, height: int, width: int) -> Tensor:
        """Encode the positions of a map, `(height * width, dim)`."""
        rows, columns = _first(self.rows, height), _first(self.columns, width)
        whole = [columns[None].expand(height, -1, -1), rows[:, None].expand(-1, width, -1)]
        return torch.cat(whole, dim=-1).flatten(0, 1)


def _first(vectors: Tensor, count: int) -> Tensor:
    if count <= len(vectors):
        return vectors[:count]
    return F.interpolate(vectors.T[None], size=count, mode="linear", align_corners=True)[0].T


class ScaleTransformer(nn.Module):
    """The same layers for each of three scales: the earlier map, the last one, and a coarser one of it.

    Args:
        earlier_dim: channels of the map before the last one.
        feature_dim: channels of the last map.
        hidden: width of the transformer.
        feedforward: width of its feed-forward part.
        attention: over the `positions` of an image, with a position encoding added to queries and keys; or
            over the images of the `batch` at each position, without, which the published code does.

    Raises:
        UserError: the attention heads do not divide the width.
    """

    def __init__(
        self,
        earlier_dim: int,
        feature_dim: int,
        hidden: int,
        feedforward: int,
        attention: Literal["positions", "batch"],
    ) -> None:
        super().__init__()
        if hidden % HEADS:
            raise UserError(
                f"TDRG's transformer has {HEADS} attention heads, which do not divide its width of {hidden}: "
                f"give hidden (or the schedule's head_width, of which it is half) as a multiple of {HEADS}."
            )
        self.earlier = nn.Conv2d(earlier_dim, hidden, 1)
        self.last = nn.Conv2d(feature_dim, hidden, 1)
        self.coarse = nn.Conv2d(feature_dim, hidden, KERNEL, STRIDE)
        layers = [TransformerLayer(hidden, feedforward, 0.0, HEADS, F.gelu) for _ in range(LAYERS)]
        self.layers = nn.ModuleList(layers)
        self.places = PlaceEncoding(hidden) if attention == "positions" else None
        self._start(layers)

    def _start(self, layers: list[TransformerLayer]) -> None:
        """As published: every matrix is drawn anew, but the layers are copies, with the same biases."""
        for layer in layers:
            for linear in (layer.merge, layer.expand, layer.contract):
                nn.init.xavier_uniform_(linear.weight)
            layer.expand.bias.data.copy_(layers[0].expand.bias)
            layer.contract.bias.data.copy_(layers[0].contract.bias)

    def forward(self, earlier: Tensor, features: Tensor) -> list[Tensor]:
        """Encode the three scales.

        Args:
            earlier: `(B, E, 2h, 2w)`, give or take a position.
            features: `(B, D, h, w)`.

        Returns:
            Tokens `(B, N_i, hidden)` of the earlier map, the last one and the coarse one.
        """
        height, width = features.shape[2:]
        # A map with fewer rows or columns than the kernel has is filled up with zeros.
        filled = F.pad(features, (0, max(0, KERNEL - width), 0, max(0, KERNEL - height)))
        maps = exchange([self.earlier(earlier), self.last(features), self.coarse(filled)])
        return [self._encode(one) for one in maps]

    def _encode(self, one: Tensor) -> Tensor:
        tokens = one.flatten(2).mT
        if self.places is None:
            # What a layer attends over is its second axis.
            tokens = across.of_all_images(tokens)
            return across.of_own_images(self._layered(tokens.transpose(0, 1), None).transpose(0, 1))
        return self._layered(tokens, self.places(one.shape[2], one.shape[3]))

    def _layered(self, tokens: Tensor, places: Tensor | None) -> Tensor:
        for layer in self.layers:
            tokens = layer(tokens, places)
        return tokens
