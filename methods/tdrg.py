"""TDRG: a transformer over three scales guides an image-specific graph of the categories.

Zhao, Yan, Zhao, Guo, Huang, Li: Transformer-based Dual Relation Graph for Multi-label Image Recognition,
ICCV 2021. No label statistics and no label vectors are used; the maths is that of the published code.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers.cross_scale import ScaleTransformer
from bench.methods.layers.elementwise import ElementwiseClassifier
from bench.methods.layers.scoring import exactly, linear_scores
from bench.methods.options import TDRGOptions

SLOPE = 0.2
# The share of the positions that the constraint averages the highest activations of.
TOP_SHARE = 0.05
# How much of the prediction is the transformer's; the rest is the graph's.
STRUCTURAL_SHARE = 0.7


class TDRGHead(Head):
    """Scores from the structure of the image and from a graph over its categories, `0.7 s_trans + 0.3 s_gcn`.

    The transformer's tokens give `s_trans` and guide the graph, to which no gradient goes back. In training
    three more losses are added to that of the prediction: the mean binary cross-entropy of `s_trans`, of
    `s_gcn`, and of the activation maps that make the nodes (semantic-aware constraint, `s_sac`).

    With `attention=batch`, as published, the scores of an image depend on the other images of its batch.
    Training needs at least two images per batch, because the guidance is normalised over the batch.
    """

    reads_earlier: ClassVar[bool] = True

    def __init__(self, feature_dim: int, labels: LabelSpace, options: TDRGOptions, earlier_dim: int) -> None:
        super().__init__()
        classes, hidden = labels.num_classes, options.hidden
        self.scales = ScaleTransformer(
            earlier_dim, feature_dim, hidden, options.feedforward, options.attention
        )
        self.structural_classifier = nn.Linear(3 * hidden, classes)
        self.activation = nn.Linear(feature_dim, classes, bias=False)
        self.transform = nn.Linear(feature_dim, hidden)
        self.guided = nn.Linear(hidden, hidden)
        self.guidance = nn.Linear(3 * hidden, 3 * hidden)
        self.guidance_norm = nn.BatchNorm1d(3 * hidden)
        self.graph = nn.Linear(5 * hidden, classes)
        self.update = nn.Linear(2 * hidden, 2 * hidden)
        self.classifier = ElementwiseClassifier(classes, 2 * hidden)

    def forward(
        self, features: Tensor, targets: Tensor | None = None, earlier: Tensor | None = None
    ) -> HeadOutput:
        """Score every class; see `Head.forward`.

        The views are the scores `out_trans`, `out_gcn` and `out_sac` `(B, C)`, the attention maps
        `(B, C, h, w)` of the nodes, and the graph `(B, C, C)`: row n holds the weights with which node n
        gathers all nodes, the transpose of the published joint correlation.
        """
        assert earlier is not None, "TDRG reads two maps"
        scales = self.scales(earlier, features)
        out_trans = linear_scores(self.structural_classifier, torch.cat([s.amax(dim=1) for s in scales], -1))

        positions = features.flatten(2).mT
        maps = linear_scores(self.activation, positions).mT
        # A map of a few positions has the highest of them.
        top = max(1, round(TOP_SHARE * maps.shape[2]))
        out_sac = maps.topk(top, dim=2).values.mean(dim=2)

        attention = torch.sigmoid(maps)
        guides = [scale.detach() for scale in scales]
        nodes = self._nodes(positions, attention, guides[1])
        graph = self._graph(nodes, guides)
        gathered = F.leaky_relu(graph @ nodes, SLOPE)
        out_gcn = self.classifier(F.leaky_relu(self.update(gathered), SLOPE) + nodes)

        scores = {"out_trans": out_trans, "out_gcn": out_gcn, "out_sac": out_sac}
        views = {name: score.detach() for name, score in scores.items()}
        views["attention"] = attention.detach().view(*maps.shape[:2], *features.shape[2:])
        views["graph"] = graph.detach()
        logits = STRUCTURAL_SHARE * out_trans + (1 - STRUCTURAL_SHARE) * out_gcn
        return HeadOutput(logits, self._auxiliary(scores, targets), views)

    def _nodes(self, positions: Tensor, attention: Tensor, guide: Tensor) -> Tensor:
        """A vector of each category `(B, C, 2 hidden)`: of the map, and of the transformer's tokens of it."""
        # Summed over the positions and not averaged, as published: the scale follows the size of the map.
        of_tokens = self.guided(attention.detach() @ guide)
        return torch.cat([attention @ self.transform(positions), of_tokens], dim=-1)

    def _graph(self, nodes: Tensor, guides: list[Tensor]) -> Tensor:
        """The graph of each image, `(B, C, C)`, from its nodes and the mean token of each scale."""
        means = torch.cat([guide.mean(dim=1) for guide in guides], dim=-1)
        guidance = F.leaky_relu(self.guidance_norm(self.guidance(means)), SLOPE)
        pairs = torch.cat([guidance[:, None].expand(-1, nodes.shape[1], -1), nodes], dim=-1)
        return torch.sigmoid(self.graph(pairs))

    def _auxiliary(self, scores: dict[str, Tensor], targets: Tensor | None) -> dict[str, Tensor]:
        """The losses beside that of the prediction, of training alone."""
        if not self.training or targets is None:
            return {}
        terms = {}
        for name, score in scores.items():
            with exactly(score, targets) as (wide, wanted):
                terms[name] = F.binary_cross_entropy_with_logits(wide, wanted.to(wide.dtype))
        return terms
