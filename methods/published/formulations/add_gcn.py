"""ADD-GCN step by step as published. Our own text, after Yejin0111/ADD-GCN b7653fe."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.options import ADDGCNOptions


class DynamicGraphNetwork(nn.Module):
    """The static graph and the one of each image, on nodes `(B, dim, C)`."""

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.static_adj = nn.Sequential(nn.Conv1d(classes, classes, 1, bias=False), nn.LeakyReLU(0.2))
        self.static_weight = nn.Sequential(nn.Conv1d(dim, dim, 1), nn.LeakyReLU(0.2))
        self.conv_global = nn.Conv1d(dim, dim, 1)
        self.bn_global = nn.BatchNorm1d(dim)
        self.conv_create_co_mat = nn.Conv1d(2 * dim, classes, 1)
        self.dynamic_weight = nn.Conv1d(dim, dim, 1)

    def forward(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """From `(B, dim, C)` to new nodes and the graph `(B, C, C)`, whose columns gather."""
        nodes = nodes + self.static_weight(self.static_adj(nodes.mT).mT)
        summary = F.adaptive_avg_pool1d(nodes, 1)
        summary = F.leaky_relu(self.bn_global(self.conv_global(summary)), 0.2)
        joined = torch.cat([summary.expand_as(nodes), nodes], dim=1)
        graph = torch.sigmoid(self.conv_create_co_mat(joined))
        gathered = F.leaky_relu(torch.matmul(nodes, graph), 0.2)
        return F.leaky_relu(self.dynamic_weight(gathered), 0.2), graph


class PublishedADDGCN(Head):
    """ADD-GCN, which computes its activation maps twice, and scores every node for every class.

    `mask_mat` is a parameter there, and detached.
    """

    mask_mat: Tensor

    def __init__(self, feature_dim: int, labels: LabelSpace, options: ADDGCNOptions) -> None:
        super().__init__()
        classes = labels.num_classes
        self.fc = nn.Conv2d(feature_dim, classes, 1, bias=False)
        self.conv_transform = nn.Conv2d(feature_dim, options.hidden, 1)
        self.gcn = DynamicGraphNetwork(classes, options.hidden)
        self.register_buffer("mask_mat", torch.eye(classes))
        self.last_linear = nn.Conv1d(options.hidden, classes, 1)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        s_m = self.fc(features).flatten(2).topk(1, dim=2).values.mean(dim=2)
        attention = torch.sigmoid(self.fc(features).flatten(2))
        nodes = torch.matmul(self.conv_transform(features).flatten(2), attention.mT)
        update, graph = self.gcn(nodes)
        s_r = (self.last_linear(nodes + update) * self.mask_mat).sum(dim=2)
        views = {"s_m": s_m, "s_r": s_r, "attention": attention, "graph": graph.mT}
        return HeadOutput((s_m + s_r) / 2, {}, {name: view.detach() for name, view in views.items()})
