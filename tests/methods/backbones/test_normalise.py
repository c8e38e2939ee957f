"""Images are normalised as the formula says, whatever their layout and the model's precision."""

import pytest
import torch
from torch import Tensor, nn

from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone

LAYOUTS = [torch.contiguous_format, torch.channels_last]


@pytest.fixture
def backbone() -> Backbone:
    return build_backbone("timm/test_byobnet")


def images(batch: int = 2, height: int = 64, width: int = 96) -> Tensor:
    # Every value in every channel.
    return (torch.arange(batch * 3 * height * width) % 256).to(torch.uint8).view(batch, 3, height, width)


def formula(batch: Tensor, backbone: Backbone) -> Tensor:
    return (batch.double() / 255 - backbone.mean.double()) / backbone.std.double()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("kind", "rounding"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_the_formula_in_any_layout_and_precision(
    layout: torch.memory_format, kind: torch.dtype, rounding: float, backbone: Backbone
) -> None:
    backbone.to(kind)
    batch = images().contiguous(memory_format=layout)
    before = batch.clone()
    found = backbone.normalize(batch)
    assert found.dtype == kind and found.is_contiguous(memory_format=layout)
    assert (found - formula(batch, backbone)).abs().max() <= rounding
    assert torch.equal(batch, before)


def test_images_that_are_floating_point_already_are_left_alone(backbone: Backbone) -> None:
    batch = images().float()
    before = batch.clone()
    assert (backbone.normalize(batch) - formula(batch, backbone)).abs().max() <= 1e-6
    assert torch.equal(batch, before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_gives_the_same(backbone: Backbone) -> None:
    batch = images().contiguous(memory_format=torch.channels_last)
    expected = formula(batch, backbone)
    found = backbone.cuda().normalize(batch.cuda())
    assert found.is_cuda and (found.cpu() - expected).abs().max() <= 1e-6


class Normalise(nn.Module):
    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, batch: Tensor) -> Tensor:
        return self.backbone.normalize(batch)


def test_it_can_be_exported_for_any_size(backbone: Backbone) -> None:
    sizes = {axis: torch.export.Dim(name) for axis, name in {0: "b", 2: "h", 3: "w"}.items()}
    exported = torch.export.export(Normalise(backbone), (images(),), dynamic_shapes={"batch": sizes})
    other = images(3, 40, 72)
    assert (exported.module()(other) - formula(other, backbone)).abs().max() <= 1e-6
