"""Build a backbone by its name."""

import difflib
from types import ModuleType

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.initial_weights import RANDOM, InitialWeights


def build_backbone(name: str, weights: InitialWeights = RANDOM) -> Backbone:
    """Build a backbone by name with the named weights.

    Args:
        name: `torchvision/NAME`, `timm/NAME` (with the tag of its weights or without), or a bare name:
            `efficientnet_lite0`, or what is looked up in torchvision first.
        weights: none, a file, a torchvision weight name such as `imagenet1k_v1`, `pretrained` for timm, or
            `imagenet` for `efficientnet_lite0`.

    Raises:
        UserError: unknown name, no feature map, weights that do not exist, cannot be fetched, or do not fit.
    """
    from bench.methods.backbones import lite

    if name == lite.NAME:
        return lite.build(weights)
    library, short = _library_of(name)
    backbone: Backbone = library.build(short, weights)
    return backbone


def weights_to_download(name: str, weights: InitialWeights) -> str | None:
    """What `build_backbone` would download for a backbone and its weights; None where it needs nothing.

    Raises:
        UserError: unknown name.
    """
    from bench.methods.backbones import lite

    if name == lite.NAME:
        return None
    library, short = _library_of(name)
    found: str | None = None if weights == RANDOM or weights.file else library.missing(short, weights)
    return found


def _library_of(name: str) -> tuple[ModuleType, str]:
    """The library that builds a backbone, and the name that it has there."""
    # Here, because each library takes seconds to import.
    from bench.methods.backbones import timm_networks, torchvision_networks

    library, _, short = name.rpartition("/")
    libraries: dict[str, ModuleType] = {"torchvision": torchvision_networks, "timm": timm_networks}
    if library and library not in libraries:
        raise UserError(
            f"Backbone '{name}' names the library '{library}'; write torchvision/NAME or timm/NAME."
        )
    for candidate in [library] if library else libraries:
        if libraries[candidate].knows(short):
            return libraries[candidate], short
    raise _unknown_backbone(name, [known for module in libraries.values() for known in module.names()])


def _unknown_backbone(name: str, known: list[str]) -> UserError:
    # There are more than a thousand names: the nearest ones are enough.
    near = difflib.get_close_matches(name.rpartition("/")[2], set(known), n=8)
    hint = f"the nearest are {', '.join(near)}" if near else "see list_models() of torchvision and timm"
    return UserError(f"Unknown backbone '{name}': {hint}.")
