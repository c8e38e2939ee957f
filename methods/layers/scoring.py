"""What is scored is computed in float32 also in mixed precision.

A score in half precision has eight or eleven bits: images tie, and a tie moves mAP by tenths.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@contextmanager
def exactly(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The tensors in float32, or in float64 where they are, with autocast switched off."""
    with torch.autocast(tensors[0].device.type, enabled=False):
        yield tuple(tensor.to(torch.promote_types(tensor.dtype, torch.float32)) for tensor in tensors)


def linear_scores(layer: nn.Linear, values: Tensor) -> Tensor:
    """What a linear layer makes of values `(..., dim)`."""
    with exactly(values) as (wide,):
        return F.linear(wide, layer.weight, layer.bias)
