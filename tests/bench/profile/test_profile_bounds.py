"""What bounds a head is what its products and its memory take at the speeds of the machine."""

import torch

from bench.profile.bounds import Bounds, measure_bounds
from bench.profile.heads import HeadCost, Setting

SETTING = Setting(classes=3, batch=2, side=4, channels=8, device=torch.device("cpu"))
# The map takes 1024 bytes, the parameters 4000.
COST = HeadCost(parameters=1000, flops=6000, activations=2000, peak=0)
BOUNDS = Bounds(product=1e6, copy=1e5)


def test_the_times_are_those_of_what_is_computed_and_moved() -> None:
    said = "products at a plain one's speed: {} ms; memory at a copy's: {} ms"
    assert BOUNDS.forward(COST, SETTING) == said.format("6", "50.2")
    # Three times the products; 2 x 2000 bytes kept, 3 x 5024 of the map and the parameters.
    assert BOUNDS.training(COST, SETTING) == said.format("18", "191")


def test_a_machine_has_bounds() -> None:
    found = measure_bounds(torch.device("cpu"), 1)
    assert found.product > 1e8 and found.copy > 1e7
