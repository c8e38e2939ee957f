"""What a model shows of itself on pictures: a map for each label, the label graph, the scenes."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from bench.methods.head import Head
from bench.methods.model import MultiLabelModel

MapKind = Literal["attention", "activation"]
"""Attention is where a label looks, zero or more everywhere; activation is the score of each position."""


class Views(NamedTuple):
    """What a model makes of a batch of pictures, on the device and in float32.

    Attributes:
        logits: `(B, C)`.
        maps: `(B, C, h, w)`, where each label is seen; None for a head that has no such maps.
        graph: `(C, C)`, or `(B, C, C)` where each picture has its own; None for a head without a graph.
        scenes: `(B, S)`, the probability of each scene; None for a head without scenes.
        kind: of the maps.
    """

    logits: Tensor
    maps: Tensor | None
    graph: Tensor | None
    scenes: Tensor | None
    kind: MapKind | None


def look(model: MultiLabelModel, images: Tensor) -> Views:
    """Score pictures and keep what can be looked at.

    The maps are the head's attention, that of its last layer where there are several; else its scores at
    each position; else the class activation maps, by the classifiers of the pooled map (Zhou et al.,
    CVPR 2016).

    Args:
        model: in evaluation mode.
        images: `(B, 3, H, W)` uint8, on the model's device.
    """
    features, earlier = model.maps(images)
    output = model.score(features, earlier=earlier)
    maps, kind = _maps(model.head, features, output.views)
    graph, scenes = output.views.get("graph"), output.views.get("scene_probs")
    return Views(
        output.logits.float(),
        None if maps is None else maps.float(),
        None if graph is None else graph.float(),
        None if scenes is None else scenes.float(),
        kind,
    )


def _maps(
    head: Head, features: Tensor, views: dict[str, Tensor]
) -> tuple[Tensor, MapKind] | tuple[None, None]:
    layers = sorted(name for name in views if name.startswith("attention_"))
    attention = views.get("attention", views[layers[-1]] if layers else None)
    if attention is not None:
        return attention, "attention"
    if "scores" in views:
        return views["scores"], "activation"
    classifiers = head.pooled_classifiers()
    if classifiers is not None:
        with torch.autocast(features.device.type, enabled=False):
            return torch.einsum("cd,bdhw->bchw", classifiers.float(), features.float()), "activation"
    return None, None
