"""Attention of queries to a sequence of positions, with several heads."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.layers.scoring import exactly


class CrossAttention(nn.Module):
    """Multi-head attention whose queries are not the positions that they attend to.

    Its parameters lie and start as those of PyTorch's own attention: queries, keys and values in one matrix
    (Xavier uniform as a whole), biases 0.

    Args:
        dim: width of queries and positions, a multiple of `heads`.
        heads: how many.
        dropout: of the attention weights, in training.
    """

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(dim, 3 * dim)  # queries, keys, values
        self.merge = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        nn.init.zeros_(self.merge.bias)

    def forward(
        self, queries: Tensor, keys: Tensor, values: Tensor, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Args:
            queries: `(B, Q, dim)`, or `(1, Q, dim)` where all images have the same.
            keys: `(B, N, dim)`.
            values: `(B, N, dim)`; where they are the keys, both are projected at once.
            need_weights: give the attention weights too.

        Returns:
            What was attended to, `(B, Q, dim)`, and the weights `(B, Q, N)`, the mean of the heads before
            dropout, detached; None where they are not asked for.
        """
        projected_keys, projected_values = self._project(keys, values)
        q = self._split(F.linear(queries, *self._layer(0, 1)))
        k, v = self._split(projected_keys), self._split(projected_values)
        scores = (q * (q.shape[-1] ** -0.5)) @ k.mT
        # Sums of many small numbers; half precision is left again for the product behind.
        with exactly(scores) as (wide,):
            weights = torch.softmax(wide, dim=-1)
        attended = self.dropout(weights).to(v.dtype) @ v
        merged: Tensor = self.merge(attended.transpose(1, 2).flatten(2))
        return merged, weights.detach().mean(dim=1) if need_weights else None

    def _project(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        if keys is values:
            both = F.linear(keys, *self._layer(1, 3)).chunk(2, dim=-1)
            return both[0], both[1]
        return F.linear(keys, *self._layer(1, 2)), F.linear(values, *self._layer(2, 3))

    def _layer(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Weight and bias of some of the three projections."""
        dim = self.merge.in_features
        rows = slice(first * dim, last * dim)
        return self.project.weight[rows], self.project.bias[rows]

    def _split(self, tokens: Tensor) -> Tensor:
        """From `(B, N, dim)` to `(B, heads, N, dim / heads)`."""
        return tokens.view(*tokens.shape[:2], self.heads, -1).transpose(1, 2)
