"""Label graphs from counts of labels, as the published codes build them. NumPy, float64."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Matrix = NDArray[np.float64]


def conditional_probability(counts: ArrayLike, cooccurrence: ArrayLike) -> Matrix:
    """`P[i, j] = P(j | i)`, how often label j is present where label i is.

    Args:
        counts: `(C,)`, images per label.
        cooccurrence: `(C, C)`, images per pair of labels.

    Returns:
        `(C, C)`. The row of a label that never occurs is zero: nothing is known about it.
    """
    images = np.asarray(counts, dtype=np.float64)[:, None]
    pairs = np.asarray(cooccurrence, dtype=np.float64)
    return np.divide(pairs, images, out=np.zeros_like(pairs), where=images > 0)


def reweighted_graph(probability: Matrix, tau: float, p: float) -> Matrix:
    """ML-GCN's binarised and re-weighted graph (Eq. 7 and 8, in the form of the published code).

    A node shares the weight `p / (1 - p)` among its neighbours and keeps 1 for itself, which avoids
    over-smoothing. The published code divides by column sums, so the shares of a *column* add up.

    Args:
        probability: `(C, C)`, `P(j | i)`.
        tau: edges with a lower probability are dropped.
        p: the weight of all neighbours together, before scaling by `1 / (1 - p)`.
    """
    edges = (probability >= tau).astype(np.float64)
    shares = edges * (p / (1 - p)) / (edges.sum(axis=0, keepdims=True) + 1e-6)
    graph: Matrix = shares + np.eye(len(edges))
    return graph


def propagation_matrix(graph: Matrix) -> Matrix:
    """`D^-1/2 Aᵀ D^-1/2`, where D are the row sums of A.

    Not the textbook normalisation, because A is not symmetric: the published ML-GCN takes degrees from
    the rows of A and propagates along its transpose.
    """
    scale = graph.sum(axis=1) ** -0.5
    propagation: Matrix = scale[:, None] * graph.T * scale[None, :]
    return propagation
