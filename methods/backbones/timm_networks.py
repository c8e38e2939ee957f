"""Backbones of timm: convolutional networks, and transformers whose tokens are a map."""

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import timm
from torch import Tensor, nn

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.initial_weights import PACKAGED, RANDOM, InitialWeights
from bench.methods.backbones.weights import load_weights, misfit, not_fetched, read_weights, reason
from bench.resolve import unknown_name

# What makes a transformer take images of any size, by its family; the other families take none of these.
# In this order, because some releases of timm's Swin swallow the second without a word.
ANY_SIZE: tuple[dict[str, bool], ...] = ({"strict_img_size": False}, {"dynamic_img_size": True}, {})


def names() -> list[str]:
    """The networks, without the tags of their weights."""
    return timm.list_models()  # type: ignore[no-any-return]


def knows(name: str) -> bool:
    """Whether `build` takes this name, with the tag of its weights or without."""
    return name.partition(".")[0] in names()


def build(name: str, weights: InitialWeights) -> Backbone:
    """Build the network `name`; see `build_backbone`."""
    _check_tag(name)
    pretrained = weights.name == "pretrained"
    if not (pretrained or weights == RANDOM or weights.file):
        raise unknown_name(
            f"weights for timm/{name}", weights.name, ["a file", "none", "pretrained", *PACKAGED]
        )
    state = read_weights(weights.file) if weights.file else None
    try:
        network = create(name, pretrained)
    except (OSError, RuntimeError) as error:
        raise (not_fetched(name, weights.name, error) if pretrained else _not_built(name, error)) from error
    if state is not None:
        load(network, state, name, weights.name)
    network.reset_classifier(0)
    config = timm.data.resolve_model_data_config(network)
    mean, std, size = config["mean"], config["std"], config["input_size"][-1]
    return Backbone(TimmMap(network), f"timm/{name}", mean, std, size, _stride(network))


def missing(name: str, weights: InitialWeights) -> str | None:
    """Where weights may be downloaded from; timm alone knows whether they are in its cache."""
    return f"timm's weights of {name}, unless they are in its cache" if weights.name == "pretrained" else None


def create(name: str, pretrained: bool) -> Any:
    """The whole network, for images of any size where its family allows that."""
    for options in ANY_SIZE:
        try:
            return timm.create_model(name, pretrained=pretrained, **options)
        except TypeError as error:
            if not any(option in str(error) for option in options):
                raise
    raise AssertionError("the last options are none at all")


def load(network: Any, state: dict[str, Tensor], name: str, weights: str) -> None:
    """Load weights of timm, or of the code that the network was published with where timm can convert them.

    A position embedding of another grid is resized to the network's own.
    """
    # What timm does to the weights that it downloads; most families have it under this name.
    convert = getattr(import_module(type(network).__module__), "checkpoint_filter_fn", None)
    if convert is not None:
        try:
            state = convert(state, network)
        except Exception as error:  # it takes the names that it knows for granted
            raise misfit(name, weights, f"they cannot be converted ({reason(error)})") from error
    classifier = network.pretrained_cfg.get("classifier") or ()
    classifier = (classifier,) if isinstance(classifier, str) else classifier
    load_weights(network, state, name, weights, classifier)


def _check_tag(name: str) -> None:
    architecture, _, tag = name.partition(".")
    tags = [known.partition(".")[2] for known in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        raise unknown_name(f"weights for {architecture}", tag, tags)


def _not_built(name: str, error: Exception) -> UserError:
    return UserError(f"Backbone 'timm/{name}' cannot be built: {reason(error)}; choose another.")


def _stride(network: Any) -> int:
    """Pixels per position of the last map; most networks say it."""
    stages = getattr(network, "feature_info", None)
    return int(stages[-1]["reduction"]) if stages else 32


class TimmMap(nn.Module):
    """A timm network up to its feature map, the channels first."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network: Any = network
        self.stride = _stride(network)

    def forward(self, images: Tensor) -> Any:
        """From normalised images `(B, 3, H, W)` to `(B, D, h, w)`, or to what else the network gives.

        Class tokens and registers are dropped.
        """
        features = self.network.forward_features(images)
        if not isinstance(features, Tensor):
            return features
        if features.ndim == 4 and getattr(self.network, "output_fmt", None) == "NHWC":
            return features.permute(0, 3, 1, 2)
        prefix = getattr(self.network, "num_prefix_tokens", None)
        if features.ndim == 3 and prefix is not None:
            grid = _grid(features.shape[1] - prefix, images.shape[2:], self.stride)
            return features[:, prefix:].mT.reshape(len(features), -1, *grid)
        return features


def _grid(positions: int, size: Sequence[int], stride: int) -> tuple[int, int]:
    """Rows and columns of the tokens; what is left of an image is padded by some networks, cut by others."""
    height, width = size
    cut = (height // stride, width // stride)
    padded = (-(-height // stride), -(-width // stride))
    for rows, columns in (cut, padded):
        if rows * columns == positions:
            return rows, columns
    raise ValueError(f"its {positions} tokens are no map of {padded[0]} × {padded[1]} positions")
