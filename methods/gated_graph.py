"""The gated graph network that SSGRL and SALGL run over the label graph."""

import torch
from torch import Tensor, nn


class GatedGraphNetwork(nn.Module):
    """Passes messages along a label graph and its transpose, and updates the nodes as a GRU does.

    For node states `h` and a graph `P`, in each step:

        m = [P h, Pᵀ h]
        z = sigmoid(W_z m + U_z h)                 update gate
        r = sigmoid(W_r m + U_r h)                 reset gate
        h ← (1 - z) h + z tanh(W_h m + U_h (r h))

    Layers that read the same input are one matrix product; their outputs are in the order z, r, h.

    Args:
        dim: width of a node state.
        steps: time steps; with 0 the network has no parameters and changes nothing.
        shared_state_gate: the published SSGRL computes `r` with `U_z` in place of `U_r`.
    """

    def __init__(self, dim: int, steps: int, shared_state_gate: bool = False) -> None:
        super().__init__()
        self.steps = steps
        self.shared_state_gate = shared_state_gate
        if steps:
            self.from_messages = nn.Linear(2 * dim, 3 * dim)
            self.from_state = nn.Linear(dim, dim if shared_state_gate else 2 * dim)
            self.from_reset_state = nn.Linear(dim, dim)

    def forward(self, nodes: Tensor, graph: Tensor) -> Tensor:
        """Run all steps on nodes `(B, C, dim)` over a graph `(C, C)`, or `(B, C, C)` with one per image."""
        for _ in range(self.steps):
            messages = torch.cat([graph @ nodes, graph.mT @ nodes], dim=-1)
            nodes = self._update(messages, nodes)
        return nodes

    def _update(self, messages: Tensor, nodes: Tensor) -> Tensor:
        update, reset, candidate = self.from_messages(messages).chunk(3, dim=-1)
        state: Tensor = self.from_state(nodes)
        update_state, reset_state = (state, state) if self.shared_state_gate else state.chunk(2, dim=-1)
        update = torch.sigmoid(update + update_state)
        reset = torch.sigmoid(reset + reset_state)
        candidate = torch.tanh(candidate + self.from_reset_state(reset * nodes))
        return nodes + update * (candidate - nodes)
