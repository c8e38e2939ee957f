"""Labels that look at an image: a post-norm layer in which label tokens attend to other tokens.

It is the decoder layer of Query2Label and of ML-Decoder, which have no self-attention, and the last layer of
C-Tran, of which the label tokens alone are read.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.layers.scoring import exactly
from bench.methods.layers.transformer import PostNormLayer


class LabelDecoderLayer(PostNormLayer):
    """Cross-attention from labels to tokens and a feed-forward part, each followed by its normalisation."""

    def forward(
        self, labels: Tensor, tokens: Tensor, queries: Tensor | None = None, positions: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Let label tokens attend to tokens.

        Args:
            labels: `(B, C, dim)`, or `(1, C, dim)` where they are those of every image.
            tokens: `(B, N, dim)`.
            queries: `(C, dim)`, added to the labels in the attention alone.
            positions: `(N, dim)`, added to the keys, not to the values.

        Returns:
            The labels `(B, C, dim)` and the attention weights, the mean of the heads, `(B, C, N)`.
        """
        dim = self.merge.in_features
        weight, bias = self.project.weight, self.project.bias
        asked = F.linear(labels if queries is None else labels + queries, weight[:dim], bias[:dim])
        asked, keys, values = (
            part.reshape(*part.shape[:2], self.heads, -1).transpose(1, 2)
            for part in (asked, *self.offered(tokens, positions, queries=False))
        )
        # Not fused: labels are few, and what they look at is a view of the head. The softmax sums many small
        # numbers, so it is out of half precision.
        with exactly((asked * asked.shape[-1] ** -0.5) @ keys.mT) as (scores,):
            weights = torch.softmax(scores, dim=-1)
        attended = self.dropout(weights).to(values.dtype) @ values
        merged = self.merge(attended.transpose(1, 2).flatten(2))
        return self.finish(labels, merged), weights.mean(dim=1)


def start_matrices(layers: Sequence[PostNormLayer]) -> None:
    """Draw every matrix of the layers anew from Xavier's uniform distribution, as DETR does; no bias."""
    for layer in layers:
        for part in (layer.project, layer.merge, layer.expand, layer.contract):
            nn.init.xavier_uniform_(part.weight)
