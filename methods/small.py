"""Heads in a size that computes in milliseconds, and inputs for them."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from bench.labels import count_labels
from bench.methods.catalog import Method
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.model import build_head, head_class

# All different, so that an axis of length CLASSES is always the class axis.
CLASSES, CHANNELS, WIDTH = 7, 32, 5
# Of the map before the last one.
EARLIER = 16
MAP = (3, 4)


def label_space(classes: int = CLASSES, never: int | None = None) -> LabelSpace:
    """A label space with `WIDTH`-dimensional vectors, counted on 40 images; label `never` is in none."""
    generator = np.random.default_rng(0)
    annotations = (generator.random((40, classes)) < 0.4).astype(np.int64)
    if never is not None:
        annotations[:, never] = 0
    counts, cooccurrence = count_labels(annotations)
    vectors = generator.standard_normal((classes, WIDTH))
    return LabelSpace(tuple(f"class {i}" for i in range(classes)), vectors, counts, cooccurrence, 40)


def batch(size: int = 4, classes: int = CLASSES, hw: tuple[int, int] = MAP) -> tuple[Tensor, Tensor]:
    """Features `(size, CHANNELS, h, w)` as after a ReLU, and targets `(size, classes)` in {0, 1}."""
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(size, CHANNELS, *hw, generator=generator).relu()
    return features, (torch.rand(size, classes, generator=generator) < 0.4).float()


def earlier_map(features: Tensor) -> Tensor:
    """An earlier map `(B, EARLIER, 2h, 2w)` for features; that of an image depends on it alone."""
    larger = features[:, -EARLIER:].repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
    places = torch.linspace(0.5, 1.5, larger[0].numel(), dtype=features.dtype, device=features.device)
    return larger * places.view(larger.shape[1:])


class BesideEarlier(Head):
    """A head that reads two maps, given the last: the other is made of it, without gradient."""

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.head = head

    def forward(
        self, features: Tensor, targets: Tensor | None = None, given: Tensor | None = None
    ) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        told = {} if given is None else {"given": given}
        output: HeadOutput = self.head(features, targets, earlier=earlier_map(features.detach()), **told)
        return output


def new_head(
    method: Method, options: Mapping[str, object], labels: LabelSpace | None = None, seed: int = 0
) -> Head:
    """A head for features with `CHANNELS` channels; one that reads two maps is `BesideEarlier`."""
    torch.manual_seed(seed)
    typed, space = method.options(**options), labels or label_space()
    if head_class(method).reads_earlier:
        return BesideEarlier(build_head(method, typed, space, CHANNELS, EARLIER))
    return build_head(method, typed, space, CHANNELS)
