"""What a head cannot be faster than: its matrix products, and the memory that it reads and writes."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

from bench.profile.heads import HeadCost, Setting, now
from bench.profile.report import three_digits

# Images and labels, channels in, channels out.
PRODUCT = (1024, 2048, 2048)
PRODUCTS_AT_ONCE = 4
COPIED = 2**28  # bytes: more than any cache holds
# The backward pass multiplies twice as much as the forward pass.
FLOPS_OF_STEP = 3
BYTES = 4  # of a number in float32


@dataclass(frozen=True)
class Bounds:
    """What a machine reaches where nothing else is in the way.

    Attributes:
        product: operations per second of a plain matrix product in float32; a multiply-add counts as two.
        copy: bytes per second that a copy reads and writes.
    """

    product: float
    copy: float

    def forward(self, cost: HeadCost, setting: Setting) -> str:
        """In words, for an evaluation: it reads the features and the parameters."""
        return self._said(cost.flops, _features(setting) + BYTES * cost.parameters)

    def training(self, cost: HeadCost, setting: Setting) -> str:
        """In words, for a forward and a backward pass.

        Beside what an evaluation reads: what is kept is written and read, features and parameters are read
        again, and their gradients are written.
        """
        moved = 2 * cost.activations + 3 * (_features(setting) + BYTES * cost.parameters)
        return self._said(FLOPS_OF_STEP * cost.flops, moved)

    def _said(self, flops: int, moved: int) -> str:
        products, memory = 1e3 * flops / self.product, 1e3 * moved / self.copy
        said = "products at a plain one's speed: {} ms; memory at a copy's: {} ms"
        return said.format(three_digits(products), three_digits(memory))


def measure_bounds(device: torch.device, repeats: int) -> Bounds:
    """The medians of a plain matrix product and of a copy on a device."""
    rows, inner, columns = PRODUCT
    left, right = torch.randn(rows, inner, device=device), torch.randn(inner, columns, device=device)
    source = torch.zeros(COPIED, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    seconds = _seconds(lambda: left @ right, device, repeats)
    copying = _seconds(lambda: target.copy_(source), device, repeats)
    return Bounds(2 * rows * inner * columns / seconds, 2 * COPIED / copying)


def _seconds(act: Callable[[], object], device: torch.device, repeats: int) -> float:
    times = []
    for repeat in range(repeats + 1):
        start = now(device)
        for _ in range(PRODUCTS_AT_ONCE):
            act()
        if repeat:  # the first warms up
            times.append((now(device) - start) / PRODUCTS_AT_ONCE)
    return float(median(times))


def _features(setting: Setting) -> int:
    """Bytes of the feature map that a head is given."""
    return BYTES * setting.batch * setting.channels * setting.side**2
