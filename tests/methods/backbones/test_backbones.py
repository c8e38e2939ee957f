"""Backbones: what map they give, and at which sizes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import yaml
from torch import Tensor, nn
from torchvision import models

from bench.engine.device.cost import count_flops, count_parameters
from bench.errors import UserError
from bench.experiment.schedule import load_schedule
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.torchvision_networks import _cut, _take_grid
from bench.methods.catalog import METHODS
from bench.methods.model import MultiLabelModel, head_class, state_digest
from bench.methods.options import ResNetOptions
from bench.methods.resnet import PooledLinearHead
from bench_command import TINY, bench
from small_heads import CLASSES, label_space, loss_of
from trees import write_voc


def drawn(height: int = 96, width: int = 96, images: int = 2) -> Tensor:
    return torch.randn(images, 3, height, width, generator=torch.Generator().manual_seed(0))


def at_seed(make: Callable[[], Any]) -> Any:
    torch.manual_seed(0)
    return make()


@pytest.mark.parametrize("name", ["resnet18", "shufflenet_v2_x0_5", "regnet_y_400mf", "mnasnet0_5"])
def test_the_map_is_the_one_that_the_classifier_pools(name: str) -> None:
    backbone = at_seed(lambda: build_backbone(name)).eval()
    whole = at_seed(lambda: models.get_model(name, weights=None)).eval()
    classifier = getattr(whole, "fc", None) or whole.classifier
    with torch.no_grad():
        features = backbone(drawn(64, 96))
        torch.testing.assert_close(classifier(features.mean(dim=(2, 3))), whole(drawn(64, 96)))
    assert features.shape == (2, backbone.feature_dim, 2, 3)


@pytest.mark.parametrize(("depth", "dim"), [(18, 512), (34, 512), (50, 2048), (101, 2048), (152, 2048)])
def test_every_resnet(depth: int, dim: int) -> None:
    backbone = build_backbone(f"resnet{depth}")
    assert backbone.feature_dim == dim
    assert backbone.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])
    layers = [module for module in backbone.modules() if isinstance(module, nn.Conv2d)]
    assert len([layer for layer in layers if layer.kernel_size != (1, 1) or dim == 2048]) == {
        18: 17, 34: 33, 50: 53, 101: 104, 152: 155
    }[depth]  # fmt: skip


# A class token; a register; a token to distil into; rotated positions.
TIMM = ["test_vit", "test_vit2", "deit_tiny_distilled_patch16_224", "eva02_tiny_patch14_224"]
# Windows, with the channels last; a convolutional stem.
OTHERS = ["swin_tiny_patch4_window7_224", "vit_tiny_r_s16_p8_224"]


@pytest.mark.parametrize("name", TIMM + OTHERS)
def test_tokens_are_laid_out_as_timm_itself_does(name: str) -> None:
    backbone = at_seed(lambda: build_backbone(f"timm/{name}")).eval()
    images = drawn(*(112, 168) if "patch14" in name else (96, 160), images=1)
    with torch.no_grad():
        features = backbone(images)
        (oracle,) = backbone.network.network.forward_intermediates(
            images, indices=1, norm=True, intermediates_only=True
        )
    torch.testing.assert_close(features, oracle)
    assert features.shape[1] == backbone.feature_dim


@pytest.mark.parametrize("name", ["test_vit", "test_vit2"])
def test_at_its_own_size_a_transformer_is_the_plain_one(name: str) -> None:
    backbone = at_seed(lambda: build_backbone(f"timm/{name}")).eval()
    plain = at_seed(lambda: timm.create_model(name)).eval()
    with torch.no_grad():
        features, tokens = backbone(drawn(160, 160)), plain.forward_features(drawn(160, 160))
    assert torch.equal(features.flatten(2).mT, tokens[:, 1:])


def test_position_embeddings_are_resized_as_for_a_network_of_that_size() -> None:
    backbone = build_backbone("timm/test_vit").eval()
    state = backbone.network.network.state_dict()
    for size in (96, 224):
        other = timm.create_model("test_vit", img_size=size, num_classes=0).eval()
        fitted = timm.models.vision_transformer.checkpoint_filter_fn(dict(state), other)
        other.load_state_dict(fitted)
        with torch.no_grad():
            tokens = other.forward_features(drawn(size, size))
            torch.testing.assert_close(backbone(drawn(size, size)).flatten(2).mT, tokens[:, 1:])


@pytest.mark.parametrize("name", ["timm/test_vit", "timm/deit_tiny_distilled_patch16_224"])
def test_the_class_token_is_dropped_and_the_first_patch_is_not(name: str) -> None:
    backbone = build_backbone(name).eval()
    tokens = backbone.network.network.num_prefix_tokens
    plain = backbone(drawn())

    def changed(token: int) -> Tensor:
        def change(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            return output + torch.eye(output.shape[1])[token][None, :, None]

        hook = backbone.network.network.norm.register_forward_hook(change)
        try:
            return (backbone(drawn()) - plain).abs().amax(dim=(0, 1))
        finally:
            hook.remove()

    for token in range(tokens):
        assert not changed(token).any()
    assert changed(tokens).nonzero().tolist() == [[0, 0]]
    assert changed(tokens + 7).nonzero().tolist() == [[1, 1]], "six to a row"


# Those that read one map.
ON_ONE_MAP = [name for name, method in METHODS.items() if not head_class(method).reads_earlier]


@pytest.mark.parametrize("method", ON_ONE_MAP)
def test_every_head_learns_on_a_transformer_map(method: str) -> None:
    backbone = build_backbone("timm/test_vit2")
    head = head_class(METHODS[method])(backbone.feature_dim, label_space(), METHODS[method].options())
    model = MultiLabelModel(backbone, head)
    images = torch.randint(0, 256, (3, 3, 64, 96), dtype=torch.uint8)
    targets = torch.ones(3, CLASSES)
    output = model(images, targets)
    assert output.logits.shape == (3, CLASSES)
    loss_of(output, targets).backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name


def test_what_lies_behind_the_map_is_not_trained() -> None:
    with torch.no_grad():
        backbone = build_backbone("timm/test_vit2")
    fixed = [name for name, value in backbone.named_parameters() if not value.requires_grad]
    assert fixed == ["network.network.fc_norm.weight", "network.network.fc_norm.bias"]
    every = sum(value.numel() for value in backbone.parameters())
    assert count_parameters(backbone) == every - 2 * backbone.feature_dim


def test_the_attention_of_a_transformer_is_counted() -> None:
    backbone = build_backbone("timm/test_vit")
    model = MultiLabelModel(backbone, PooledLinearHead(64, label_space(), ResNetOptions()))
    patches, depth, dim, hidden = 36, 6, 64, 192
    tokens = patches + 1
    linear = tokens * (4 * dim * dim + 2 * dim * hidden)
    block = linear + 2 * tokens * tokens * dim
    expected = 2 * (patches * 3 * 16 * 16 * dim + depth * block + dim * CLASSES)
    assert count_flops(model, 96, torch.device("cpu")) == expected


def test_a_transformer_compiles_to_the_same_map() -> None:
    backbone = build_backbone("timm/test_vit").eval()
    backbone.network.network.blocks = backbone.network.network.blocks[:1]  # all blocks are alike
    compiled = torch.compile(backbone, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        torch.testing.assert_close(compiled(drawn(64, 96)), backbone(drawn(64, 96)))


def small_vit(size: int) -> models.VisionTransformer:
    torch.manual_seed(0)
    return models.VisionTransformer(size, 16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=48)


def test_torchvisions_transformers_take_any_size_too() -> None:
    whole = small_vit(96).eval()
    nn.init.normal_(whole.heads.head.weight)
    tokens: list[Tensor] = []
    whole.encoder.ln.register_forward_hook(lambda _module, _inputs, output: tokens.append(output))
    with torch.no_grad():
        whole(drawn())
        backbone = Backbone(_cut(whole, "small"), "small", (0.5,) * 3, (0.5,) * 3, size=96, stride=16).eval()
        torch.testing.assert_close(backbone(drawn()).flatten(2).mT, tokens[0][:, 1:])
    assert backbone(drawn(64, 160)).shape == (2, 32, 4, 10)
    with pytest.raises(UserError, match="patch size 16; choose an image size of 96 or 112"):
        backbone.check_size(100)
    assert not any("heads" in name for name in backbone.state_dict())


def test_torchvisions_position_embedding_keeps_the_grid_of_its_weights() -> None:
    small, large = small_vit(64), small_vit(96)
    small.encoder.register_load_state_dict_pre_hook(_take_grid)
    small.load_state_dict(large.state_dict())
    assert torch.equal(small.encoder.pos_embedding, large.encoder.pos_embedding)
    state = large.state_dict()
    state["encoder.pos_embedding"] = state["encoder.pos_embedding"][:, :-1]
    with pytest.raises(RuntimeError, match="size mismatch"):
        small.load_state_dict(state)  # no grid has so many positions


@pytest.mark.parametrize(
    ("name", "good", "bad", "remedy"),
    [
        ("timm/test_vit", (32, 96, 160, 224), 100, "should be divisible by patch size (16); choose an image "
         "size of 96, 112 or 160."),
        ("timm/botnet26t_256", (256,), 96, ": AssertionError; choose an image size of 256."),
        ("squeezenet1_1", (32, 33, 224), 16, "choose an image size of 32 or 224."),
    ],
)  # fmt: skip
def test_a_size_that_a_network_cannot_take_is_known_without_computing(
    name: str, good: tuple[int, ...], bad: int, remedy: str
) -> None:
    backbone = build_backbone(name)
    before = state_digest(backbone)
    for size in good:
        backbone.check_size(size)
    with pytest.raises(UserError) as caught:
        backbone.check_size(bad)
    assert str(caught.value).startswith(f"Backbone '{backbone.name}' cannot take images of {bad} pixels: ")
    assert str(caught.value).endswith(remedy)
    assert state_digest(backbone) == before and backbone.training
    with pytest.raises((RuntimeError, AssertionError)):
        backbone(drawn(bad, bad))
    assert backbone(drawn(good[0], good[0])).shape[1] == backbone.feature_dim


class Remembers(nn.Module):
    """Keeps what it computed from the last image, as timm's ConViT does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 4)
        self.last: Tensor | None = None

    def forward(self, images: Tensor) -> Tensor:
        self.last = self.layer(images)
        return self.last


def test_nothing_is_left_of_a_check_of_sizes() -> None:
    network = Remembers()
    backbone = Backbone(network, "remembers", (0.5,) * 3, (0.5,) * 3)
    backbone.check_size(64)
    assert backbone.feature_dim == 8 and network.last is None


def test_the_size_of_the_test_images_is_checked_before_anything_is_trained(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    fields = load_schedule("demo", {}).model_dump(mode="json") | {"eval_image_size": 40, "epochs": 1}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(fields))
    arguments = ("run", "--methods", "resnet,ml-gcn", "--schedule", "mine.yaml", *TINY)
    result = bench(tmp_path, tmp_path / "data", *arguments, "--backbone", "timm/test_vit")
    assert result.exit_code == 2
    assert "cannot take images of 40 pixels" in result.output and "32, 48 or 160" in result.output
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("name", ["mixer_s32_224", "pit_ti_224", "crossvit_tiny_240"])
def test_a_network_without_a_map_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=r"does not give a \(D, h, w\) feature map; choose a convolutional"):
        build_backbone(f"timm/{name}")


def test_two_seeds_and_two_builds() -> None:
    first, second = (at_seed(lambda: build_backbone("timm/test_vit")) for _ in range(2))
    assert state_digest(first) == state_digest(second)
    assert state_digest(build_backbone("timm/test_vit")) != state_digest(first)


@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        ("timm/test_vit", 0.5, 0.5),
        ("timm/deit_tiny_patch16_224", 0.485, 0.229),
        ("resnet18", 0.485, 0.229),
        ("efficientnet_lite0", 127 / 255, 128 / 255),
    ],
)
def test_each_network_gets_the_inputs_that_it_was_trained_on(name: str, mean: float, std: float) -> None:
    backbone = build_backbone(name)
    assert backbone.mean.flatten()[0].item() == pytest.approx(mean)
    assert backbone.std.flatten()[0].item() == pytest.approx(std)
