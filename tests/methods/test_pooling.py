"""The maximum over a map: the published layer's values and gradients, with and without positions that tie."""

import pytest
import torch
import torch.nn.functional as F

from bench.methods.layers.pooling import largest_of_map


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_the_published_layer(
    ties: bool, memory: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(3, 8, 5, 7, generator=generator)
    if ties:
        features = features.relu().round()
    features = features.contiguous(memory_format=memory)
    upstream = torch.randn(3, 8, generator=generator)
    ours, published = (features.clone().requires_grad_() for _ in range(2))
    found, expected = largest_of_map(ours), F.max_pool2d(published, (5, 7)).flatten(1)
    found.backward(upstream)
    expected.backward(upstream)
    assert torch.equal(found, expected) and torch.equal(found, largest_of_map(features))
    assert ours.grad is not None and published.grad is not None
    assert torch.equal(ours.grad, published.grad)
    assert int(ours.grad.ne(0).sum()) == 3 * 8, "one position of each channel has all of it"
