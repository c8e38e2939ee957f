"""ML-Decoder step by step as published. Our own text, after Alibaba-MIIL/ML_Decoder 8a9e984."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.ml_decoder import MOST_GROUPS
from bench.methods.options import MLDecoderOptions
from bench.methods.published.formulations.parts import CrossLayer


class DecoderLayer(CrossLayer):
    """The layer with what is left of its self-attention: a query is added to itself."""

    def __init__(self, dim: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__(dim, heads, feedforward, dropout)
        self.norm1 = nn.LayerNorm(dim)

    def read(self, queries: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """From queries `(G, B, dim)` and tokens `(N, B, dim)` to vectors and weights `(B, G, N)`."""
        queries = self.norm1(queries + self.dropout(queries))
        return self(queries, queries, tokens, tokens)  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """The whole head: fixed queries, one layer, and classifiers of groups, one group after the other."""

    def __init__(self, feature_dim: int, classes: int, options: MLDecoderOptions) -> None:
        super().__init__()
        self.classes, width = classes, options.width
        groups = options.groups or min(MOST_GROUPS, classes)
        self.embed_standart = nn.Linear(feature_dim, width)
        self.query_embed = nn.Embedding(groups, width)
        self.query_embed.requires_grad_(False)
        self._layers = [DecoderLayer(width, options.heads, options.feedforward, options.dropout)]
        self.layers = nn.ModuleList(self._layers)
        per_group = int(classes / groups + 0.999)
        self.duplicate_pooling = nn.Parameter(torch.empty(groups, width, per_group))
        self.duplicate_pooling_bias = nn.Parameter(torch.zeros(classes))
        nn.init.xavier_normal_(self.duplicate_pooling)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logits `(B, C)`, and the weights of every group, also of one without a class, `(B, G, N)`."""
        tokens = F.relu(self.embed_standart(features.flatten(2).mT)).transpose(0, 1)
        vectors = self.query_embed.weight[:, None].expand(-1, len(features), -1)
        for layer in self._layers:
            vectors, weights = layer.read(vectors, tokens)
        vectors = vectors.transpose(0, 1)
        scores = vectors.new_zeros(*vectors.shape[:2], self.duplicate_pooling.shape[2])
        for group, classifiers in enumerate(self.duplicate_pooling):
            scores[:, group] = torch.matmul(vectors[:, group], classifiers)
        return scores.flatten(1)[:, : self.classes] + self.duplicate_pooling_bias, weights


class PublishedMLDecoder(Head):
    """ML-Decoder."""

    def __init__(self, feature_dim: int, labels: LabelSpace, options: MLDecoderOptions) -> None:
        super().__init__()
        self.decoder = Decoder(feature_dim, labels.num_classes, options)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`. The view is that of our head."""
        logits, weights = self.decoder(features)
        classes, per_group = self.decoder.classes, self.decoder.duplicate_pooling.shape[2]
        if classes > MOST_GROUPS:
            return HeadOutput(logits, {}, {})
        of_class = weights.detach().repeat_interleave(per_group, dim=1)[:, :classes]
        return HeadOutput(logits, {}, {"attention": of_class.unflatten(2, features.shape[2:])})
