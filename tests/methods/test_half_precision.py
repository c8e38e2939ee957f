"""In mixed precision the matrix products of a head, and those of its gradients, are in half precision."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.methods.catalog import METHODS
from bench.methods.model import build_head, head_class
from bench.methods.small import EARLIER, BesideEarlier
from small_heads import label_space, loss_of

# Wide enough that what is scored, which stays in float32, is a small part.
CHANNELS = 64
PRODUCTS = {"mm": (0, 1), "bmm": (0, 1), "addmm": (1, 2), "baddbmm": (1, 2)}


class Products(TorchDispatchMode):
    """Counts the multiply-adds of matrix products by the precision of their factors."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[torch.dtype, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        factors = PRODUCTS.get(func.overloadpacket.__name__)
        if factors:
            left, right = (args[place] for place in factors)
            count = left.numel() * right.shape[-1]
            self.counts[left.dtype] = self.counts.get(left.dtype, 0) + count
        return func(*args, **kwargs or {})


def products_of(step: Callable[[], Tensor]) -> dict[torch.dtype, int]:
    with Products() as products:
        step().backward()
    return products.counts


@pytest.mark.parametrize("side", [2, 6], ids=["fewer positions than labels", "more positions than labels"])
@pytest.mark.parametrize("name", ["ml-gcn", "ssgrl", "add-gcn", "salgl", "query2label", "c-tran", "tdrg"])
def test_the_products_of_a_step_are_in_half_precision(name: str, side: int) -> None:
    method = METHODS[name]
    two_maps = head_class(method).reads_earlier
    head = build_head(method, method.options(), label_space(), CHANNELS, EARLIER if two_maps else None)
    head = (BesideEarlier(head) if two_maps else head).train()
    features, targets = torch.rand(4, CHANNELS, side, side), torch.ones(4, len(label_space().names))

    def step() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return loss_of(head(features, targets), targets)

    counts = products_of(step)
    assert counts[torch.bfloat16] > 10 * counts.get(torch.float32, 0)
