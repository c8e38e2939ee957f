"""SSGRL: label-wise attention, then a gated graph network over co-occurrence probabilities.

Chen, Xu, Hui, Wu, Lin: Learning Semantic-Specific Graph Representation for Multi-Label Image Recognition,
ICCV 2019.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.graph import conditional_probability
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers.attention import LabelAttention
from bench.methods.layers.elementwise import ElementwiseClassifier
from bench.methods.layers.gated_graph import GatedGraphNetwork
from bench.methods.options import SSGRLOptions


class SSGRLHead(Head):
    """Semantic decoupling gives one feature per label; the labels then exchange them along `P(j | i)`."""

    label_vectors: Tensor
    probability: Tensor

    def __init__(self, feature_dim: int, labels: LabelSpace, options: SSGRLOptions) -> None:
        super().__init__()
        self.pool = options.pool
        dtype = torch.get_default_dtype()
        probability = conditional_probability(labels.counts, labels.cooccurrence)
        self.register_buffer("probability", torch.as_tensor(probability, dtype=dtype))
        self.register_buffer("label_vectors", torch.tensor(labels.vectors, dtype=dtype))
        self.attention = LabelAttention(feature_dim, labels.vectors.shape[1], options.hidden)
        self.graph_network = GatedGraphNetwork(feature_dim, options.steps, shared_state_gate=True)
        self.output = nn.Linear(2 * feature_dim, feature_dim)
        self.classifier = ElementwiseClassifier(labels.num_classes, feature_dim)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`.

        The views are the attention maps `(B, C, h, w)` on the pooled map and the graph `(C, C)`.
        """
        pooled = self._pool(features)
        positions = pooled.flatten(2).mT
        weights = self.attention(positions, self.label_vectors)
        nodes, states = self.graph_network(weights, positions, self.probability)
        output = torch.tanh(self.output(torch.cat([states, nodes], dim=-1)))
        maps = weights.detach().view(*weights.shape[:2], *pooled.shape[2:])
        return HeadOutput(self.classifier(output), {}, {"attention": maps, "graph": self.probability})

    def _pool(self, features: Tensor) -> Tensor:
        # On even maps this is the published 2×2 pooling; an odd map keeps its last row and column.
        return F.avg_pool2d(features, self.pool, ceil_mode=True, count_include_pad=False)
