"""Query2Label: learned label queries that a transformer decoder answers from the feature map.

Liu, Zhang, Yang, Su, Zhu: Query2Label: A Simple Transformer Way to Multi-Label Classification,
arXiv:2107.10834. No label statistics and no label vectors are used. Where the paper leaves something open,
it is as in the published code (SlongLiu/query2labels 55eb050).
"""

import torch
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers.elementwise import ElementwiseClassifier
from bench.methods.layers.label_decoder import LabelDecoderLayer, start_matrices
from bench.methods.layers.transformer import TransformerLayer, check_heads, sine_positions
from bench.methods.options import Query2LabelOptions


class Query2LabelHead(Head):
    """One query per label attends to the encoded positions; each answer has a classifier of its own.

    A sine position encoding is added to queries and keys of the encoder and to the keys of the decoder. The
    decoder starts from zero, has no self-attention, and sees its queries in each layer anew.
    """

    def __init__(self, feature_dim: int, labels: LabelSpace, options: Query2LabelOptions) -> None:
        super().__init__()
        width = options.width if options.project else feature_dim
        choose = "a width" if options.project else "a backbone or, with project=true, a width"
        check_heads("Query2Label", width, options.heads, choose, encoded=True)
        sizes = width, options.feedforward, options.dropout, options.heads
        self.project = nn.Linear(feature_dim, width) if options.project else nn.Identity()
        self.queries = nn.Parameter(torch.randn(labels.num_classes, width))
        self.encoder = nn.ModuleList(TransformerLayer(*sizes) for _ in range(options.encoder_layers))
        decoder = [LabelDecoderLayer(*sizes) for _ in range(options.decoder_layers)]
        start_matrices([layer for layer in self.encoder if isinstance(layer, TransformerLayer)])
        start_matrices(decoder)
        # The published decoder layers are copies of one, of which the matrices alone are drawn anew.
        for layer in decoder[1:]:
            layer.expand.bias.data.copy_(decoder[0].expand.bias.data)
            layer.contract.bias.data.copy_(decoder[0].contract.bias.data)
        self.decoder = nn.ModuleList(decoder)
        self.norm = nn.LayerNorm(width)
        self.classifier = ElementwiseClassifier(labels.num_classes, width)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`.

        The views are what each decoder layer looks at, the mean of its heads, `attention_0` of the first,
        `(B, C, h, w)`.
        """
        height, width = features.shape[2:]
        # As they lie in a map with the channels last; else every layer would read across them.
        tokens = self.project(features.flatten(2).mT.contiguous())
        positions = sine_positions(height, width, like=tokens)
        for layer in self.encoder:
            tokens = layer(tokens, positions)
        answers = torch.zeros_like(self.queries)[None]
        views = {}
        for number, layer in enumerate(self.decoder):
            answers, weights = layer(answers, tokens, self.queries, positions)
            views[f"attention_{number}"] = weights.detach().unflatten(2, (height, width))
        return HeadOutput(self.classifier(self.norm(answers)), {}, views)
