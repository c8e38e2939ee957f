"""CSRA step by step as published. Our own text, after Kevinz-code/CSRA c8480d1."""

import torch
from torch import Tensor, nn

from bench.methods.csra import TEMPERATURES
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.options import MAX_TEMPERATURE, CSRAOptions


class ResidualAttention(nn.Module):
    """One head: scores, their mean, and their mean under attention."""

    def __init__(self, feature_dim: int, classes: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.head = nn.Conv2d(feature_dim, classes, 1, bias=False)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """From `(B, D, h, w)` to scores `(B, C, N)` and both means `(B, C)`."""
        norms = torch.norm(self.head.weight, dim=1, keepdim=True).transpose(0, 1)
        scores = (self.head(features) / norms).flatten(2)
        if self.temperature == MAX_TEMPERATURE:
            attended = scores.max(dim=2).values
        else:
            attended = torch.sum(scores * torch.softmax(scores * self.temperature, dim=2), dim=2)
        return scores, scores.mean(dim=2), attended


class PublishedCSRA(Head):
    """CSRA, one head after the other, under the names of mmpretrain."""

    def __init__(self, feature_dim: int, labels: LabelSpace, options: CSRAOptions) -> None:
        super().__init__()
        self.lam = options.lam
        temperatures = options.own_temperatures() or TEMPERATURES[options.heads]
        self.csra_heads = nn.ModuleList(
            ResidualAttention(feature_dim, labels.num_classes, temperature) for temperature in temperatures
        )

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        scores, bases, attended = zip(*(head(features) for head in self.csra_heads), strict=True)
        logits = torch.zeros_like(bases[0])
        for base, attention in zip(bases, attended, strict=True):
            logits = logits + base + self.lam * attention
        views = {
            "scores": scores[0].unflatten(2, features.shape[2:]),
            "base": torch.stack(bases, dim=1),
            "attended": torch.stack(attended, dim=1),
        }
        return HeadOutput(logits, {}, {name: view.detach() for name, view in views.items()})
