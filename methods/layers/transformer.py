"""The post-norm transformer layer that several heads share, and sine position encodings."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.errors import UserError

HEADS = 8


def sine_positions(height: int, width: int, like: Tensor) -> Tensor:
    """Sine position encoding of a map, the normalised form that DETR uses.

    The first half of the channels encodes the row, the second half the column; rows and columns run over
    (0, 2π] whatever the size of the map, and sine and cosine alternate over wavelengths up to 10000.

    Args:
        height: rows of the map.
        width: columns of the map.
        like: `(..., dim)`, gives the number of channels, a multiple of 4, the dtype and the device.

    Returns:
        `(height * width, dim)`.
    """
    dim = like.shape[-1]
    # Always in single precision, as published: half precision cannot tell neighbouring positions apart.
    channel = torch.arange(dim // 4, dtype=torch.float32, device=like.device)
    wavelength = 10000.0 ** (4 * channel / dim)

    def encode(size: int) -> Tensor:
        place = torch.arange(1, size + 1, dtype=torch.float32, device=like.device)
        angle = (place / (size + 1e-6) * (2 * math.pi))[:, None] / wavelength
        return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)

    rows = encode(height)[:, None].expand(-1, width, -1)
    columns = encode(width)[None].expand(height, -1, -1)
    return torch.cat([rows, columns], dim=-1).flatten(0, 1).to(like.dtype)


def check_heads(method: str, dim: int, heads: int, choose: str, encoded: bool = False) -> None:
    """UserError where attention heads cannot share `dim` channels, or a position encoding cannot fill them.

    Args:
        method: as its papers call it.
        dim: channels of the tokens.
        heads: attention heads, which take equal parts of them.
        choose: what is to be chosen so that there are others.
        encoded: `sine_positions` are added, which come in fours.
    """
    step = math.lcm(heads, 4) if encoded else heads
    if dim % step:
        raise UserError(
            f"The {heads} attention heads of {method} cannot share {dim} channels: choose {choose} with a "
            f"multiple of {step} channels."
        )


class PostNormLayer(nn.Module):
    """The parameters of an attention and a feed-forward part, each followed by its normalisation.

    They start as those of torch's own layer, which the published codes use.
    """

    def __init__(
        self,
        dim: int,
        feedforward: int,
        dropout: float,
        heads: int = HEADS,
        activation: Callable[[Tensor], Tensor] = F.relu,
    ) -> None:
        super().__init__()
        self.heads, self.activation = heads, activation
        self.project = nn.Linear(dim, 3 * dim)  # queries, keys, values
        self.merge = nn.Linear(dim, dim)
        self.expand = nn.Linear(dim, feedforward)
        self.contract = nn.Linear(feedforward, dim)
        self.attention_norm = nn.LayerNorm(dim)
        self.feedforward_norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        nn.init.zeros_(self.merge.bias)

    def offered(self, tokens: Tensor, positions: Tensor | None, queries: bool) -> list[Tensor]:
        """What tokens `(B, N, dim)` give to an attention: queries if asked for, keys and values.

        Positions `(N, dim)` are added for queries and keys, not for values.
        """
        dim = self.merge.in_features
        weight, bias, first = self.project.weight, self.project.bias, 0 if queries else dim
        if positions is None:
            return list(F.linear(tokens, weight[first:], bias[first:]).chunk(2 + queries, dim=2))
        placed = F.linear(tokens + positions, weight[first : 2 * dim], bias[first : 2 * dim])
        return [*placed.chunk(1 + queries, dim=2), F.linear(tokens, weight[2 * dim :], bias[2 * dim :])]

    def finish(self, tokens: Tensor, attended: Tensor) -> Tensor:
        """Add what was attended to the tokens, `(B, N, dim)` both, and run the feed-forward part."""
        tokens = self.attention_norm(tokens + self.dropout(attended))
        hidden = self.dropout(self.activation(self.expand(tokens)))
        normed: Tensor = self.feedforward_norm(tokens + self.dropout(self.contract(hidden)))
        return normed


class TransformerLayer(PostNormLayer):
    """Self-attention and a feed-forward part, each followed by its normalisation (post-norm)."""

    def forward(self, tokens: Tensor, positions: Tensor | None = None) -> Tensor:
        """Map tokens `(B, N, dim)`; `positions` `(N, dim)` is added to queries and keys, not to values."""
        return self.finish(tokens, self._attend(tokens, positions))

    def _attend(self, tokens: Tensor, positions: Tensor | None) -> Tensor:
        queries, keys, values = (
            part.reshape(*part.shape[:2], self.heads, -1).transpose(1, 2)
            for part in self.offered(tokens, positions, queries=True)
        )
        dropout = self.dropout.p if self.training else 0.0
        attended = F.scaled_dot_product_attention(queries, keys, values, dropout_p=dropout)
        merged: Tensor = self.merge(attended.transpose(1, 2).flatten(2))
        return merged
