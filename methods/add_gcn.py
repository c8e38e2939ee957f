"""ADD-GCN: category representations by attention, then a static and an image-specific graph.

Ye, He, Peng, Wu, Qiao: Attention-Driven Dynamic Graph Convolutional Network for Multi-Label Image
Recognition, ECCV 2020. No label statistics and no label vectors are used.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.catalog import ADDGCNOptions
from bench.methods.elementwise import ElementwiseClassifier
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace


class DynamicGraphConvolution(nn.Module):
    """A graph convolution over a learned graph, then one over a graph computed from the nodes.

    H = V + LReLU(A_s V W_s), with a residual that the paper does not write, then
    Z = LReLU(LReLU(A_d H) W_d) with A_d = sigmoid(W_A [h_g, H]) (Eq. 3 and 4).
    """

    def __init__(self, num_classes: int, dim: int) -> None:
        super().__init__()
        self.static_graph = nn.Linear(num_classes, num_classes, bias=False)
        self.static_update = nn.Linear(dim, dim)
        self.summary = nn.Linear(dim, dim)
        self.summary_norm = nn.BatchNorm1d(dim)
        self.dynamic_graph = nn.Linear(2 * dim, num_classes)
        self.dynamic_update = nn.Linear(dim, dim)

    def forward(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """Map nodes `(B, C, dim)` to new ones of that shape; also the graph `(B, C, C)` of each image.

        Row n of the graph holds the weights with which node n gathers all nodes: the transpose of A_d as
        the published code lays it out.
        """
        gathered = F.leaky_relu(self.static_graph(nodes.mT).mT, 0.2)
        nodes = nodes + F.leaky_relu(self.static_update(gathered), 0.2)
        summary = F.leaky_relu(self.summary_norm(self.summary(nodes.mean(dim=1))), 0.2)
        pairs = torch.cat([summary[:, None].expand_as(nodes), nodes], dim=-1)
        graph = torch.sigmoid(self.dynamic_graph(pairs))
        gathered = F.leaky_relu(graph @ nodes, 0.2)
        return F.leaky_relu(self.dynamic_update(gathered), 0.2), graph


class ADDGCNHead(Head):
    """Two scores per class, averaged: `s_m` from the class activation maps, `s_r` from the graph.

    Training needs at least two images per batch, because the graph normalises over the batch.
    """

    def __init__(self, feature_dim: int, labels: LabelSpace, options: ADDGCNOptions) -> None:
        super().__init__()
        self.activation = nn.Linear(feature_dim, labels.num_classes, bias=False)
        self.transform = nn.Linear(feature_dim, options.hidden)
        self.graph_network = DynamicGraphConvolution(labels.num_classes, options.hidden)
        self.classifier = ElementwiseClassifier(labels.num_classes, options.hidden)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`.

        The views are the two scores `s_m` and `s_r` `(B, C)`, the attention maps `(B, C, h, w)` and the
        graph of each image `(B, C, C)`.
        """
        positions = features.flatten(2).mT
        maps = self.activation(positions).mT
        attention = torch.sigmoid(maps)
        # Summed over the positions and not averaged, as published: the scale follows the size of the map.
        nodes = attention @ self.transform(positions)
        updates, graph = self.graph_network(nodes)
        s_m = maps.amax(dim=2)
        s_r = self.classifier(nodes + updates)
        views = {
            "s_m": s_m.detach(),
            "s_r": s_r.detach(),
            "attention": attention.detach().view(*maps.shape[:2], *features.shape[2:]),
            "graph": graph.detach(),
        }
        return HeadOutput((s_m + s_r) / 2, {}, views)
