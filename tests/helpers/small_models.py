"""Whole models that compute in milliseconds, as files, without any training that takes time."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.engine.models.model_file import ModelCard, Trained, input_of, save_model
from bench.experiment.methods import MethodChoice
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.model import MultiLabelModel, earlier_dim, seeded_head
from small_heads import CHANNELS, CLASSES, SMALL, label_space

BACKBONE = "timm/test_byobnet"
SIDE, RESIZE = 64, 72


def tiny_backbone() -> Backbone:
    """Two convolutions, the last of which halves the map: hardly anything to trace."""
    layers = nn.Conv2d(3, 16, 3, 4), nn.ReLU(), nn.Conv2d(16, CHANNELS, 3, 2, 1)
    return Backbone(nn.Sequential(*layers), "tiny", (0.5, 0.4, 0.3), (0.2, 0.3, 0.4), SIDE)


def small_model(name: str, backbone: Backbone | None = None, **changes: Any) -> Trained:
    """A model of `small_heads.SMALL` after a training step, so that statistics and memories have content.

    Args:
        name: of the head.
        backbone: `BACKBONE` if None; a file can hold no other.
        changes: fields of its card.
    """
    method, options = SMALL[name]
    labels = label_space()
    torch.manual_seed(0)
    backbone = backbone or build_backbone(BACKBONE)
    chosen = method.options(**options)
    head = seeded_head(method, chosen, labels, backbone.feature_dim, 0, earlier_dim(method, backbone))
    model = MultiLabelModel(backbone, head).train()
    images = torch.randint(0, 256, (4, 3, SIDE, SIDE), dtype=torch.uint8)
    with torch.no_grad():
        model(images, (torch.rand(4, CLASSES) < 0.5).float())
    fields: dict[str, Any] = {
        **input_of(backbone),
        "method": MethodChoice(name=method.name, options=chosen.model_dump()),
        "backbone": BACKBONE,
        "classes": labels.names,
        "train_size": SIDE,
        "test_size": SIDE,
        "test_resize": RESIZE,
        "protocol": "bench",
        "precision": "fp32",
        "vectors": "made",
        "graph": "made",
        "train_images": labels.num_images,
        "source": "a test",
        "citation": method.citation,
    }
    return Trained(model.eval(), labels, ModelCard(**{**fields, **changes}))


def write_small(path: Path, name: str, **changes: Any) -> Trained:
    """Write such a model to a file; `changes` replace fields of its card."""
    made = small_model(name, None, **changes)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_model(path, *made)
    return made
