"""Parts of the engine that a whole run does not single out."""

import pytest
import torch
from torch import nn

from bench.datasets.feed import EpochBatches, loader
from bench.engine.cost import count_flops, count_parameters
from bench.engine.fit import _group_size
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone
from bench.methods.head import Head
from bench.methods.model import MultiLabelModel
from bench.methods.options import SALGLOptions
from bench.methods.salgl import SALGLHead
from small_heads import label_space


def test_the_last_group_of_an_epoch_is_averaged_over_the_batches_it_has() -> None:
    assert [_group_size(number, 4, 10) for number in range(10)] == [4] * 8 + [2] * 2
    assert sum(1 / _group_size(number, 4, 10) for number in range(10)) == 3, "three steps of weight one"


def test_attention_is_counted_with_and_without_positions() -> None:
    body = nn.Conv2d(3, 64, 8, stride=8)
    flops = []
    for positions in (False, True):
        head = SALGLHead(64, label_space(), SALGLOptions(hidden=16, feedforward=32, positions=positions))
        backbone = Backbone(body, "one convolution", (0.5,) * 3, (0.5,) * 3)
        flops.append(count_flops(MultiLabelModel(backbone, head), 96, torch.device("cpu")))
    # 144 positions are projected to queries and keys, which adds one product; all else is the same.
    assert flops[1] - flops[0] == 2 * 144 * 64 * (2 * 64)
    assert torch.backends.mha.get_fastpath_enabled(), "put back as it was"


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
