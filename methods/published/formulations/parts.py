"""What several published formulations have in common."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Gate = tuple[nn.Linear, nn.Linear]


def gated_update(messages: Tensor, states: Tensor, update: Gate, reset: Gate, candidate: Gate) -> Tensor:
    """One step of a GRU; a gate is its layer over the messages and its layer over the states."""
    z = torch.sigmoid(update[0](messages) + update[1](states))
    r = torch.sigmoid(reset[0](messages) + reset[1](states))
    h = torch.tanh(candidate[0](messages) + candidate[1](r * states))
    return (1 - z) * states + z * h


class ClassWise(nn.Module):
    """One linear classifier per class, on `(B, C, dim)`."""

    def __init__(self, num_classes: int, dim: int) -> None:
        super().__init__()
        bound = dim**-0.5
        self.weight = nn.Parameter(torch.empty(num_classes, dim).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_classes).uniform_(-bound, bound))

    def forward(self, nodes: Tensor) -> Tensor:
        """Logits `(B, C)`."""
        return (nodes * self.weight).sum(dim=2) + self.bias


class SelfLayer(nn.Module):
    """Self-attention and a feed-forward part, post-norm, on a sequence `(N, B, dim)`.

    The attention computes its weights in full and hands out their mean over the heads, read or not.
    """

    def __init__(self, dim: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(dim, heads, dropout)
        self.linear1, self.linear2 = nn.Linear(dim, feedforward), nn.Linear(feedforward, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, positions: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Encode; `positions` `(N, B, dim)` goes to queries and keys. The weights are `(B, N, N)`."""
        asked = tokens if positions is None else tokens + positions
        attended, weights = self.self_attn(asked, asked, tokens)
        tokens = self.norm1(tokens + self.dropout(attended))
        hidden = self.dropout(F.relu(self.linear1(tokens)))
        return self.norm2(tokens + self.dropout(self.linear2(hidden))), weights


class CrossLayer(nn.Module):
    """A decoder layer without self-attention, post-norm, on sequences `(C, B, dim)` and `(N, B, dim)`."""

    def __init__(self, dim: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.multihead_attn = nn.MultiheadAttention(dim, heads, dropout)
        self.linear1, self.linear2 = nn.Linear(dim, feedforward), nn.Linear(feedforward, dim)
        self.norm2, self.norm3 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, labels: Tensor, asked: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Let labels attend, by what they ask with. The weights are `(B, C, N)`, the mean of the heads."""
        attended, weights = self.multihead_attn(asked, keys, values)
        labels = self.norm2(labels + self.dropout(attended))
        hidden = self.dropout(F.relu(self.linear1(labels)))
        return self.norm3(labels + self.dropout(self.linear2(hidden))), weights
