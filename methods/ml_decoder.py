"""ML-Decoder: fixed queries, each for a group of classes, attend to the map in one decoder layer.

Ridnik, Sharir, Ben-Cohen, Ben-Baruch, Noy: ML-Decoder: Scalable and Versatile Classification Head, WACV 2023.
No label statistics and no label vectors are used. The maths is that of the published code.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers.label_decoder import LabelDecoderLayer
from bench.methods.layers.scoring import exactly
from bench.methods.options import MLDecoderOptions

MOST_GROUPS = 100
"""Queries, where the options do not say how many. With more classes than that, queries are shared."""


class GroupClassifier(nn.Module):
    """One linear classifier per class, on the vector of its group: the paper's group fully-connected layer.

    Of C classes in G groups, class c is the output c mod K of group c // K, with K = C / G, rounded up. So
    the last groups may be without a class: their parameters are there, as published, and have no use.
    """

    def __init__(self, num_classes: int, groups: int, dim: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.per_group = -(-num_classes // groups)
        self.used = -(-num_classes // self.per_group)
        self.weight = nn.Parameter(torch.empty(groups, dim, self.per_group))
        self.bias = nn.Parameter(torch.zeros(num_classes))
        # On all three axes, as published: the deviation is sqrt(2 / ((dim + groups) K)).
        nn.init.xavier_normal_(self.weight)

    def forward(self, vectors: Tensor) -> Tensor:
        """Map the vectors of the groups in use `(B, used, dim)` to logits `(B, C)`."""
        with exactly(vectors) as (wide,):
            scores = torch.einsum("bgd,gdk->bgk", wide, self.weight[: self.used])
            return scores.flatten(1)[:, : self.num_classes] + self.bias


class MLDecoderHead(Head):
    """Positions are projected; each query attends to them and passes a feed-forward part (post-norm).

    There is no self-attention. The published layer keeps the residual around the place where it was, so a
    query is added to itself. The queries are drawn once and never trained: parameters without gradient,
    stored and averaged with the others. Queries of groups without a class are stored and not computed.
    """

    def __init__(self, feature_dim: int, labels: LabelSpace, options: MLDecoderOptions) -> None:
        super().__init__()
        options.check_classes(labels.num_classes)
        groups = options.groups or min(MOST_GROUPS, labels.num_classes)
        self.embed = nn.Linear(feature_dim, options.width)
        self.queries = nn.Parameter(torch.randn(groups, options.width), requires_grad=False)
        self.query_norm = nn.LayerNorm(options.width)
        self.dropout = nn.Dropout(options.dropout)
        self.layer = LabelDecoderLayer(options.width, options.feedforward, options.dropout, options.heads)
        self.classifier = GroupClassifier(labels.num_classes, groups, options.width)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`.

        The view, with at most `MOST_GROUPS` classes, is the attention map of each class's query, the mean of
        the attention heads, `(B, C, h, w)`.
        """
        positions = F.relu(self.embed(features.flatten(2).mT))
        queries = self.queries[None, : self.classifier.used]
        if self.training and self.dropout.p:
            queries = queries.expand(len(positions), -1, -1)  # each image draws its own
        queries = self.query_norm(queries + self.dropout(queries))
        vectors, weights = self.layer(queries, positions)
        logits = self.classifier(vectors)
        if self.classifier.num_classes > MOST_GROUPS:
            return HeadOutput(logits, {}, {})
        weights = weights.detach()
        of_class = weights.repeat_interleave(self.classifier.per_group, dim=1)[:, : logits.shape[1]]
        return HeadOutput(logits, {}, {"attention": of_class.unflatten(2, features.shape[2:])})
