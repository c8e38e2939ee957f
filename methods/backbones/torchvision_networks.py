"""Backbones of torchvision."""

import math
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn
from torchvision import models

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.initial_weights import RANDOM, InitialWeights
from bench.methods.backbones.weights import load_weights, not_fetched, read_weights
from bench.resolve import unknown_name

# What torchvision calls the part behind the feature map, in one network or another.
CLASSIFIERS = ("fc", "classifier", "heads", "head")


def names() -> list[str]:
    """The classification networks."""
    return models.list_models(module=models)  # type: ignore[no-any-return]


def knows(name: str) -> bool:
    """Whether `build` takes this name."""
    return name in names()


def build(name: str, weights: InitialWeights) -> Backbone:
    """Build the network `name`; see `build_backbone`."""
    entries = {entry.name.lower(): entry for entry in models.get_model_weights(name)}
    state = read_weights(weights.file) if weights.file else None
    if state is None and weights != RANDOM:
        state = _fetch(entries, name, weights.name)
    network = models.get_model(name, weights=None)
    if isinstance(network, models.VisionTransformer):
        network.encoder.register_load_state_dict_pre_hook(_take_grid)
    if state is not None:
        load_weights(network, state, name, weights.name, CLASSIFIERS)
    inputs = entries.get(weights.name.lower(), models.get_model_weights(name).DEFAULT).transforms()
    stride = network.patch_size if isinstance(network, models.VisionTransformer) else 32
    features, full_name = _cut(network, name), f"torchvision/{name}"
    return Backbone(features, full_name, inputs.mean, inputs.std, inputs.crop_size[0], stride)


def _fetch(entries: dict[str, Any], name: str, weights: str) -> dict[str, Tensor]:
    if weights.lower() not in entries:
        raise unknown_name(f"weights for {name}", weights, [*entries, "none"])
    try:
        state: dict[str, Tensor] = entries[weights.lower()].get_state_dict(progress=False, check_hash=True)
    except OSError as error:
        raise not_fetched(name, weights, error) from error
    return state


def missing(name: str, weights: InitialWeights) -> str | None:
    """The address that weights would be downloaded from; None where they are here, or are none."""
    entries = {entry.name.lower(): entry for entry in models.get_model_weights(name)}
    entry = entries.get(weights.name.lower())
    if entry is None:
        return None
    kept = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(entry.url).path).name
    return None if kept.is_file() else str(entry.url)


def _cut(network: nn.Module, name: str) -> nn.Module:
    """The network up to its feature map."""
    parts = dict(network.named_children())
    match network:
        case models.VisionTransformer():
            return _TokenMap(network)
        case models.SwinTransformer():
            return nn.Sequential(parts["features"], parts["norm"], parts["permute"])
        case models.DenseNet():
            return nn.Sequential(parts["features"], nn.ReLU())  # its forward applies the ReLU outside
        case models.MNASNet():
            return parts["layers"]
        case models.ResNet() | models.RegNet():
            return nn.Sequential(*list(parts.values())[:-2])
        case models.ShuffleNetV2():
            return nn.Sequential(*list(parts.values())[:-1])
        case _ if "features" in parts:
            return parts["features"]
    raise UserError(
        f"Backbone 'torchvision/{name}' has no feature map to cut at; choose another, or one of timm's."
    )


class _TokenMap(nn.Module):
    """A vision transformer for images of any size, whose tokens are a map; the class token is dropped."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        network.heads = nn.Identity()
        self.network: Any = network

    def forward(self, images: Tensor) -> Tensor:
        """From normalised images `(B, 3, H, W)` to `(B, D, H / patch, W / patch)`."""
        network, encoder = self.network, self.network.encoder
        if any(side % network.patch_size for side in images.shape[2:]):
            raise ValueError(
                f"the sides of an image must be multiples of its patch size {network.patch_size}"
            )
        patches: Tensor = network.conv_proj(images)
        grid = patches.shape[2:]
        tokens = torch.cat([network.class_token.expand(len(images), -1, -1), patches.flatten(2).mT], dim=1)
        positions = resample_abs_pos_embed(encoder.pos_embedding, new_size=list(grid), num_prefix_tokens=1)
        tokens = encoder.ln(encoder.layers(encoder.dropout(tokens + positions)))
        features: Tensor = tokens[:, 1:].mT.unflatten(2, grid)
        return features


def _take_grid(encoder: Any, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Before weights are loaded: keep their position embedding as it is, whatever grid it was trained on.

    It is resized to each input anyway; resizing it here as well would blur it.
    """
    stored = state.get(f"{prefix}pos_embedding")
    own = encoder.pos_embedding
    if stored is None or stored.ndim != 3 or stored.shape[2] != own.shape[2]:
        return  # loading says what is wrong
    if stored.shape != own.shape and math.isqrt(stored.shape[1] - 1) ** 2 == stored.shape[1] - 1:
        encoder.pos_embedding = nn.Parameter(torch.empty_like(stored, dtype=own.dtype, device=own.device))
