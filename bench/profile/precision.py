"""A training step of each head, its optimiser included, in fp32 and in bf16 in turn."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import torch
from torch import Tensor
from torch.optim import AdamW

from bench.engine.device.cost import flops_of
from bench.engine.device.environment import fabric_on, precision_plugin
from bench.experiment.methods import MethodChoice
from bench.experiment.schedule import Precision
from bench.methods.head import Head
from bench.profile.bounds import FLOPS_OF_STEP, PRODUCT, PRODUCTS_AT_ONCE
from bench.profile.heads import Setting, loss_of, now

PRECISIONS: tuple[Precision, Precision] = ("fp32", "bf16")
LEARNING_RATE = 1e-4
# A processor without units for bf16 multiplies it a hundred times as slowly: there it is a smaller one.
SMALL_PRODUCT = (64, 1024, 1024)
TOO_LONG = 0.5  # seconds of a whole product


@dataclass
class Rates:
    """How often something ran in a second, in each repeat, in fp32 and in bf16.

    Attributes:
        flops: of one time; a multiply-add counts as two.
        fp32: images, or products, per second.
        bf16: the same in the same repeats.
    """

    flops: int
    fp32: list[float] = field(default_factory=list)
    bf16: list[float] = field(default_factory=list)

    def ratio(self) -> float:
        """Median over the repeats of the rate in bf16 by that in fp32."""
        return float(median(half / full for full, half in zip(self.fp32, self.bf16, strict=True)))


def measure_step(choice: MethodChoice, setting: Setting, repeats: int) -> Rates:
    """Training steps of a method's head on given features, in images per second."""
    features, targets = setting.images()
    rates = Rates(FLOPS_OF_STEP * flops_of(setting.head(choice), features) // setting.batch)
    steps = {precision: _trainer(setting.head(choice), precision, setting.device) for precision in PRECISIONS}
    for step in steps.values():
        step(features, targets)  # warms up
    for _ in range(repeats):
        for precision, step in steps.items():
            start = now(setting.device)
            step(features, targets)
            getattr(rates, precision).append(setting.batch / (now(setting.device) - start))
    return rates


def product_for(device: torch.device) -> tuple[int, int, int]:
    """The matrix product that is measured on a device: a small one where a whole one would take too long."""
    rows, inner, columns = SMALL_PRODUCT
    left, right = (torch.ones(size, device=device).bfloat16() for size in ((rows, inner), (inner, columns)))
    left @ right  # warms up
    start = now(device)
    left @ right
    larger = math.prod(PRODUCT) / math.prod(SMALL_PRODUCT)
    return SMALL_PRODUCT if (now(device) - start) * larger > TOO_LONG else PRODUCT


def measure_product(device: torch.device, repeats: int, product: tuple[int, int, int] = PRODUCT) -> Rates:
    """A plain matrix product, the bound of a step, in products per second."""
    rows, inner, columns = product
    left, right = torch.randn(rows, inner, device=device), torch.randn(inner, columns, device=device)
    factors = {"fp32": (left, right), "bf16": (left.bfloat16(), right.bfloat16())}
    rates = Rates(2 * rows * inner * columns)
    for repeat in range(repeats + 1):
        for precision, (one, other) in factors.items():
            start = now(device)
            for _ in range(PRODUCTS_AT_ONCE):
                one @ other
            if repeat:  # the first warms up
                getattr(rates, precision).append(PRODUCTS_AT_ONCE / (now(device) - start))
    return rates


def _trainer(head: Head, precision: Precision, device: torch.device) -> Callable[[Tensor, Tensor], None]:
    """One step as the engine takes it."""
    fabric = fabric_on(device, precision_plugin(precision, device))
    wrapped, optimizer = fabric.setup(head.train(), AdamW(head.parameters(), lr=LEARNING_RATE, fused=True))

    def step(features: Tensor, targets: Tensor) -> None:
        fabric.backward(loss_of(wrapped, features, targets))
        optimizer.step()
        optimizer.zero_grad()

    return step
