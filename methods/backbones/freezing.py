"""Train only the last stage of a backbone, as SSGRL does with layer4 of its ResNet."""

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.stages import last_stage


def freeze_but_last_stage(backbone: Backbone, statistics: bool) -> None:
    """Leave the parameters before the backbone's last stage as they are.

    The last stage begins with the outermost module that takes a map of the last size but one and gives one of
    the last size: `layer4` of a ResNet.

    Args:
        backbone: changed in place.
        statistics: also keep what comes before in evaluation mode, whatever mode the model is put into.

    Raises:
        UserError: the backbone has no such stage, or nothing in it is trained.
    """
    stage = last_stage(backbone.network, backbone.size)
    module = backbone.network.get_submodule
    late = [module(name) for name in stage.within] if stage else []
    trained = {parameter for part in late for parameter in part.parameters()}
    if stage is None or not any(parameter.requires_grad for parameter in trained):
        raise UserError(
            f"Backbone '{backbone.name}' has no last stage that could be trained alone; use a network whose "
            "map shrinks in stages, such as resnet101, or a schedule with trained_backbone: all."
        )
    for parameter in backbone.parameters():
        parameter.requires_grad_(parameter.requires_grad and parameter in trained)
    if statistics:
        backbone.hold([module(name) for name in stage.before])
