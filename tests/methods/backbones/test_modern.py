"""Backbones of today: their maps at the usual sizes, every head on them, and matrices of several of them."""

import copy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from bench.engine.planning.plan import plan
from bench.errors import UserError
from bench.experiment.matrix import load_matrix
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.catalog import METHODS
from bench.methods.model import MultiLabelModel, build_head, head_class
from bench_command import TINY, bench
from small_heads import SMALL, label_space, loss_of
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


def shallow(name: str) -> Backbone:
    """The network with the first of its blocks alone, where all are alike: maps have the same sizes."""
    backbone = copy.deepcopy(built(name)).train()
    network: Any = backbone.network.network
    if hasattr(network, "blocks"):
        network.blocks = network.blocks[:1]
    return backbone


@pytest.mark.parametrize(
    ("name", "size"),
    [(name, size) for name, (stride, *_) in FAMILIES.items() for size in SIZES if size % stride == 0],
)
def test_every_head_trains_on_the_backbone_at_every_size(name: str, size: int) -> None:
    torch.manual_seed(0)
    backbone, labels = shallow(name), label_space()
    models = {}
    for method in METHODS:
        earlier = None
        if head_class(METHODS[method]).reads_earlier:
            if name != "convnextv2_atto":
                with pytest.raises(UserError, match="no map of twice the resolution before its last one"):
                    backbone.read_earlier(method)
                continue
            earlier = backbone.read_earlier(method)
        options = METHODS[method].options(**SMALL[method][1])
        head = build_head(METHODS[method], options, labels, backbone.feature_dim, earlier)
        models[method] = MultiLabelModel(backbone, head).train()
    images = torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8)
    targets = (torch.rand(2, len(labels.names)) < 0.5).float()
    # One pass of the backbone for all heads, of both maps where one of them reads two.
    reader = max(models.values(), key=lambda model: model.head.reads_earlier)
    features, before = reader.maps(images)
    loss = torch.zeros(())
    for model in models.values():
        given = before if model.head.reads_earlier else None
        output = model.score(features, targets, given)
        assert output.logits.shape == targets.shape and torch.isfinite(output.logits).all()
        loss = loss + loss_of(output, targets)
    loss.backward()
    for method, model in models.items():
        gradients = [parameter.grad for parameter in model.head.parameters() if parameter.requires_grad]
        assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients), method
    trained = [parameter.grad for parameter in backbone.parameters() if parameter.requires_grad]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in trained)
    assert any(gradient.any() for gradient in trained if gradient is not None)


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
