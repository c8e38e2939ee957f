"""The number of layers of ML-GCN."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from bench.errors import UserError
from bench.experiment.methods import parse_methods
from bench.methods.ml_gcn import MLGCNHead
from bench.methods.options import MLGCNOptions
from small_heads import CHANNELS, HIDDEN, WIDTH, batch, label_space

NAMES = ("first", "second", "third", "fourth")


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_each_layer_but_the_last_has_the_hidden_width_and_a_leaky_relu(layers: int) -> None:
    torch.manual_seed(0)
    head = MLGCNHead(CHANNELS, label_space(), MLGCNOptions(hidden=HIDDEN, layers=layers))
    weights = [head.state_dict()[f"{name}.weight"] for name in NAMES[:layers]]
    widths = [WIDTH, *[HIDDEN] * (layers - 1), CHANNELS]
    assert [tuple(weight.shape) for weight in weights] == list(pairwise(widths))
    assert len(list(head.parameters())) == layers
    nodes = head.label_vectors
    for number, weight in enumerate(weights):
        nodes = head.propagation @ (F.leaky_relu(nodes, 0.2) if number else nodes) @ weight
    features, _ = batch()
    torch.testing.assert_close(head(features).logits, features.amax((2, 3)) @ nodes.T)


def test_the_published_model_has_two_layers_and_more_than_four_are_refused() -> None:
    assert parse_methods(("ml-gcn/layers=2",)) == parse_methods(("ml-gcn",))
    with pytest.raises(UserError, match="'layers' is 5: input should be less than or equal to 4"):
        parse_methods(("ml-gcn/layers=5",))
