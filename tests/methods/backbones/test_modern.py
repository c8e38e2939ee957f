"""Backbones of today: their maps at the usual sizes, every head on them, and matrices of several of them."""

from functools import cache
from pathlib import Path

import pytest
import timm
import torch

from bench.engine.plan import plan
from bench.errors import UserError
from bench.experiment.matrix import load_matrix
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.catalog import METHODS
from bench.methods.model import head_class
from bench_command import TINY, bench
from small_heads import label_space, loss_of
from trees import write_voc

SIZES = (224, 384, 448)
# The smallest network of each family: pixels per position, channels, tokens that are no position.
FAMILIES = {
    "vit_small_patch14_dinov2": (14, 384, 1),
    "vit_small_patch14_reg4_dinov2": (14, 384, 5),
    "vit_small_patch16_dinov3": (16, 384, 5),
    "vit_base_patch32_clip_224": (32, 768, 1),
    "vit_base_patch16_siglip_224": (16, 768, 0),
    "convnextv2_atto": (32, 320, None),
}


@cache
def built(name: str) -> Backbone:
    torch.manual_seed(0)
    return build_backbone(f"timm/{name}").eval()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", FAMILIES)
def test_the_map_has_a_position_for_each_patch(name: str, size: int) -> None:
    stride, channels, prefix = FAMILIES[name]
    backbone = built(name)
    if size % stride:
        with pytest.raises(UserError, match=r"choose an image size of 378, 392 or 518\.$"):
            backbone.check_size(size)
        return
    backbone.check_size(size)
    features, _ = backbone._without_data(size)
    assert features.shape == (1, channels, size // stride, size // stride)
    assert getattr(backbone.network.network, "num_prefix_tokens", None) == prefix


@pytest.mark.parametrize("name", FAMILIES)
def test_a_picture_makes_a_finite_map(name: str) -> None:
    backbone = built(name)
    images = torch.randint(0, 256, (1, 3, 224, 224), dtype=torch.uint8)
    with torch.inference_mode():
        features = backbone(backbone.normalize(images))
    assert torch.isfinite(features).all() and features.std() > 0


@pytest.mark.parametrize(
    "method", [name for name in METHODS if not getattr(head_class(METHODS[name]), "reads_earlier", False)]
)
@pytest.mark.parametrize("name", FAMILIES)
def test_every_head_trains_on_the_map(name: str, method: str) -> None:
    stride, channels, _ = FAMILIES[name]
    side = 224 // stride
    torch.manual_seed(0)
    head = head_class(METHODS[method])(channels, label_space(), METHODS[method].options()).train()
    features = torch.randn(2, channels, side, side)
    targets = torch.ones(2, len(label_space().names))
    output = head(features, targets)
    loss_of(output, targets).backward()
    assert torch.isfinite(output.logits).all()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in head.parameters())


def test_a_matrix_of_several_backbones_has_the_runs_of_each(tmp_path: Path) -> None:
    write_voc(tmp_path, train=8, test=4)
    given = {"data": "voc2007", "data_root": tmp_path, "schedule": "demo", "results": tmp_path / "results"}
    names = ("resnet18", "timm/test_vit")
    cells = plan(load_matrix(None, {**given, "methods": "resnet,ml-gcn", "backbone": ",".join(names)}))
    alone = [
        plan(load_matrix(None, {**given, "methods": "resnet,ml-gcn", "backbone": name})) for name in names
    ]
    assert [cell.spec.run_id() for cell in cells] == [cell.spec.run_id() for part in alone for cell in part]
    assert {cell.spec.schedule.backbone for cell in cells} == set(names)


def test_a_tune_takes_one_backbone(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=40, test=4)
    asked = ("tune", "--methods", "resnet", *TINY, "--backbone", "resnet18,resnet34", "--dry-run")
    done = bench(tmp_path, tmp_path / "data", *asked)
    assert done.exit_code == 2 and "A tune has one backbone" in done.output, done.output


def test_the_matrix_of_backbones_can_be_planned(tmp_path: Path) -> None:
    write_voc(tmp_path, train=8, test=4)
    given = {"data": "voc2007", "data_root": tmp_path, "schedule": "demo", "results": tmp_path / "results"}
    cells = plan(load_matrix(None, given, "backbones"))
    assert len({cell.spec.schedule.backbone for cell in cells}) == 5
    known = {f"timm/{name}" for name in timm.list_pretrained()}
    assert {cell.spec.schedule.backbone for cell in cells} <= known
