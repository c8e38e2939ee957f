"""Only the last stage of a backbone is trained, and what comes before stays as it is."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.freezing import (
    freeze_batch_norms,
    freeze_but_last_stage,
    freeze_first_stage,
)


def trained(backbone: Backbone) -> set[str]:
    return {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize(
    ("name", "prefixes"),
    [
        ("resnet18", ("network.7.",)),  # layer4, the last of the children
        ("timm/resnet18", ("network.network.layer4.",)),
        ("timm/test_byobnet", ("network.network.stages.3.", "network.network.final_conv.")),
        ("densenet121", ("network.0.transition3.", "network.0.denseblock4.", "network.0.norm5.")),
        ("timm/test_convnext", ("network.network.stages.3.", "network.network.norm_pre.")),
    ],
)
def test_the_last_stage_is_found_in_any_network_that_has_one(name: str, prefixes: tuple[str, ...]) -> None:
    backbone = build_backbone(name)
    whole = trained(backbone)
    freeze_but_last_stage(backbone, statistics=True)
    assert trained(backbone) == {parameter for parameter in whole if parameter.startswith(prefixes)}
    assert whole - trained(backbone)


@pytest.mark.parametrize("name", ["timm/vit_tiny_patch16_224", "vit_b_16"])
def test_a_network_without_stages_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"has no last stage that could be trained alone; .*resnet101"):
        freeze_but_last_stage(build_backbone(name), statistics=True)


@pytest.mark.parametrize(
    ("name", "frozen"),
    [
        ("resnet18", ("network.0.", "network.1.", "network.4.")),  # conv1, bn1, layer1
        ("timm/resnet18", ("network.network.conv1.", "network.network.bn1.", "network.network.layer1.")),
        ("densenet121", ("network.0.conv0.", "network.0.norm0.", "network.0.denseblock1.")),
        ("timm/test_convnext", ("network.network.stem.", "network.network.stages.0.")),
    ],
)
def test_the_first_stage_is_found_in_any_network_that_has_one(name: str, frozen: tuple[str, ...]) -> None:
    backbone = build_backbone(name)
    whole = trained(backbone)
    freeze_first_stage(backbone, statistics=False)
    assert whole - trained(backbone) == {one for one in whole if one.startswith(frozen)}
    assert trained(backbone)


@pytest.mark.parametrize("name", ["timm/vit_tiny_patch16_224", "vit_b_16"])
def test_a_network_without_a_second_stage_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"has no second stage that could be trained .*resnet101"):
        freeze_first_stage(build_backbone(name), statistics=True)


def test_frozen_batch_normalisations_are_the_constant_maps_of_detr() -> None:
    backbone = build_backbone("resnet18")
    freeze_first_stage(backbone, statistics=True)
    freeze_batch_norms(backbone)
    norms = {name for name, one in backbone.named_modules() if isinstance(one, nn.BatchNorm2d)}
    before = copy.deepcopy(backbone.state_dict())
    step(backbone)
    moved = changed(backbone, before)
    assert moved and not any(name.rpartition(".")[0] in norms for name in moved)
    assert moved == trained(backbone)
    assert {name[:9] for name in moved} == {"network.5", "network.6", "network.7"}
    # What was held before stays held.
    assert not backbone.get_submodule("network.4").training and backbone.get_submodule("network.5").training


def test_a_backbone_without_batch_normalisations_stays_as_it_is() -> None:
    backbone = build_backbone("timm/test_vit")
    before = trained(backbone)
    freeze_batch_norms(backbone)
    assert trained(backbone) == before


def step(backbone: Backbone) -> None:
    """Train on noise, with batch norms between two of which nothing is trained but the second."""
    backbone.train()
    optimizer = torch.optim.SGD(backbone.parameters(), lr=0.1, weight_decay=0.1)
    images = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    backbone(images).square().mean().backward()
    optimizer.step()


def changed(backbone: nn.Module, before: dict[str, Tensor]) -> set[str]:
    return {name for name, tensor in backbone.state_dict().items() if not torch.equal(tensor, before[name])}


@pytest.mark.parametrize("statistics", [True, False])
def test_a_step_moves_the_last_stage_alone_and_other_statistics_only_if_not_held(statistics: bool) -> None:
    backbone = build_backbone("resnet18")
    freeze_but_last_stage(backbone, statistics)
    before = copy.deepcopy(backbone.state_dict())
    step(backbone)
    assert all((parameter.grad is not None) == parameter.requires_grad for parameter in backbone.parameters())
    moved = changed(backbone, before)
    late = {name for name in before if name.startswith("network.7.")}
    assert late <= moved
    early = {name for name in before if "running_" in name or "tracked" in name} - late
    assert moved - late == (set() if statistics else early)


def test_held_modules_stay_in_evaluation_mode_also_in_a_copy() -> None:
    backbone = build_backbone("resnet18")
    freeze_but_last_stage(backbone, statistics=True)
    model = nn.Sequential(backbone)
    for whole in (model, copy.deepcopy(model)):
        whole.eval()
        whole.train()
        inner: Any = whole[0].network
        assert not any(module.training for child in inner[:7] for module in child.modules())
        assert all(module.training for module in inner[7].modules())
    plain = build_backbone("resnet18").eval().train()
    assert all(module.training for module in plain.modules())
