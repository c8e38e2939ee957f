"""Leave parts of a backbone as they are: before its last stage, its first stage, batch normalisations."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.stages import Late, after_first_stage, last_stage


def freeze_but_last_stage(backbone: Backbone, statistics: bool) -> None:
    """Leave the parameters before the backbone's last stage as they are, as SSGRL does before `layer4`.

    Args:
        backbone: changed in place.
        statistics: also keep what comes before in evaluation mode, whatever mode the model is put into.

    Raises:
        UserError: the backbone has no such stage, or nothing in it is trained.
    """
    _freeze_before(backbone, last_stage(backbone.network, backbone.size), statistics, "last stage", "alone")


def freeze_first_stage(backbone: Backbone, statistics: bool) -> None:
    """Leave the backbone's stem and first stage as they are, as DETR and Query2Label do up to `layer1`.

    The arguments are those of `freeze_but_last_stage`.

    Raises:
        UserError: the backbone has no such stage, or nothing behind it is trained.
    """
    late = after_first_stage(backbone.network, backbone.size)
    _freeze_before(backbone, late, statistics, "second stage", "without the first")


def freeze_batch_norms(backbone: Backbone) -> None:
    """Leave every batch normalisation as it is, statistics and factors, where there are some.

    Each is then the constant map that DETR and Query2Label call a frozen batch normalisation.
    """
    norms: list[nn.Module] = [module for module in backbone.modules() if isinstance(module, _BatchNorm)]
    for norm in norms:
        norm.requires_grad_(False)
    backbone.hold(norms)


def _freeze_before(backbone: Backbone, late: Late | None, statistics: bool, stage: str, how: str) -> None:
    module = backbone.network.get_submodule
    within = [module(name) for name in late.within] if late else []
    trained = {parameter for part in within for parameter in part.parameters()}
    if late is None or not any(parameter.requires_grad for parameter in trained):
        raise UserError(
            f"Backbone '{backbone.name}' has no {stage} that could be trained {how}; use a network whose "
            "map shrinks in stages, such as resnet101, or a schedule with trained_backbone: all."
        )
    for parameter in backbone.parameters():
        parameter.requires_grad_(parameter.requires_grad and parameter in trained)
    if statistics:
        backbone.hold([module(name) for name in late.before])
