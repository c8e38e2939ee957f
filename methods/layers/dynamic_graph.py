"""The graph network of ADD-GCN (D-GCN), and the combinations of its two graphs (Table 4 of the paper).

Ye, He, Peng, Wu, Qiao: Attention-Driven Dynamic Graph Convolutional Network for Multi-Label Image
Recognition, ECCV 2020.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GraphNetwork(nn.Module):
    """A graph convolution over a learned graph, and one over a graph computed from the nodes.

    The two layers (Eq. 3 and 4, in the form of the published code) are `static(V) = LReLU(LReLU(A_s V) W_s)`
    and `dynamic(V) = LReLU(LReLU(A_d V) W_d)` with `A_d = sigmoid(W_A [v_g, V])`. A layer that the
    combination does not use has no parameters here.
    """

    def __init__(self, num_classes: int, dim: int, combination: "Combination") -> None:
        super().__init__()
        self.combine = combination.formula
        if combination.static:
            self.static_graph = nn.Linear(num_classes, num_classes, bias=False)
            self.static_update = nn.Linear(dim, dim)
        if combination.dynamic:
            self.summary = nn.Linear(dim, dim)
            self.summary_norm = nn.BatchNorm1d(dim)
            self.dynamic_graph = nn.Linear(2 * dim, num_classes)
            self.dynamic_update = nn.Linear(dim, dim)

    def static(self, nodes: Tensor) -> Tensor:
        """One layer over the graph that all images share, `(B, C, dim)` to `(B, C, dim)`."""
        gathered = F.leaky_relu(self.static_graph(nodes.mT).mT, 0.2)
        return F.leaky_relu(self.static_update(gathered), 0.2)

    def dynamic(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """One layer over the graph of each image; also that graph `(B, C, C)`.

        Row n of the graph holds the weights with which node n gathers all nodes: the transpose of A_d as
        the published code lays it out.
        """
        summary = F.leaky_relu(self.summary_norm(self.summary(nodes.mean(dim=1))), 0.2)
        pairs = torch.cat([summary[:, None].expand_as(nodes), nodes], dim=-1)
        graph = torch.sigmoid(self.dynamic_graph(pairs))
        gathered = F.leaky_relu(graph @ nodes, 0.2)
        return F.leaky_relu(self.dynamic_update(gathered), 0.2), graph

    def forward(self, nodes: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map category representations V to the final ones.

        Args:
            nodes: `(B, C, dim)`.

        Returns:
            `(B, C, width * dim)`, with the `width` of the combination, and the graph to look at: `(B, C, C)`
            of each image, `(C, C)` where only the static one is used, None where there is none.
        """
        return self.combine(self, nodes)


Formula = Callable[[GraphNetwork, Tensor], tuple[Tensor, Tensor | None]]


def no_graph(_: GraphNetwork, nodes: Tensor) -> tuple[Tensor, Tensor | None]:
    """`Z = V`."""
    return nodes, None


def static_alone(network: GraphNetwork, nodes: Tensor) -> tuple[Tensor, Tensor | None]:
    """`Z = V + static(V)`."""
    return nodes + network.static(nodes), network.static_graph.weight


def dynamic_alone(network: GraphNetwork, nodes: Tensor) -> tuple[Tensor, Tensor | None]:
    """`Z = V + dynamic(V)`."""
    update, graph = network.dynamic(nodes)
    return nodes + update, graph


def parallel_add(network: GraphNetwork, nodes: Tensor) -> tuple[Tensor, Tensor | None]:
    """`Z = V + static(V) + dynamic(V)`."""
    update, graph = network.dynamic(nodes)
    return nodes + network.static(nodes) + update, graph


def parallel_mul(network: GraphNetwork, nodes: Tensor) -> tuple[Tensor, Tensor | None]:
    """`Z = V + static(V) * dynamic(V)`, element by element."""
    update, graph = network.dynamic(nodes)
    return nodes + network.static(nodes) * update, graph


def parallel_cat(network: GraphNetwork, nodes: Tensor) -> tuple[Tensor, Tensor | None]:
    """`Z = [V + static(V), V + dynamic(V)]`, twice as wide."""
    update, graph = network.dynamic(nodes)
    return torch.cat([nodes + network.static(nodes), nodes + update], dim=-1), graph


def dynamic_static(network: GraphNetwork, nodes: Tensor) -> tuple[Tensor, Tensor | None]:
    """`H = V + dynamic(V)`, `Z = V + static(H)`."""
    update, graph = network.dynamic(nodes)
    return nodes + network.static(nodes + update), graph


def static_dynamic(network: GraphNetwork, nodes: Tensor) -> tuple[Tensor, Tensor | None]:
    """`H = V + static(V)`, `Z = V + dynamic(H)`: the published model."""
    update, graph = network.dynamic(nodes + network.static(nodes))
    return nodes + update, graph


@dataclass(frozen=True)
class Combination:
    """Which graphs are used, and how.

    Attributes:
        formula: from the network and the nodes to the final representations.
        static, dynamic: whether the formula uses that layer.
        width: how many times as wide as the nodes the final representations are.
    """

    formula: Formula
    static: bool = True
    dynamic: bool = True
    width: int = 1


# The paper does not write the two residuals of the published code, V + static(V) before the second graph
# and V + ... at the end. They are kept in every combination, so that a row of Table 4 differs from the
# published model in its graphs alone.
COMBINATIONS: dict[str, Combination] = {
    "none": Combination(no_graph, static=False, dynamic=False),
    "static": Combination(static_alone, dynamic=False),
    "dynamic": Combination(dynamic_alone, static=False),
    "parallel-add": Combination(parallel_add),
    "parallel-mul": Combination(parallel_mul),
    "parallel-cat": Combination(parallel_cat, width=2),
    "dynamic-static": Combination(dynamic_static),
    "static-dynamic": Combination(static_dynamic),
}
