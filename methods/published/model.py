"""From the tensors of a published checkpoint to the model here."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from bench.errors import UserError
from bench.methods.backbones.build import build_backbone
from bench.methods.catalog import METHODS
from bench.methods.label_space import LabelSpace
from bench.methods.model import MultiLabelModel, earlier_dim, seeded_head
from bench.methods.options import Options
from bench.methods.published.checkpoints import (
    LAYOUTS,
    RESNET_PARTS,
    CheckpointLayout,
    published_backbone_name,
    resnet_of,
    split_backbone,
)
from bench.methods.published.heads import PUBLISHED
from bench.methods.published.names import convert
from bench.methods.published.place import repetitions

# PyTorch before 0.4.1 did not keep it, and nothing that is computed here depends on it.
COUNTER = "num_batches_tracked"


def check_names(method: str, tensors: Mapping[str, Tensor]) -> str:
    """Compare the names in a checkpoint with those of the published model.

    Returns:
        The name of its backbone.

    Raises:
        UserError: a name is missing or unexpected; all of them are listed.
    """
    layout, head_names = LAYOUTS[method], PUBLISHED[method]
    backbone, head = split_backbone(layout, tensors)
    resnet = resnet_of(backbone)
    expected = _resnet_names(resnet)
    missing = {published_backbone_name(layout, name) for name in expected - backbone.keys()}
    places = head_names.places_in(head)
    missing |= places.keys() - head.keys()
    missing = {name for name in missing if not name.endswith(f".{COUNTER}")}
    unexpected = {published_backbone_name(layout, name) for name in backbone.keys() - expected}
    unexpected |= head.keys() - places.keys() - head_names.unused.keys()
    if missing or unexpected:
        raise UserError(
            f"These are not the names of a published {method} checkpoint with {resnet}: "
            f"missing {', '.join(sorted(missing)) or 'none'}; "
            f"unexpected {', '.join(sorted(unexpected)) or 'none'}; the file is cut down or comes from a "
            "changed model."
        )
    return resnet


def sizes_of(method: str, tensors: Mapping[str, Tensor]) -> dict[str, int | bool | str]:
    """The options of our head that a checkpoint tells, by its tensors or by whose it is."""
    layout = LAYOUTS[method]
    sizes: dict[str, int | bool | str] = {
        option: tensors[size.tensor].shape[size.axis]
        for option, size in layout.options.items()
        if size.tensor in tensors
    }
    sizes |= {option: repetitions(pattern, tensors) for option, pattern in layout.counts.items()}
    flags = {option: True for option, name in layout.flags.items() if name in tensors}
    return {**sizes, **layout.fixed, **flags}


def build_published(
    method: str, tensors: Mapping[str, Tensor], labels: LabelSpace, options: Options
) -> MultiLabelModel:
    """Build a method's model and load a published checkpoint into it.

    Args:
        method: whose checkpoint it is.
        tensors: by their published names, without wrappers.
        labels: the label space in the order of the checkpoint's classes.
        options: of the head.

    Raises:
        UserError: names or shapes that do not fit; all of them are listed.
    """
    resnet = check_names(method, tensors)
    layout: CheckpointLayout = LAYOUTS[method]
    of_backbone, of_head = split_backbone(layout, tensors)
    backbone = build_backbone(resnet)
    if layout.unit_pixels:
        backbone.take_unit_pixels()
    entry = METHODS[method]
    head = seeded_head(entry, options, labels, backbone.feature_dim, 0, earlier_dim(entry, backbone))
    model = MultiLabelModel(backbone, head)
    state = {f"backbone.{name}": tensor for name, tensor in of_backbone.items()}
    state |= {
        f"head.{name}": tensor for name, tensor in convert(method, _with_counters(method, of_head)).items()
    }
    _check_fit(method, options, model, state, of_head)
    own = model.state_dict()
    # What is not in the state are the counters and the constants that were built from the labels.
    model.load_state_dict(own | state)
    return model.eval()


def _check_fit(
    method: str,
    options: Options,
    model: MultiLabelModel,
    state: Mapping[str, Tensor],
    of_head: Mapping[str, Tensor],
) -> None:
    """UserError where the file has a tensor without a place, a parameter no tensor, or a shape is another."""
    own = model.state_dict()
    places = PUBLISHED[method].places_in(of_head)
    left_over = [name for name in of_head if name in places and f"head.{places[name].name}" not in own]
    # Buffers may be absent: they are counters, or constants that were built from the labels.
    lacking = [name for name, _ in model.named_parameters() if name not in state]
    wrong = [
        f"{name} is {_shape(tensor)} instead of {_shape(own[name])}"
        for name, tensor in state.items()
        if name in own and tensor.shape != own[name].shape
    ]
    faults = [f"the file has {', '.join(sorted(left_over))}, which the model has not"] if left_over else []
    faults += [f"the model needs {', '.join(sorted(lacking))}, which the file has not"] if lacking else []
    faults += wrong
    if faults:
        raise UserError(
            f"The checkpoint was trained with other options than {options}: {'; '.join(faults)}; give behind "
            f"the code those that it was trained with, as in --from {method}/option=value, or none where its "
            "tensors tell them."
        )


def _with_counters(method: str, head: Mapping[str, Tensor]) -> dict[str, Tensor]:
    counters = {name: torch.tensor(0) for name in PUBLISHED[method].places if name.endswith(f".{COUNTER}")}
    return counters | dict(head)


@cache
def _resnet_names(resnet: str) -> set[str]:
    """The names of a ResNet's tensors as they stand in our backbone."""
    from torchvision import models

    with torch.device("meta"):
        names = models.get_model(resnet, weights=None).state_dict()
    split = (name.partition(".") for name in names)
    return {f"network.{RESNET_PARTS[part]}.{rest}" for part, _, rest in split if part in RESNET_PARTS}


def _shape(tensor: Tensor) -> str:
    return " x ".join(str(size) for size in tensor.shape) or "a number"
