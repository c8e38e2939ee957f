"""What heads share, against plain formulations: attention, gated graph network, position encoding."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_heads import CHANNELS, CLASSES, HIDDEN, WIDTH, batch, label_space, loss_of
from torch import Tensor

import bench.methods.attention as attention_module
from bench.methods.attention import LabelAttention
from bench.methods.catalog import SALGLOptions, SSGRLOptions
from bench.methods.gated_graph import GatedGraphNetwork
from bench.methods.salgl import SALGLHead
from bench.methods.ssgrl import SSGRLHead
from bench.methods.transformer import sine_positions


def plain_attention(module: LabelAttention, positions: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Label attention as the publications write it, one position and label at a time."""
    shape = (len(positions), len(vectors), positions.shape[1])
    scores = torch.empty(shape, dtype=positions.dtype)
    for image, label, position in itertools.product(*map(range, shape)):
        joint = torch.tanh(module.image(positions[image, position]) * module.label(vectors[label]))
        scores[image, label, position] = module.target(module.hidden(joint)).squeeze()
    weights = torch.softmax(scores, dim=-1)
    return torch.einsum("bcn,bnd->bcd", weights, positions), weights


@pytest.mark.parametrize("at_once", [128, 3])
def test_folded_attention_is_the_plain_one(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attention_module, "LABELS_AT_ONCE", at_once)
    torch.manual_seed(0)
    module = LabelAttention(CHANNELS, WIDTH, HIDDEN).double()
    positions = torch.randn(2, 6, CHANNELS, dtype=torch.float64)
    vectors = torch.randn(CLASSES, WIDTH, dtype=torch.float64)
    probe = torch.randn(2, CLASSES, CHANNELS, dtype=torch.float64)
    results = []
    for attend in (module, lambda *inputs: plain_attention(module, *inputs)):
        module.zero_grad()
        pooled, weights = attend(positions, vectors)
        (pooled * probe).sum().backward()
        gradients = [weight.grad.clone() for weight in module.parameters() if weight.grad is not None]
        results.append([pooled, weights, *gradients])
    assert len(results[0]) == 2 + len(list(module.parameters()))
    for folded, plain in zip(*results, strict=True):
        torch.testing.assert_close(folded, plain)


@pytest.mark.parametrize("shared", [False, True])
def test_gated_graph_network_is_a_gru_over_messages(shared: bool) -> None:
    torch.manual_seed(0)
    network = GatedGraphNetwork(CHANNELS, steps=2, shared_state_gate=shared)
    graph, nodes = torch.rand(CLASSES, CLASSES), torch.randn(2, CLASSES, CHANNELS)
    messages, state = network.from_messages, network.from_state
    w_z, w_r, w_h = zip(messages.weight.chunk(3), messages.bias.chunk(3), strict=True)
    states = list(zip(state.weight.split(CHANNELS), state.bias.split(CHANNELS), strict=True))
    u_z, u_r = states[0], states[-1]
    expected = nodes
    for _ in range(2):
        incoming = torch.einsum("ij,bjd->bid", graph, expected)
        outgoing = torch.einsum("ji,bjd->bid", graph, expected)
        message = torch.cat([incoming, outgoing], dim=2)
        update = torch.sigmoid(F.linear(message, *w_z) + F.linear(expected, *u_z))
        reset = torch.sigmoid(F.linear(message, *w_r) + F.linear(expected, *u_r))
        candidate = torch.tanh(F.linear(message, *w_h) + network.from_reset_state(reset * expected))
        expected = (1 - update) * expected + update * candidate
    torch.testing.assert_close(network(nodes, graph), expected)
    torch.testing.assert_close(network(nodes, graph.expand(2, -1, -1)), expected)
    assert len(states) == (1 if shared else 2)


@pytest.mark.parametrize("head", [SSGRLHead, SALGLHead])
def test_without_steps_no_parameter_is_idle(head: type[SSGRLHead] | type[SALGLHead]) -> None:
    options = {SSGRLHead: SSGRLOptions(steps=0), SALGLHead: SALGLOptions(steps=0)}[head]
    module = head(CHANNELS, label_space(), options)  # type: ignore[arg-type]
    features, targets = batch()
    loss_of(module(features, targets), targets).backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_sine_positions_encode_rows_and_columns_apart() -> None:
    encoding = sine_positions(3, 5, like=torch.zeros(16)).view(3, 5, 16)
    assert torch.equal(encoding[:, :1, :8].expand(-1, 5, -1), encoding[..., :8])
    assert torch.equal(encoding[:1, :, 8:].expand(3, -1, -1), encoding[..., 8:])
    # Channel 2k of the row half: sin(row / rows * 2π / 10000^(2k / 8)), rows counted from 1.
    angle = 2 / 3 * 2 * np.pi / 10000 ** (2 / 8)
    assert float(encoding[1, 0, 2]) == pytest.approx(np.sin(angle), abs=1e-5)
    assert float(encoding[1, 0, 3]) == pytest.approx(np.cos(angle), abs=1e-5)
