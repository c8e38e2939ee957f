"""Backbones: any convolutional network of torchvision or timm, cut before its pooling."""

import difflib
import pickle
import textwrap
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.resolve import unknown_name

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Backbone(nn.Module):
    """Turns images into a feature map.

    Attributes:
        feature_dim: D, the channels of the feature map.
        mean, std: what the network's inputs are normalised with, on the scale 0 to 1.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, name: str, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.feature_dim = self._probe(name)

    def _probe(self, name: str) -> int:
        self.eval()
        try:
            with torch.no_grad():
                features = self(torch.zeros(1, 3, 96, 96))
        except Exception as error:  # a network for one input size fails in its own way
            raise UserError(
                f"Backbone '{name}' cannot be used: {_reason(error)}; choose a convolutional one."
            ) from error
        self.train()
        if not isinstance(features, Tensor) or features.ndim != 4 or features.shape[-1] > features.shape[1]:
            raise UserError(
                f"Backbone '{name}' does not give a (D, h, w) feature map; choose a convolutional one."
            )
        return int(features.shape[1])

    def normalize(self, images: Tensor) -> Tensor:
        """From `(B, 3, H, W)` uint8 to the network's input range."""
        return (images.to(self.mean.dtype) / 255 - self.mean) / self.std

    def forward(self, images: Tensor) -> Tensor:
        """From normalised images `(B, 3, H, W)` to a feature map `(B, D, h, w)`."""
        features: Tensor = self.network(images)
        return features


def build_backbone(name: str, weights: str) -> Backbone:
    """Build a backbone by name with the named weights.

    Args:
        name: `torchvision/NAME`, `timm/NAME`, or a bare name, looked up in torchvision first.
        weights: `none`, a `.pth`/`.safetensors` file, a torchvision weight name such as `imagenet1k_v1`, or
            `pretrained` for timm.

    Raises:
        UserError: unknown name, weights that do not exist, cannot be fetched, or do not fit.
    """
    library, _, short = name.rpartition("/")
    if not library:
        library = "torchvision" if _in_torchvision(short) else "timm"
    if library == "torchvision":
        return _torchvision(short, weights)
    if library == "timm":
        return _timm(short, weights)
    raise UserError(f"Backbone '{name}' names the library '{library}'; write torchvision/NAME or timm/NAME.")


def _in_torchvision(name: str) -> bool:
    return name in _torchvision_names()


def _torchvision_names() -> list[str]:
    from torchvision import models

    return models.list_models(module=models)  # type: ignore[no-any-return]


def _torchvision(name: str, weights: str) -> Backbone:
    from torchvision import models

    if not _in_torchvision(name):
        raise _unknown_backbone("torchvision", name, _torchvision_names())
    network = models.get_model(name, weights=None)
    state = _read_weights(weights) if weights != "none" else None
    if state is None and weights != "none":
        state = _fetch_torchvision(name, weights)
    if state is not None:
        _load(network, state, name, weights)
    if isinstance(network, models.DenseNet):
        cut: nn.Module = nn.Sequential(network.features, nn.ReLU())  # its forward applies the ReLU outside
    elif hasattr(network, "features"):
        cut = network.features
    elif isinstance(network, models.ResNet):
        cut = nn.Sequential(*list(network.children())[:-2])
    else:
        raise UserError(
            f"Backbone 'torchvision/{name}' has no feature map to cut at; choose another, or one of timm's."
        )
    return Backbone(cut, name, IMAGENET_MEAN, IMAGENET_STD)


def _fetch_torchvision(name: str, weights: str) -> dict[str, Tensor]:
    from torchvision.models import get_model_weights

    known = {entry.name.lower(): entry for entry in get_model_weights(name)}
    if weights.lower() not in known:
        raise unknown_name(f"weights for {name}", weights, [*known, "none"])
    try:
        state: dict[str, Tensor] = known[weights.lower()].get_state_dict(progress=False, check_hash=True)
    except OSError as error:
        raise _not_fetched(name, weights, error) from error
    return state


def _timm(name: str, weights: str) -> Backbone:
    import timm

    if name.split(".")[0] not in timm.list_models():
        raise _unknown_backbone("timm", name, timm.list_models() + _torchvision_names())
    state = _read_weights(weights) if weights not in ("none", "pretrained") else None
    if state is None and weights not in ("none", "pretrained"):
        raise UserError(
            f"Backbone 'timm/{name}' takes the weights 'none', 'pretrained' or a file, not '{weights}'."
        )
    try:
        network = timm.create_model(name, pretrained=weights == "pretrained")
    except (OSError, RuntimeError) as error:
        raise _not_fetched(name, weights, error) from error
    if state is not None:
        _load(network, state, name, weights)
    network.reset_classifier(0)
    config = timm.data.resolve_model_data_config(network)
    return Backbone(_TimmFeatures(network), name, config["mean"], config["std"])


def _unknown_backbone(library: str, name: str, known: list[str]) -> UserError:
    # There are more than a thousand names: the nearest ones are enough.
    near = difflib.get_close_matches(name, set(known), n=8)
    hint = f"the nearest are {', '.join(near)}" if near else f"see {library}'s list_models()"
    return UserError(f"Unknown backbone '{name}': {hint}.")


class _TimmFeatures(nn.Module):
    """A timm network up to its feature map."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network: Any = network

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.network.forward_features(images)
        return features


def _reason(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _not_fetched(name: str, weights: str, error: Exception) -> UserError:
    return UserError(
        f"The weights '{weights}' of {name} could not be fetched ({_reason(error)}); give a local file with "
        "--weights FILE, or start from random weights with --weights none."
    )


def _read_weights(weights: str) -> dict[str, Tensor] | None:
    """The state dict in a file, or None where `weights` is not a file name. No code in the file is run."""
    path = Path(weights)
    if path.suffix not in (".pth", ".pt", ".bin", ".tar", ".safetensors"):
        return None
    if not path.is_file():
        raise UserError(f"The weights file {path} does not exist.")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError) as error:
        raise UserError(
            f"The weights file {path} cannot be read: it is damaged, or holds more than tensors, which is "
            "not loaded because that can run code."
        ) from error
    except Exception as error:  # each reader has its own kinds, and all mean the same to the user
        raise UserError(f"The weights file {path} cannot be read: {_reason(error)}.") from error
    if isinstance(state, dict):
        state = state.get("state_dict", state)
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(
            f"The weights file {path} does not map names to tensors, by itself or under 'state_dict'."
        )
    return dict(state)


def _load(network: nn.Module, state: dict[str, Tensor], name: str, weights: str) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        detail = textwrap.shorten(str(error), 300, placeholder=" ...")
        raise UserError(f"The weights '{weights}' do not fit {name}: {detail}") from error
