"""Query2Label step by step as published. Our own text, after SlongLiu/query2labels 55eb050."""

import torch
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers.transformer import sine_positions
from bench.methods.options import Query2LabelOptions
from bench.methods.published.formulations.parts import CrossLayer, SelfLayer


class Transformer(nn.Module):
    """An encoder layer, two decoder layers and a normalisation."""

    def __init__(self, dim: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        sizes = dim, heads, feedforward, dropout
        self._encode, self._decode = [SelfLayer(*sizes)], [CrossLayer(*sizes) for _ in range(2)]
        self._finish = [nn.LayerNorm(dim)]
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(self._encode)})
        self.decoder = nn.ModuleDict({"layers": nn.ModuleList(self._decode), "norm": self._finish[0]})

    def forward(self, tokens: Tensor, positions: Tensor, queries: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Answer queries `(C, B, dim)` from tokens `(N, B, dim)`; the weights of each layer `(B, C, N)`."""
        for encode in self._encode:
            tokens, _ = encode(tokens, positions)
        answers, looks = torch.zeros_like(queries), []
        for decode in self._decode:
            answers, weights = decode(answers, answers + queries, tokens + positions, tokens)
            looks.append(weights)
        return self._finish[0](answers), looks


class GroupWiseLinear(nn.Module):
    """One linear classifier per class, on `(B, C, dim)`."""

    def __init__(self, num_classes: int, dim: int) -> None:
        super().__init__()
        bound = dim**-0.5
        self.W = nn.Parameter(torch.empty(1, num_classes, dim).uniform_(-bound, bound))
        self.b = nn.Parameter(torch.empty(1, num_classes).uniform_(-bound, bound))

    def forward(self, answers: Tensor) -> Tensor:
        """Logits `(B, C)`."""
        return (self.W * answers).sum(dim=2) + self.b


class PublishedQuery2Label(Head):
    """Query2Label, which has each query again for every image.

    Its position encoding is a buffer for one size of map; here, as in our head, it is made for any.
    """

    def __init__(self, feature_dim: int, labels: LabelSpace, options: Query2LabelOptions) -> None:
        super().__init__()
        width = options.width if options.project else feature_dim
        self.input_proj = nn.Conv2d(feature_dim, width, 1) if options.project else nn.Identity()
        self.transformer = Transformer(width, options.heads, options.feedforward, options.dropout)
        self.query_embed = nn.Embedding(labels.num_classes, width)
        self.fc = GroupWiseLinear(labels.num_classes, width)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        images, height, width = len(features), *features.shape[2:]
        tokens = self.input_proj(features).flatten(2).permute(2, 0, 1)
        positions = sine_positions(height, width, like=tokens)[:, None].repeat(1, images, 1)
        queries = self.query_embed.weight[:, None].repeat(1, images, 1)
        answers, looks = self.transformer(tokens, positions, queries)
        views = {
            f"attention_{number}": weights.detach().unflatten(2, (height, width))
            for number, weights in enumerate(looks)
        }
        return HeadOutput(self.fc(answers.transpose(0, 1)), {}, views)
