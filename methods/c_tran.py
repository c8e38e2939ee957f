"""C-Tran: labels and positions in one transformer, which can be told labels that are known.

Lanchantin, Wang, Ordonez, Qi: General Multi-label Image Classification with Transformers, CVPR 2021. No label
statistics and no label vectors are used. Where the paper leaves something open, it is as in the published
code (QData/C-Tran 560cf6f).
"""

import torch
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers import across
from bench.methods.layers.elementwise import ElementwiseClassifier
from bench.methods.layers.label_decoder import LabelDecoderLayer
from bench.methods.layers.transformer import PostNormLayer, TransformerLayer, check_heads, sine_positions
from bench.methods.options import CTranOptions

UNKNOWN = -1
"""What `given` says of a label that is not known; 0 is absent and 1 present."""


def draw_known(targets: Tensor, largest: float) -> Tensor:
    """Which labels of each image are known in a training step, `(B, C)` bool.

    Their number is drawn evenly from 0 up to the share `largest` of the labels, and then which they are. Both
    come from the global generator.
    """
    classes = targets.shape[1]
    highest = int(largest * classes + 1e-9)  # 0.29 * 100 is below 29
    count = torch.randint(highest + 1, (targets.shape[0], 1), device=targets.device)
    place = torch.rand(targets.shape, device=targets.device).argsort(dim=1).argsort(dim=1)
    return place < count


class CTranHead(Head):
    """Self-attention over the positions of the map and one token per label, each with a classifier.

    A label token is the label's embedding and that of its state: unknown, absent or present. In training some
    labels of each image are given as known and give no loss ("label mask training"); in the test all are
    unknown unless some are given.
    """

    def __init__(self, feature_dim: int, labels: LabelSpace, options: CTranOptions) -> None:
        super().__init__()
        check_heads("C-Tran", feature_dim, options.heads, "a backbone", encoded=options.positions)
        self.options = options
        sizes = feature_dim, options.feedforward, options.dropout, options.heads
        self.labels = nn.Parameter(torch.empty(labels.num_classes, feature_dim))
        # The state of an unknown label has no gradient: torch calls it the padding row. It stays as it is
        # drawn under the published Adam, which has no weight decay; with some, as AdamW's, it shrinks.
        self.states = nn.Embedding(3, feature_dim, padding_idx=0) if options.uses_known_labels else None
        self.norm = nn.LayerNorm(feature_dim)
        self.layers = nn.ModuleList(TransformerLayer(*sizes) for _ in range(options.layers - 1))
        self.readout = LabelDecoderLayer(*sizes)
        self.classifier = ElementwiseClassifier(labels.num_classes, feature_dim)
        self._start(feature_dim**-0.5)

    def _start(self, bound: float) -> None:
        embeddings = [self.labels, *([self.states.weight] if self.states else [])]
        biases = [layer.merge.bias for layer in self.modules() if isinstance(layer, PostNormLayer)]
        for parameter in (*embeddings, *biases):
            nn.init.uniform_(parameter, -bound, bound)

    def forward(
        self, features: Tensor, targets: Tensor | None = None, given: Tensor | None = None
    ) -> HeadOutput:
        """Score every class; see `Head.forward`.

        The views are what the labels look at in the last layer, the mean of its heads: `attention`
        `(B, C, h, w)` on the map, and `label_attention` `(B, C, C)` on the labels; together they sum to 1.
        """
        height, width = features.shape[2:]
        positions = features.flatten(2).mT
        if self.options.positions:
            positions = positions + sine_positions(height, width, like=positions)
        if given is None and targets is not None and self.training and self.states:
            given = torch.where(self._drawn(targets), targets, UNKNOWN)
        count = positions.shape[1]
        tokens = self.norm(torch.cat([positions, self._label_tokens(features.shape[0], given)], dim=1))
        for layer in self.layers:
            tokens = layer(tokens)
        # Of the last layer the label tokens alone are read, so it computes no others.
        read, weights = self.readout(tokens[:, count:], tokens)
        views = {
            "attention": weights[..., :count].detach().unflatten(2, (height, width)),
            "label_attention": weights[..., count:].detach(),
        }
        return HeadOutput(self.classifier(read), {}, views, None if given is None else given != UNKNOWN)

    def _drawn(self, targets: Tensor) -> Tensor:
        """Which labels are known in a training step, as they are drawn for the whole batch."""

        def draw(images: int) -> Tensor:
            return draw_known(targets.new_empty(images, targets.shape[1]), self.options.known)

        return across.drawn(draw, len(targets))

    def _label_tokens(self, images: int, given: Tensor | None) -> Tensor:
        """The embeddings of labels and their states, `(B, C, dim)`."""
        if self.states is None:
            return self.labels.expand(images, -1, -1)
        if given is None:
            return (self.labels + self.states.weight[0].detach()).expand(images, -1, -1)
        tokens: Tensor = self.labels + self.states(given.long() - UNKNOWN)
        return tokens
