"""How a head's numbers are held to those of the published implementation."""

from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor

from bench.methods.head import Head
from bench.methods.published.heads import PUBLISHED

# Relative errors that are asked for: of everything in float64, of gradients in float64, of logits in float32.
OUTPUTS, GRADIENTS, SINGLE = 1e-9, 1e-6, 1e-3
# Biases before a softmax or a batch normalisation have no gradient but rounding, which is below this.
ROUNDING = 1e-11


def published_gradient_norms(method: str, head: Head) -> dict[str, float]:
    """Norms of the head's gradients, cut up and named as the published code has them."""
    gradients = {name: parameter.grad for name, parameter in head.named_parameters()}
    places = PUBLISHED[method].places
    parts = Counter(place.name for place in places.values())
    norms = {}
    for name, place in places.items():
        gradient = gradients.get(place.name)
        if gradient is not None:
            norms[name] = float(gradient.chunk(parts[place.name])[place.block].norm())
    return norms


# The largest errors of each case that was compared, by what was asked for; `parity_table` prints them.
NOTED: dict[str, dict[float, float]] = defaultdict(dict)


def note(case: str, tolerance: float, error: float) -> None:
    NOTED[case][tolerance] = max(error, NOTED[case].get(tolerance, 0.0))


def assert_close(
    case: str, name: str, ours: Tensor, published: NDArray[np.float64], tolerance: float
) -> None:
    """Hold one array of a case to the published one, relative to its largest value."""
    assert tuple(ours.shape) == np.shape(published), name
    difference = np.abs(ours.detach().double().numpy() - published).max()
    scale = np.abs(published).max()
    assert difference <= tolerance * scale, f"{name}: off by {difference / scale:.2e} of the largest value"
    note(case, tolerance, float(difference / scale))


def assert_norms(case: str, ours: Mapping[str, float], published: Mapping[str, float]) -> None:
    """Hold the norms of the gradients at all parameters to the published ones, each relative to itself.

    The published code has no gradient for a parameter where we have none, and for no other.
    """
    assert ours.keys() == published.keys()
    for name, norm in published.items():
        assert ours[name] == pytest.approx(norm, rel=GRADIENTS, abs=ROUNDING), name
        if norm > ROUNDING:
            note(case, GRADIENTS, abs(ours[name] - norm) / norm)
