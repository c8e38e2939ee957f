"""SSGRL step by step as published. Our own text, after HCPLab-SYSU/SSGRL ea47ccb."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.graph import conditional_probability
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.options import SSGRLOptions
from bench.methods.published.formulations.parts import ClassWise, gated_update


class SemanticDecoupling(nn.Module):
    """Label-wise attention of SSGRL, with a copy of every position for every label."""

    def __init__(self, feature_dim: int, label_dim: int, hidden: int) -> None:
        super().__init__()
        self.fc_1 = nn.Linear(feature_dim, hidden, bias=False)
        self.fc_2 = nn.Linear(label_dim, hidden, bias=False)
        self.fc_3 = nn.Linear(hidden, hidden)
        self.fc_a = nn.Linear(hidden, 1)

    def forward(self, positions: Tensor, label_vectors: Tensor) -> tuple[Tensor, Tensor]:
        """From `(B, N, D)` and `(C, d)` to label features `(B, C, D)` and weights `(B, C, N)`."""
        images, places, dim = positions.shape
        classes = len(label_vectors)
        image = self.fc_1(positions)[:, :, None].repeat(1, 1, classes, 1)
        label = self.fc_2(label_vectors).repeat(images, places, 1, 1)
        scores = self.fc_a(self.fc_3(torch.tanh(image * label))).squeeze(3)
        weights = torch.softmax(scores, dim=1)
        copies = positions[:, :, None].repeat(1, 1, classes, 1)
        weighted = copies * weights[..., None].repeat(1, 1, 1, dim)
        return weighted.sum(dim=1), weights.mT


class SSGRLGraph(nn.Module):
    """The gated graph network of SSGRL. `fc_eq4_u` is stored and never used."""

    def __init__(self, dim: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.fc_eq3_w, self.fc_eq3_u = nn.Linear(2 * dim, dim), nn.Linear(dim, dim)
        self.fc_eq4_w, self.fc_eq4_u = nn.Linear(2 * dim, dim), nn.Linear(dim, dim)
        self.fc_eq5_w, self.fc_eq5_u = nn.Linear(2 * dim, dim), nn.Linear(dim, dim)

    def forward(self, nodes: Tensor, graph: Tensor) -> Tensor:
        """Run all steps on `(B, C, dim)` over `(C, C)`."""
        update = self.fc_eq3_w, self.fc_eq3_u
        reset = self.fc_eq4_w, self.fc_eq3_u
        candidate = self.fc_eq5_w, self.fc_eq5_u
        graphs, transposed = graph.repeat(len(nodes), 1, 1), graph.T.repeat(len(nodes), 1, 1)
        for _ in range(self.steps):
            messages = torch.cat([torch.bmm(graphs, nodes), torch.bmm(transposed, nodes)], dim=2)
            nodes = gated_update(messages, nodes, update, reset, candidate)
        return nodes


class PublishedSSGRL(Head):
    """SSGRL."""

    label_vectors: Tensor
    graph: Tensor

    def __init__(self, feature_dim: int, labels: LabelSpace, options: SSGRLOptions) -> None:
        super().__init__()
        self.pool = options.pool
        dtype = torch.get_default_dtype()
        graph = torch.as_tensor(conditional_probability(labels.counts, labels.cooccurrence), dtype=dtype)
        # Neither is in a published checkpoint.
        self.register_buffer("graph", graph, persistent=False)
        self.register_buffer("label_vectors", torch.tensor(labels.vectors, dtype=dtype), persistent=False)
        self.word_semantic = SemanticDecoupling(feature_dim, labels.vectors.shape[1], options.hidden)
        self.graph_net = SSGRLGraph(feature_dim, options.steps)
        self.fc_output = nn.Linear(2 * feature_dim, feature_dim)
        self.classifiers = ClassWise(labels.num_classes, feature_dim)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        # As in our head; the published pooling drops the border of a map of odd size.
        pooled = F.avg_pool2d(features, self.pool, ceil_mode=True, count_include_pad=False)
        nodes, weights = self.word_semantic(pooled.flatten(2).mT, self.label_vectors)
        states = self.graph_net(nodes, self.graph)
        output = torch.tanh(self.fc_output(torch.cat([states, nodes], dim=2)))
        return HeadOutput(self.classifiers(output), {}, {"attention": weights.detach()})
