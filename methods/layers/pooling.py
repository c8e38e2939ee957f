"""The largest value of each channel over a feature map."""

import torch.nn.functional as F
from torch import Tensor


def largest_of_map(features: Tensor) -> Tensor:
    """The maximum over all positions, `(B, D)`, of a map `(B, D, h, w)`.

    Where several positions are the largest, the gradient goes to one of them, as in the `MaxPool2d` of the
    published code; that of `amax`, which would share it, takes several times as long. Without a gradient
    `amax` is the faster one.
    """
    if features.requires_grad:
        return F.max_pool2d(features, features.shape[2:]).flatten(1)
    return features.amax(dim=(2, 3))
