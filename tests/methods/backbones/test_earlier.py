"""The map before the last one: which it is, that the last stays as it was, copies, and who has none."""

import copy

import pytest
import torch
from torch import Tensor

from bench.errors import UserError
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.frozen import freeze


def drawn(height: int = 96, width: int = 64) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(0))


# Channels of the earlier map.
NETWORKS = {
    "resnet18": 256,
    "resnet50": 1024,
    "regnet_y_400mf": 208,
    "densenet121": 1024,
    "vgg11": 512,
    "efficientnet_lite0": 112,
    "timm/resnet18": 256,
    "timm/test_byobnet": 128,
    "timm/test_convnext": 48,
    "timm/swin_tiny_patch4_window7_224": 384,
}


@pytest.mark.parametrize(("name", "channels"), NETWORKS.items())
def test_both_maps_come_in_one_pass(name: str, channels: int) -> None:
    backbone = build_backbone(name).eval()
    assert backbone.read_earlier("a method") == channels
    images = drawn(224, 224) if "swin" in name else drawn()
    with torch.no_grad():
        alone = backbone(images)
        earlier, last = backbone.maps(images)
    assert torch.equal(last, alone)
    height, width = last.shape[2:]
    assert earlier.shape == (2, channels, 2 * height, 2 * width)


def test_of_a_resnet_it_is_layer3() -> None:
    backbone = build_backbone("resnet18")
    backbone.read_earlier("a method")
    assert backbone.read_earlier("a method") == 256, "asked twice"
    plain = copy.deepcopy(backbone.network)
    earlier, _ = backbone.maps(drawn())
    torch.testing.assert_close(earlier, plain[:7](drawn()))  # type: ignore[index]
    earlier.sum().backward()
    gradients = {name: parameter.grad for name, parameter in backbone.named_parameters()}
    assert gradients["network.6.1.conv2.weight"] is not None and gradients["network.7.0.conv1.weight"] is None


def test_a_map_of_odd_size_is_about_half_of_the_one_before() -> None:
    backbone = build_backbone("timm/test_byobnet")
    backbone.read_earlier("a method")
    earlier, last = backbone.maps(drawn(72, 72))
    assert earlier.shape[2:] == (5, 5) and last.shape[2:] == (3, 3)


def test_a_copy_has_maps_of_its_own() -> None:
    backbone = build_backbone("resnet18").eval()
    backbone.read_earlier("a method")
    backbone.maps(drawn())
    other = copy.deepcopy(backbone)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(2)
    first, _ = backbone.maps(drawn())
    second, _ = other.maps(drawn())
    again, _ = backbone.maps(drawn())
    assert torch.equal(first, again) and not torch.allclose(first, second)


def test_nothing_is_kept_of_a_pass() -> None:
    backbone = build_backbone("resnet18")
    backbone.read_earlier("a method")
    backbone.maps(drawn())
    backbone(drawn())  # nobody draws here
    copy.deepcopy(backbone)  # which takes no tensor that has a history


def test_a_frozen_backbone_has_both_and_its_state_stays() -> None:
    plain = build_backbone("timm/test_byobnet").eval()
    with torch.no_grad():
        plain.read_earlier("a method")
        expected, _ = plain.maps(drawn())
        frozen = freeze(build_like(plain), {})
        assert frozen.read_earlier("a method") == 128
        found, _ = frozen.train().maps(drawn())
    assert torch.equal(found, expected)
    assert frozen.state_dict().keys() == freeze(build_backbone("timm/test_byobnet"), {}).state_dict().keys()


def build_like(backbone: Backbone) -> Backbone:
    other = build_backbone("timm/test_byobnet")
    other.load_state_dict(backbone.state_dict())
    return other


def test_compiled_it_is_the_same_map() -> None:
    backbone = build_backbone("timm/test_byobnet").eval()
    backbone.read_earlier("a method")

    def run(images: Tensor) -> tuple[Tensor, Tensor]:
        return backbone.maps(images)

    compiled = torch.compile(run, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        for images in (drawn(), drawn() + 1):
            for found, expected in zip(compiled(images), run(images), strict=True):
                torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("name", ["timm/test_vit", "vit_b_16"])
def test_a_network_with_one_map_is_refused(name: str) -> None:
    with pytest.raises(UserError) as error:
        build_backbone(name).read_earlier("tdrg")
    sentence = str(error.value)
    assert name in sentence and "which tdrg reads too; choose a network" in sentence
    assert sentence.count(".") == 1 and "resnet101" in sentence
