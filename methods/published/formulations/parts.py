"""What several published formulations have in common."""

import torch
from torch import Tensor, nn

Gate = tuple[nn.Linear, nn.Linear]


def gated_update(messages: Tensor, states: Tensor, update: Gate, reset: Gate, candidate: Gate) -> Tensor:
    """One step of a GRU; a gate is its layer over the messages and its layer over the states."""
    z = torch.sigmoid(update[0](messages) + update[1](states))
    r = torch.sigmoid(reset[0](messages) + reset[1](states))
    h = torch.tanh(candidate[0](messages) + candidate[1](r * states))
    return (1 - z) * states + z * h


class ClassWise(nn.Module):
    """One linear classifier per class, on `(B, C, dim)`."""

    def __init__(self, num_classes: int, dim: int) -> None:
        super().__init__()
        bound = dim**-0.5
        self.weight = nn.Parameter(torch.empty(num_classes, dim).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_classes).uniform_(-bound, bound))

    def forward(self, nodes: Tensor) -> Tensor:
        """Logits `(B, C)`."""
        return (nodes * self.weight).sum(dim=2) + self.bias
