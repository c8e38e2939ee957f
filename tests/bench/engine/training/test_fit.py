"""Parts of the engine that a whole run does not single out."""

import pytest
import torch
from torch import Tensor, nn

from bench.datasets.feed import EpochBatches, loader
from bench.engine.device.cost import count_flops, count_parameters, flops_of
from bench.engine.training.fit import _group_size
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.head import Head
from bench.methods.layers.transformer import TransformerLayer
from bench.methods.model import MultiLabelModel


def test_the_last_group_of_an_epoch_is_averaged_over_the_batches_it_has() -> None:
    assert [_group_size(number, 4, 10) for number in range(10)] == [4] * 8 + [2] * 2
    assert sum(1 / _group_size(number, 4, 10) for number in range(10)) == 3, "three steps of weight one"


def test_attention_is_counted_with_and_without_positions() -> None:
    tokens, dim, feedforward = 144, 64, 32
    layer = TransformerLayer(dim, feedforward, dropout=0)
    projections = 2 * tokens * dim * (3 * dim + dim)  # queries, keys and values, and what merges the heads
    attention = 2 * 2 * tokens * tokens * dim
    expected = projections + attention + 2 * 2 * tokens * dim * feedforward
    assert flops_of(layer, torch.zeros(1, tokens, dim)) == expected
    placed = _Placed(layer, torch.ones(tokens, dim))
    assert flops_of(placed, torch.zeros(1, tokens, dim)) == expected, "they are added, which is not counted"
    assert torch.backends.mha.get_fastpath_enabled(), "put back as it was"


class _Placed(nn.Module):
    """A layer with positions."""

    def __init__(self, layer: TransformerLayer, positions: Tensor) -> None:
        super().__init__()
        self.layer, self.positions = layer, positions

    def forward(self, tokens: Tensor) -> Tensor:
        attended: Tensor = self.layer(tokens, self.positions)
        return attended


def test_flops_of_a_known_convolution() -> None:
    backbone = Backbone(nn.Conv2d(3, 32, 4, stride=4, bias=False), "one convolution", (0.5,) * 3, (0.5,) * 3)
    model = MultiLabelModel(backbone, Head())
    model.forward = lambda images: backbone(backbone.normalize(images))  # type: ignore[method-assign]
    assert count_flops(model, 32, torch.device("cpu")) == 2 * 3 * 32 * 16 * 64
    assert count_parameters(model) == 3 * 32 * 16


def test_a_loader_leaves_the_global_generator_alone() -> None:
    batches = EpochBatches(4, 2, seed=0)
    dataset = torch.utils.data.TensorDataset(torch.zeros(4))
    torch.manual_seed(7)
    expected = torch.rand(1)
    torch.manual_seed(7)
    iter(loader(dataset, 0, torch.device("cpu"), batch_sampler=batches))  # type: ignore[arg-type]
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    ("name", "dim"),
    [("densenet121", 1024), ("mobilenet_v3_small", 576), ("resnet18", 512), ("timm/test_byobnet", 256)],
)
def test_backbones_give_the_map_that_their_classifier_would_pool(name: str, dim: int) -> None:
    backbone = build_backbone(name).eval()
    images = torch.randint(0, 256, (2, 3, 96, 64), dtype=torch.uint8)
    features = backbone(backbone.normalize(images))
    assert features.shape == (2, dim, 3, 2) and backbone.feature_dim == dim
    if name == "densenet121":
        assert (features >= 0).all(), "its forward applies a ReLU behind `features`"
