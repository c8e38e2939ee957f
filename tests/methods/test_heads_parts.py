"""What heads share: the gated graph network without a step, the position encoding."""

import numpy as np
import pytest
import torch

from bench.methods.layers.transformer import sine_positions
from bench.methods.options import SALGLOptions, SSGRLOptions
from bench.methods.salgl import SALGLHead
from bench.methods.ssgrl import SSGRLHead
from small_heads import CHANNELS, batch, label_space, loss_of


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
