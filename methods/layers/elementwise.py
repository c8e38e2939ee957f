"""One linear classifier per class, each reading only the vector of its own class."""

import torch
from torch import Tensor, nn

from bench.methods.layers.scoring import exactly


class ElementwiseClassifier(nn.Module):
    """`logit_c = w_c · x_c + b_c`, the last layer of SSGRL, ADD-GCN and SALGL."""

    def __init__(self, num_classes: int, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_classes, dim))
        self.bias = nn.Parameter(torch.empty(num_classes))
        for parameter in (self.weight, self.bias):
            nn.init.uniform_(parameter, -(dim**-0.5), dim**-0.5)

    def forward(self, nodes: Tensor) -> Tensor:
        """Map class vectors `(B, C, dim)` to logits `(B, C)`."""
        with exactly(nodes) as (wide,):
            return torch.einsum("bcd,cd->bc", wide, self.weight) + self.bias
