"""Checkpoints of TDRG, which hold their backbone twice and had other names before, become models here."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.engine.models.import_published import Given, import_published
from bench.engine.models.model_file import load_model
from bench_command import bench
from places import PARITY
from published_made import made_backbone, made_state, refusal, same, write

HIDDEN, FEEDFORWARD = 8, 16
MANIFEST = PARITY / "tdrg_c20.manifest.json"
# What the published sizes become on a ResNet-18.
SMALL = {
    2048: 512, 1024: 256, 512: HIDDEN, 1536: 3 * HIDDEN, 2560: 5 * HIDDEN, 256: HIDDEN // 2,
}  # fmt: skip
# Where a size of the manifest means another width.
OTHERS = {
    "linear1.weight": [FEEDFORWARD, HIDDEN],
    "linear1.bias": [FEEDFORWARD],
    "linear2.weight": [HIDDEN, FEEDFORWARD],
    "forward_gcn.weight.weight": [2 * HIDDEN, 2 * HIDDEN, 1],
    "forward_gcn.weight.bias": [2 * HIDDEN],
    "gcn_classifier.weight": [20, 2 * HIDDEN, 1],
}
# Present names and those of the released COCO checkpoint, by the beginning.
BEFORE = {
    "layer1": "features",
    "trans_classifier": "classifier",
    "constraint_classifier": "fc",
    "guidance_transform": "conv_position",
    "gcn_dim_transform": "conv_transform",
    "guidance_conv": "gcn.conv_global",
    "guidance_bn": "gcn.bn_global",
    "matrix_transform": "gcn.conv_create_co_mat",
    "forward_gcn.weight": "gcn.dynamic_weight",
    "gcn_classifier": "last_linear",
}
STAGES = {
    "conv1": "layer1.0", "bn1": "layer1.1", "layer1": "layer1.4",
    "layer2": "layer2", "layer3": "layer3", "layer4": "layer4",
}  # fmt: skip

pytestmark = pytest.mark.skipif(not MANIFEST.is_file(), reason="the manifest of TDRG is not here")


def shape_of(name: str, shape: list[int]) -> list[int]:
    other = next((size for end, size in OTHERS.items() if name.endswith(end)), None)
    return other or [SMALL.get(size, size) for size in shape]


def state() -> dict[str, Tensor]:
    """A small checkpoint under the present names, its backbone twice."""
    generator = torch.Generator().manual_seed(0)
    backbone = {}
    for name, tensor in made_backbone().items():
        part, _, rest = name.partition(".")
        if part in STAGES:
            backbone[f"{STAGES[part]}.{rest}"] = tensor
    twice = {f"backbone.{int(name[5]) - 1}{name[6:]}": tensor for name, tensor in backbone.items()}
    head = {
        name: 0.1 * torch.randn(shape_of(name, shape), generator=generator)
        for name, shape in json.loads(MANIFEST.read_text()).items()
    }
    head["mask_mat"] = torch.eye(20)
    head["guidance_bn.running_var"].abs_()
    head["guidance_bn.num_batches_tracked"] = torch.tensor(3)
    return {**backbone, **twice, **head}


def older() -> dict[str, Tensor]:
    """The same under the names of before, with tensors that have no counterpart now."""
    found = {}
    for name, tensor in state().items():
        start = next((now for now in BEFORE if name.startswith(f"{now}.")), None)
        found[name if start is None else BEFORE[start] + name.removeprefix(start)] = tensor
    for name in (
        "bottleneck.0.weight",
        "classifier_global.weight",
        "bn_position.bias",
        "gcn.static_adj.0.weight",
    ):
        found[name] = torch.zeros(3)
    return found


def given(code: str = "tdrg") -> Given:
    return Given(code=code, data="voc2007")


def test_a_checkpoint_comes_through_the_command_with_every_tensor(tmp_path: Path) -> None:
    path = write(tmp_path / "best.pth", {"state_dict": state(), "best_score": 0.9})
    done = bench(tmp_path, None, "import-checkpoint", "--from", "tdrg", "--data", "voc2007", str(path))
    assert done.exit_code == 0, done.output
    assert "a score depends on the images beside it" in " ".join(done.output.split())
    assert "not loaded: query_embed.weight: stored, but the published code does not use it" in done.output
    trained = load_model(tmp_path / "best.safetensors")
    card = trained.card
    assert (card.method.name, card.backbone, card.protocol) == ("tdrg", "resnet18", "tdrg")
    options = card.method.options
    assert (options["hidden"], options["feedforward"], options["attention"]) == (HIDDEN, FEEDFORWARD, "batch")
    loaded, published = trained.model.state_dict(), state()
    assert torch.equal(loaded["backbone.network.0.weight"], published["layer1.0.weight"])
    assert torch.equal(loaded["backbone.network.6.0.conv1.weight"], published["layer3.0.conv1.weight"])
    assert torch.equal(loaded["head.graph.weight"], published["matrix_transform.weight"][..., 0])
    images = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
    assert trained.model(images).logits.shape == (2, 20)


def test_the_names_of_before_give_the_same_model(tmp_path: Path) -> None:
    now, _ = import_published(write(tmp_path / "now.pth", state()), given())
    before, notes = import_published(write(tmp_path / "before.pth", older()), given())
    assert same(now, before)
    left_out = [note for note in notes if "of an older model" in note]
    assert len(left_out) == 4 and any("bottleneck.0.weight" in note for note in left_out)


@pytest.mark.parametrize("code", ["add-gcn", "ml-gcn", "csra"])
def test_the_names_of_before_are_known_to_be_of_tdrg(code: str, tmp_path: Path) -> None:
    for name, tensors in {"now": state(), "before": older()}.items():
        message = refusal(write(tmp_path / f"{name}.pth", tensors), given(code))
        assert message == (
            f"This is no checkpoint of {code}: its names are those of tdrg; import it with --from tdrg."
        )


def test_a_backbone_that_is_there_once_is_enough(tmp_path: Path) -> None:
    whole, _ = import_published(write(tmp_path / "whole.pth", state()), given())
    stages = [f"layer{number}" for number in (1, 2, 3, 4)]
    for left_out in (("backbone.",), tuple(f"{stage}." for stage in stages)):
        once = {name: tensor for name, tensor in state().items() if not name.startswith(left_out)}
        assert len(once) < len(state())
        assert same(import_published(write(tmp_path / "once.pth", once), given())[0], whole)


def test_what_does_not_fit_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = write(tmp_path / "now.pth", state())
    assert "Leave out attention=positions" in refusal(path, given("tdrg/attention=positions"))
    changed = state()
    changed["backbone.2.0.conv1.weight"] = changed["layer3.0.conv1.weight"] + 1
    path = write(tmp_path / "changed.pth", changed)
    assert "holds layer3.0.conv1.weight twice with different numbers" in refusal(path, given())
    missing = {name: tensor for name, tensor in older().items() if not name.startswith("last_linear")}
    path = write(tmp_path / "missing.pth", missing)
    assert "missing gcn_classifier.bias, gcn_classifier.weight; unexpected none" in refusal(path, given())
    path = write(tmp_path / "add-gcn.pth", made_state("add-gcn"))
    assert "are those of add-gcn; import it with --from add-gcn" in refusal(path, given())
