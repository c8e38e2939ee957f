"""CSRA: class-wise attention over the scores of a normalised classifier.

Zhu, Wu: Residual Attention: A Simple but Effective Method for Multi-Label Recognition, ICCV 2021. No label
statistics and no label vectors are used. Where the paper and its code differ, the maths is that of the code:
the class vectors are divided by their norm, and the logits of several heads are summed.
"""

import torch
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers.scoring import exactly
from bench.methods.options import MAX_TEMPERATURE, CSRAOptions

TEMPERATURES: dict[int, tuple[float, ...]] = {
    1: (1,),
    2: (1, MAX_TEMPERATURE),
    4: (1, 2, 4, MAX_TEMPERATURE),
    6: (1, 2, 3, 4, 5, MAX_TEMPERATURE),
    8: (1, 2, 3, 4, 5, 6, 7, MAX_TEMPERATURE),
}
"""The published temperatures, by the number of heads."""


class CSRAHead(Head):
    """Several heads, each with a classifier and a temperature of its own; their logits are summed.

    For the score `s` of a class at each position, the class vector having length 1, a head gives

        mean(s) + lam * sum(softmax(T s) s)

    over the positions (Eq. 3 to 5). The maximum stands in place of the sum where T is `MAX_TEMPERATURE`.
    """

    def __init__(self, feature_dim: int, labels: LabelSpace, options: CSRAOptions) -> None:
        super().__init__()
        self.lam = options.lam
        self.temperatures = options.own_temperatures() or TEMPERATURES[options.heads]
        # They start as Linear layers do, within ±1/sqrt(D), as the published 1×1 convolutions.
        self.heads = nn.ModuleList(
            nn.Linear(feature_dim, labels.num_classes, bias=False) for _ in self.temperatures
        )

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`.

        The views are the scores of the first head at each position, `(B, C, h, w)`, and the mean score and
        the attended score of every head, `(B, H, C)` both, before the weight `lam`.
        """
        with exactly(features) as (wide,):
            # One matrix product for all heads, an image at a time: it takes a map of any layout as it is.
            vectors = torch.cat(list(self.heads.parameters()))
            scores = vectors.expand(wide.shape[0], -1, -1) @ wide.flatten(2)
            scores = (scores / vectors.norm(dim=1)[:, None]).unflatten(1, (len(self.heads), -1))
            base = scores.mean(dim=3)
            parts = zip(scores.unbind(dim=1), self.temperatures, strict=True)
            attended = torch.stack([_attended(part, temperature) for part, temperature in parts], dim=1)
            logits = (base + self.lam * attended).sum(dim=1)
        views = {
            "scores": scores[:, 0].detach().unflatten(2, features.shape[2:]),
            "base": base.detach(),
            "attended": attended.detach(),
        }
        return HeadOutput(logits, {}, views)


def _attended(scores: Tensor, temperature: float) -> Tensor:
    """From scores `(B, C, N)` to their mean under attention, `(B, C)`."""
    if temperature == MAX_TEMPERATURE:
        return scores.amax(dim=2)
    return (torch.softmax(temperature * scores, dim=2) * scores).sum(dim=2)
