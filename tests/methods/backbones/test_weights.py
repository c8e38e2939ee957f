"""How weights come from a file into a backbone."""

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision import models

from bench.errors import UserError
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.initial_weights import initial_weights

Wrap = Callable[[dict[str, Tensor]], object]
FILES: dict[str, Wrap] = {
    "as it is": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "model of DataParallel": lambda state: {
        "model": {f"module.{name}": value for name, value in state.items()}
    },
}


@pytest.mark.parametrize(("classes", "wrap"), [*zip([0, 7, 1000], FILES, strict=True)])
def test_weights_of_timm_from_a_file_without_its_classifier(tmp_path: Path, classes: int, wrap: str) -> None:
    source = timm.create_model("test_vit", num_classes=classes)
    torch.save(FILES[wrap](source.state_dict()), tmp_path / "weights.pth")
    backbone = build_backbone("timm/test_vit", initial_weights(str(tmp_path / "weights.pth")))
    source.reset_classifier(0)
    assert same_weights(backbone.network.network, source.state_dict())


@pytest.mark.parametrize("classes", [None, 7])
def test_weights_of_torchvision_from_a_file_without_its_classifier(
    tmp_path: Path, classes: int | None
) -> None:
    source = models.resnet18(num_classes=classes or 1)
    if classes is None:
        del source.fc
    torch.save(source.state_dict(), tmp_path / "weights.pth")
    backbone = build_backbone("resnet18", initial_weights(str(tmp_path / "weights.pth")))
    parts = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    for part, ours in zip(parts, backbone.network.children(), strict=True):
        assert same_weights(ours, getattr(source, part).state_dict())


def same_weights(module: nn.Module, state: dict[str, Tensor]) -> bool:
    ours = module.state_dict()
    return ours.keys() == state.keys() and all(torch.equal(ours[name], state[name]) for name in state)


def test_a_file_with_another_grid_of_positions(tmp_path: Path) -> None:
    source = timm.create_model("test_vit", img_size=96).eval()
    save_file(source.state_dict(), tmp_path / "weights.safetensors")
    backbone = build_backbone("timm/test_vit", initial_weights(str(tmp_path / "weights.safetensors"))).eval()
    grid = backbone.network.network.pos_embed
    expected = timm.layers.resample_abs_pos_embed(source.pos_embed, [10, 10], [6, 6], num_prefix_tokens=1)
    torch.testing.assert_close(grid, expected)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("timm/test_vit", lambda state: state.pop("norm.bias"), "missing norm.bias; unexpected none"),
        ("timm/test_vit", lambda state: state.update(odd=torch.ones(1)), "missing none; unexpected odd;"),
        ("timm/test_vit", lambda state: state.update(cls_token=torch.ones(1)), "size mismatch for cls_token"),
        ("resnet18", lambda state: state.pop("conv1.weight"), "missing conv1.weight; unexpected none"),
        ("resnet18", lambda state: state.clear(), "bn1.bias and 92 more; unexpected none"),
    ],
)
def test_what_a_file_lacks_or_has_too_much_is_listed(
    tmp_path: Path, name: str, change: Callable[[dict[str, Tensor]], object], message: str
) -> None:
    library, _, short = name.rpartition("/")
    state = (timm.create_model(short) if library else models.get_model(short, weights=None)).state_dict()
    change(state)
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(UserError) as caught:
        build_backbone(name, initial_weights(str(tmp_path / "weights.pth")))
    assert f"do not fit {short}: " in str(caught.value) and message in str(caught.value)


def test_a_tag_of_weights_that_does_not_exist() -> None:
    with pytest.raises(
        UserError, match=r"Unknown weights for test_vit 'r161_in1k'. Did you mean 'r160_in1k'"
    ):
        build_backbone("timm/test_vit.r161_in1k")
    assert build_backbone("timm/test_vit.r160_in1k").feature_dim == 64
