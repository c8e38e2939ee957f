"""Checkpoints that store a tensor twice, or under names that a published code had before."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.errors import UserError


@dataclass(frozen=True)
class OtherNames:
    """Other names of the tensors of one method's checkpoints.

    Attributes:
        mark: a name that all of them have; without it, the file is of another method, and left as it is.
        renamed: from what a name may begin with, whole parts between dots, to what it begins with now. A
            tensor that is there under both names is the same twice.
        dropped: beginnings of older names that have no counterpart, with the reason why they are left out.
    """

    mark: str
    renamed: Mapping[str, str]
    dropped: Mapping[str, str]


# iCVTEAM/TDRG 6ea0c9d: models/TDRG.py registers the stages of the backbone once more as a list;
# load_origin_checkpoint in trainer.py reads the names of the released COCO checkpoint.
_BEFORE = "of an older model, which the published code leaves out when it reads such a checkpoint"
OTHER_NAMES: dict[str, OtherNames] = {
    "tdrg": OtherNames(
        mark="transform_14.weight",
        renamed={
            **{f"backbone.{stage - 1}": f"layer{stage}" for stage in (1, 2, 3, 4)},
            "features": "layer1",
            "classifier": "trans_classifier",
            "fc": "constraint_classifier",
            "conv_position": "guidance_transform",
            "conv_transform": "gcn_dim_transform",
            "gcn.conv_global": "guidance_conv",
            "gcn.bn_global": "guidance_bn",
            "gcn.conv_create_co_mat": "matrix_transform",
            "gcn.dynamic_weight": "forward_gcn.weight",
            "last_linear": "gcn_classifier",
        },
        dropped=dict.fromkeys(("bottleneck", "classifier_global", "bn_position", "gcn.static_"), _BEFORE),
    )
}


def under_present_names(
    method: str, tensors: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a checkpoint under the names that its code has now.

    Args:
        method: whose checkpoint it is meant to be.
        tensors: by the names in the file.

    Returns:
        The tensors, and the names that are left out with the reason.

    Raises:
        UserError: what should be the same tensor twice differs.
    """
    other = OTHER_NAMES.get(method)
    if other is None or other.mark not in tensors:
        return dict(tensors), {}
    present: dict[str, Tensor] = {}
    left_out: dict[str, str] = {}
    for name, tensor in tensors.items():
        reason = next((why for start, why in other.dropped.items() if name.startswith(start)), None)
        if reason is not None:
            left_out[name] = reason
            continue
        now = _renamed(name, other.renamed)
        if now in present and not torch.equal(present[now], tensor):
            raise UserError(
                f"The checkpoint holds {now} twice with different numbers, once as {name}: it was changed, "
                "or comes from a changed model."
            )
        present[now] = tensor
    return present, left_out


def _renamed(name: str, renamed: Mapping[str, str]) -> str:
    for before, now in renamed.items():
        if name.startswith(f"{before}."):
            return now + name.removeprefix(before)
    return name
