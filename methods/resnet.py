"""The baseline: global pooling and one linear classifier."""

from torch import Tensor, nn

from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.layers.pooling import largest_of_map
from bench.methods.layers.scoring import linear_scores
from bench.methods.options import ResNetOptions


class PooledLinearHead(Head):
    """Average or maximum over the feature map, then one linear layer."""

    def __init__(self, feature_dim: int, labels: LabelSpace, options: ResNetOptions) -> None:
        super().__init__()
        self.pool = options.pool
        self.classifier = nn.Linear(feature_dim, labels.num_classes)

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        pooled = largest_of_map(features) if self.pool == "max" else features.mean(dim=(2, 3))
        return HeadOutput(linear_scores(self.classifier, pooled), {}, {})

    def pooled_classifiers(self) -> Tensor:
        """The weights `(C, D)` of the linear layer."""
        return self.classifier.weight
