"""The gated graph network that SSGRL and SALGL run over the label graph."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import Function


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
        outgoing: pass messages along `Pᵀ` too; without, `m = P h`.
    """

    def __init__(self, dim: int, steps: int, shared_state_gate: bool = False, outgoing: bool = True) -> None:
        super().__init__()
        self.steps = steps
        self.outgoing = outgoing
        if steps:
            self.from_messages = nn.Linear((2 if outgoing else 1) * dim, 3 * dim)
            self.from_state = nn.Linear(dim, dim if shared_state_gate else 2 * dim)
            self.from_reset_state = nn.Linear(dim, dim)

    def forward(self, weights: Tensor, positions: Tensor, graph: Tensor) -> tuple[Tensor, Tensor]:
        """Run all steps on nodes that are weighted sums of positions, as attention makes them.

        Args:
            weights: `(B, C, N)`, what each position is worth to each node; they sum to 1 over N.
            positions: `(B, N, dim)`.
            graph: `(C, C)`, or `(B, C, C)` with one per image.

        Returns:
            The nodes before the first step and after the last, `(B, C, dim)` both.
        """
        nodes = states = weights @ positions
        steps = self.steps
        if steps and weights.shape[1] > weights.shape[2]:
            states = self._first_step(weights, positions, nodes, graph)
            steps -= 1
        if steps:
            layers = (self.from_messages, self.from_state, self.from_reset_state)
            tensors = [tensor for layer in layers for tensor in (layer.weight, layer.bias)]
            if torch.is_autocast_enabled(states.device.type):
                # Once, and not at every step and once more in the backward pass. The states too: the backward
                # pass is in the precision of their gradient.
                half = torch.get_autocast_dtype(states.device.type)
                states, graph, *tensors = (tensor.to(half) for tensor in (states, graph, *tensors))
            states = Recurrence.apply(states, graph, steps, self.outgoing, *tensors)
        return nodes, states

    def _first_step(self, weights: Tensor, positions: Tensor, nodes: Tensor, graph: Tensor) -> Tensor:
        """The first step, with its layers applied before the sums over the positions.

        Both are linear, so the order does not matter; with fewer positions than nodes this one is cheaper.
        """
        layer = self.from_messages
        directions = 2 if self.outgoing else 1
        # A column of the layer belongs to a channel of P h or of Pᵀ h. As rows: output by output, direction.
        rows = layer.weight.view(-1, positions.shape[-1])
        through = (positions @ rows.T).view(*positions.shape[:2], -1, directions)
        through = through.permute(0, 3, 1, 2).flatten(1, 2)
        messages = _passed(weights, graph, self.outgoing) @ through + layer.bias
        # The weights of a node sum to 1, so that a bias stays what it is.
        state = weights @ self.from_state(positions)
        reset_layer = self.from_reset_state
        return _update(nodes, messages, state, reset_layer.weight, reset_layer.bias)[0]


class Recurrence(Function):
    """Steps of the network, with the gradient of each layer in one matrix product over all of them.

    Step by step it would be several products of few rows, and sums of matrices as large as the layer. Of each
    step, the states and the gates alone are kept for the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, graph: Tensor, steps: int, outgoing: bool, *layers: Tensor
    ) -> Tensor:
        """Run the steps.

        Args:
            ctx: for the backward pass.
            states: `(B, C, dim)`.
            graph: `(C, C)` or `(B, C, C)`.
            steps: how many, at least one.
            outgoing: pass messages along the transpose of the graph too.
            layers: weight and bias of `from_messages`, `from_state` and `from_reset_state`.
        """
        kept: list[Tensor] = []
        for _ in range(steps):
            messages = F.linear(_passed(states, graph, outgoing), layers[0], layers[1])
            state = F.linear(states, layers[2], layers[3])
            new, *gates = _update(states, messages, state, layers[4], layers[5])
            kept += [states, *gates]
            states = new
        ctx.save_for_backward(graph, *layers[::2], *kept)
        ctx.outgoing = outgoing
        return states

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """From the gradient at the last states to those at what `forward` takes."""
        # Under autocast what was kept is in half precision, and so are the products here.
        graph, from_messages, from_state, from_reset, *kept = (
            tensor.to(gradient.dtype) for tensor in ctx.saved_tensors
        )
        dim = gradient.shape[-1]
        shared = len(from_state) == dim
        to_graph: Tensor | None = None
        pairs: list[list[tuple[Tensor, Tensor]]] = [[], [], []]
        for step in range(len(kept) - 4, -1, -4):
            states, update, reset, candidate = kept[step : step + 4]
            to_update = gradient * (candidate - states) * update * (1 - update)
            to_candidate = gradient * update * (1 - candidate.square())
            to_reset_states = to_candidate @ from_reset
            to_reset = to_reset_states * states * reset * (1 - reset)
            to_messages = torch.cat([to_update, to_reset, to_candidate], dim=-1)
            to_state = to_update + to_reset if shared else to_messages[..., : 2 * dim]
            pairs[0].append((to_messages, _passed(states, graph, ctx.outgoing)))
            pairs[1].append((to_state, states))
            pairs[2].append((to_candidate, reset * states))

            to_passed = (to_messages @ from_messages).split(dim, dim=-1)
            gradient = gradient * (1 - update) + to_reset_states * reset + to_state @ from_state
            gradient = gradient + graph.mT @ to_passed[0]
            if ctx.outgoing:
                gradient = gradient + graph @ to_passed[1]
            if ctx.needs_input_grad[1]:
                of_step = to_passed[0] @ states.mT
                if ctx.outgoing:
                    of_step = of_step + states @ to_passed[1].mT
                to_graph = of_step if to_graph is None else to_graph + of_step
        if to_graph is not None:
            to_graph = to_graph.sum_to_size(graph.shape)
        return gradient, to_graph, None, None, *(g for pair in pairs for g in _of_layer(pair))


def _passed(values: Tensor, graph: Tensor, outgoing: bool) -> Tensor:
    """What arrives at each node: `P h`, and `Pᵀ h` beside it."""
    if not outgoing:
        return graph @ values
    return torch.cat([graph @ values, graph.mT @ values], dim=-1)


def _update(
    states: Tensor, messages: Tensor, state: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """New states and the gates z, r, tanh, from what the layers made of messages and states."""
    update, reset, candidate = messages.chunk(3, dim=-1)
    dim = states.shape[-1]
    # Two halves, or twice the whole where both gates share it.
    update = torch.sigmoid(update + state[..., :dim])
    reset = torch.sigmoid(reset + state[..., -dim:])
    candidate = torch.tanh(candidate + F.linear(reset * states, weight, bias))
    return states + update * (candidate - states), update, reset, candidate


def _of_layer(pairs: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Gradients of weight and bias, from the gradients at the layer's outputs and its inputs by step."""
    outputs, inputs = (torch.cat(parts).flatten(0, 1) for parts in zip(*pairs, strict=True))
    return outputs.T @ inputs, outputs.sum(dim=0)
