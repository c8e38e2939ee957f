"""ADD-GCN: category representations by attention, then a static and an image-specific graph.

Ye, He, Peng, Wu, Qiao: Attention-Driven Dynamic Graph Convolutional Network for Multi-Label Image
Recognition, ECCV 2020. No label statistics and no label vectors are used.

The ablations of its Section 4.4 are options. Where the paper does not say how a variant is built, one thing
changes and the rest stays as published; each such reading is written where the variant is.
"""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers.dynamic_graph import COMBINATIONS, GraphNetwork
from bench.methods.layers.elementwise import ElementwiseClassifier
from bench.methods.layers.scoring import linear_scores
from bench.methods.options import ADDGCNOptions


def classify_then_max(_: nn.Linear, positions: Tensor, maps: Tensor) -> Tensor:
    """cls→GMP, the published one: the maximum of each activation map."""
    return maps.amax(dim=2)


def average_then_classify(_: nn.Linear, positions: Tensor, maps: Tensor) -> Tensor:
    """GAP→cls: the scores of the averaged features, which are the averages of the maps."""
    return maps.mean(dim=2)


def max_then_classify(classifier: nn.Linear, positions: Tensor, maps: Tensor) -> Tensor:
    """GMP→cls: the scores of the max-pooled features."""
    return linear_scores(classifier, positions.amax(dim=1))


# Table 6: from the classifier, the positions (B, n, D) and the activation maps (B, C, n) to s_m (B, C).
# Every variant classifies all positions for its maps, as CAM does. The paper is silent on whether CAM's
# maps pass a sigmoid before they weigh the features; they do here, so that only the pooling differs.
MAP_SCORES: dict[str, Callable[[nn.Linear, Tensor, Tensor], Tensor]] = {
    "cls-gmp": classify_then_max,
    "gap-cls": average_then_classify,
    "gmp-cls": max_then_classify,
}


class AggregateClassifier(nn.Linear):
    """Scores all categories from one vector, into which the vectors of the categories are aggregated."""

    def __init__(self, aggregate: Callable[[Tensor], Tensor], num_classes: int, dim: int) -> None:
        super().__init__(dim, num_classes)
        self.aggregate = aggregate

    def forward(self, nodes: Tensor) -> Tensor:
        """Map final representations `(B, C, dim)` to scores `(B, C)`."""
        return linear_scores(self, self.aggregate(nodes))


# Table 5: from the number of classes and the width of the final representations to their classifier.
CLASSIFIERS: dict[str, Callable[[int, int], nn.Module]] = {
    "bi": ElementwiseClassifier,
    "sum": partial(AggregateClassifier, partial(torch.sum, dim=1)),
    "avg": partial(AggregateClassifier, partial(torch.mean, dim=1)),
    "max": partial(AggregateClassifier, partial(torch.amax, dim=1)),
}


class ADDGCNHead(Head):
    """Two scores per class, averaged: `s_m` from the class activation maps, `s_r` from the graphs.

    With `nodes=conv`, the D-GCN alone of Fig. 3, "a Conv-LReLU block" replaces the attention module; the
    paper says no more. Read here as the transform that the module has anyway, with a LeakyReLU, averaged over
    the positions: every category starts from this one vector, and the graph network and the classifiers
    alone tell them apart. Without activation maps there is no `s_m`, and the score is `s_r`.

    Training needs at least two images per batch, because the dynamic graph normalises over the batch.
    """

    def __init__(self, feature_dim: int, labels: LabelSpace, options: ADDGCNOptions) -> None:
        super().__init__()
        classes, combination = labels.num_classes, COMBINATIONS[options.graph]
        self.activation = nn.Linear(feature_dim, classes, bias=False) if options.nodes == "sam" else None
        self.score_maps = MAP_SCORES[options.maps]
        self.transform = nn.Linear(feature_dim, options.hidden)
        self.graph_network = GraphNetwork(classes, options.hidden, combination)
        self.classifier = CLASSIFIERS[options.representation](classes, options.hidden * combination.width)
        self.num_classes = classes

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`.

        The views, where the variant has them, are the two scores `s_m` and `s_r` `(B, C)`, the attention
        maps `(B, C, h, w)` and the graph, `(B, C, C)` of each image or `(C, C)` if it is the static one.
        """
        positions = features.flatten(2).mT
        if self.activation is None:
            vector = F.leaky_relu(self.transform(positions), 0.2).mean(dim=1)
            nodes = vector[:, None].expand(-1, self.num_classes, -1)
            s_r, views = self._score_nodes(nodes)
            return HeadOutput(s_r, {}, views)
        maps = linear_scores(self.activation, positions).mT
        attention = torch.sigmoid(maps)
        # Summed over the positions and not averaged, as published: the scale follows the size of the map.
        nodes = attention @ self.transform(positions)
        s_m = self.score_maps(self.activation, positions, maps)
        s_r, views = self._score_nodes(nodes)
        views["s_m"] = s_m.detach()
        views["attention"] = attention.detach().view(*maps.shape[:2], *features.shape[2:])
        return HeadOutput((s_m + s_r) / 2, {}, views)

    def _score_nodes(self, nodes: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """From category representations `(B, C, hidden)` to `s_r` `(B, C)` and the views of this half."""
        final, graph = self.graph_network(nodes)
        s_r: Tensor = self.classifier(final)
        views = {"s_r": s_r.detach()}
        if graph is not None:
            views["graph"] = graph.detach()
        return s_r, views
