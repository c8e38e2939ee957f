"""How a head's numbers are held to those of the published implementation."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from bench.methods.head import Head
from bench.methods.published.heads import PUBLISHED

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


def assert_close(name: str, ours: Tensor, published: NDArray[np.float64], tolerance: float) -> None:
    difference = np.abs(ours.detach().double().numpy() - published).max()
    scale = np.abs(published).max()
    assert difference <= tolerance * scale, f"{name}: off by {difference / scale:.2e} of the largest value"
