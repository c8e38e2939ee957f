"""What a head is given and what it returns: the interface of every method."""

from typing import ClassVar, NamedTuple

from torch import Tensor, nn


class HeadOutput(NamedTuple):
    """What a head makes of a feature map.

    Attributes:
        logits: `(B, C)`, the scores before the sigmoid.
        auxiliary: scalar loss terms by name, each already weighted, to be added to the main loss.
        views: what can be looked at, by name. Those that pictures are made of: `attention` `(B, C, h, w)`,
            where each label looks, `attention_0` and so on where layers differ; `scores` `(B, C, h, w)`, the
            score of each position; `graph`, `(C, C)` or `(B, C, C)`; `scene_probs` `(B, S)`.
        known: `(B, C)` bool, the labels that the head was told, which give no loss; None if it was told none.
    """

    logits: Tensor
    auxiliary: dict[str, Tensor]
    views: dict[str, Tensor]
    known: Tensor | None = None


class Head(nn.Module):
    """Maps a feature map to one logit per class.

    A head is built as `Head(feature_dim, labels, options)`: the number of channels of the feature map, the
    `LabelSpace`, and the options that the method's entry in `bench.methods.catalog` declares.

    What it scores, it computes in float32 in any precision, within `exactly` or by `linear_scores` of
    `bench.methods.layers.scoring`: scores in half precision tie, which moves mAP by tenths.

    A head that can be told labels takes them as `given`: `(B, C)`, 1 where a label is known to be present, 0
    absent, -1 where it is unknown; its options then say `uses_known_labels`.

    Several processes may hold parts of a batch. Batch normalisation is seen to, and a loss or an auxiliary
    term that is a mean over images; what else a head computes or counts over the images of a batch, it takes
    over those of all processes with the functions of `bench.methods.layers.across`.

    A head that sets `reads_earlier` reads two maps: it is built as `Head(feature_dim, labels, options,
    earlier_dim)`, with the channels of the earlier map, and called with `earlier=`. No other head sees
    anything of this.
    """

    reads_earlier: ClassVar[bool] = False
    """Read also the map before the last one, of twice its resolution: layer3 of a ResNet beside layer4."""

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class.

        Args:
            features: `(B, D, h, w)`, the last feature map of the backbone.
            targets: `(B, C)` in {0, 1}, given in training only, for heads that keep label statistics.

        A head that reads two maps takes a third argument, `earlier: Tensor | None = None`: `(B, E, 2h, 2w)`,
        give or take a position, the map before the last one. It is always given to such a head.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define forward")

    def pooled_classifiers(self) -> Tensor | None:
        """`(C, D)`, what a head scores the pooled last map with, linearly; None for every other head.

        Class activation maps and pictures of the classifiers are made of them.
        """
        return None
