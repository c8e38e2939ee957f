"""ML-GCN step by step as published. Our own text, after chenzhaomin123/ML_GCN 5517d6f."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.graph import conditional_probability, reweighted_graph
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.options import MLGCNOptions


class PlainGraphConvolution(nn.Module):
    """The weight first, then the graph."""

    def __init__(self, in_dim: int, out_dim: int) -> None:
        super().__init__()
        bound = out_dim**-0.5
        self.weight = nn.Parameter(torch.empty(in_dim, out_dim).uniform_(-bound, bound))

    def forward(self, nodes: Tensor, graph: Tensor) -> Tensor:
        """From `(C, in_dim)` to `(C, out_dim)`."""
        return torch.matmul(graph, torch.matmul(nodes, self.weight))


class PublishedMLGCN(Head):
    """ML-GCN, which normalises its graph at every step. `A` is a parameter there, and detached."""

    A: Tensor
    label_vectors: Tensor

    def __init__(self, feature_dim: int, labels: LabelSpace, options: MLGCNOptions) -> None:
        super().__init__()
        probability = conditional_probability(labels.counts, labels.cooccurrence)
        graph = reweighted_graph(probability, options.tau, options.p)
        dtype = torch.get_default_dtype()
        self.register_buffer("A", torch.as_tensor(graph, dtype=torch.float32).to(dtype))
        # It comes with every batch there.
        self.register_buffer("label_vectors", torch.tensor(labels.vectors, dtype=dtype), persistent=False)
        self.gc1 = PlainGraphConvolution(labels.vectors.shape[1], options.hidden)
        self.gc2 = PlainGraphConvolution(options.hidden, feature_dim)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        # As in our head, the whole map, of which the published code pools 14 x 14 positions.
        pooled = F.max_pool2d(features, features.shape[2:]).flatten(1)
        degrees = torch.diag(self.A.sum(dim=1).pow(-0.5))
        graph = torch.matmul(torch.matmul(self.A, degrees).T, degrees)
        nodes = F.leaky_relu(self.gc1(self.label_vectors, graph), 0.2)
        logits = torch.matmul(pooled, self.gc2(nodes, graph).T)
        return HeadOutput(logits, {}, {"graph": graph})
