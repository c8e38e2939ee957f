"""C-Tran step by step as published. Our own text, after QData/C-Tran 560cf6f."""

import torch
from torch import Tensor, nn

from bench.methods.c_tran import UNKNOWN, draw_known
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.options import CTranOptions
from bench.methods.published.formulations.parts import SelfLayer

LAYERS = 3


class PublishedCTran(Head):
    """C-Tran, which computes every token of its last layer, and scores every label token for every class.

    What is known is drawn where images are loaded there; here, as in our head, where they are scored.
    """

    def __init__(self, feature_dim: int, labels: LabelSpace, options: CTranOptions) -> None:
        super().__init__()
        self.options = options
        classes, sizes = labels.num_classes, (options.heads, options.feedforward, options.dropout)
        self.label_lt = nn.Embedding(classes, feature_dim)
        self.known_label_lt = nn.Embedding(3, feature_dim, padding_idx=0)
        self.self_attn_layers = nn.ModuleList(
            nn.ModuleDict({"transformer_layer": SelfLayer(feature_dim, *sizes)}) for _ in range(LAYERS)
        )
        self._layers = [layer for layer in self.self_attn_layers.modules() if isinstance(layer, SelfLayer)]
        self.output_linear = nn.Linear(feature_dim, classes)
        self.LayerNorm = nn.LayerNorm(feature_dim)

    def forward(
        self, features: Tensor, targets: Tensor | None = None, given: Tensor | None = None
    ) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        height, width = features.shape[2:]
        images, count = len(features), height * width
        positions = features.flatten(2).mT
        if given is None and targets is not None and self.training and self.options.uses_known_labels:
            given = torch.where(draw_known(targets, self.options.known), targets, UNKNOWN)
        labels = self.label_lt.weight[None].repeat(images, 1, 1)
        if self.options.uses_known_labels:
            states = torch.full(labels.shape[:2], UNKNOWN, device=labels.device) if given is None else given
            labels = labels + self.known_label_lt(states.long() - UNKNOWN)
        tokens = self.LayerNorm(torch.cat([positions, labels], dim=1))
        looks = []
        for layer in self._layers:
            tokens, weights = layer(tokens.transpose(0, 1))
            tokens = tokens.transpose(0, 1)
            looks.append(weights)
        scores = self.output_linear(tokens[:, count:])
        logits = (scores * torch.eye(scores.shape[2], dtype=scores.dtype, device=scores.device)).sum(dim=2)
        last = looks[-1][:, count:].detach()
        views = {
            "attention": last[..., :count].unflatten(2, (height, width)),
            "label_attention": last[..., count:],
        }
        return HeadOutput(logits, {}, views, None if given is None else given != UNKNOWN)
