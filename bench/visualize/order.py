"""In which order labels stand in a matrix, and which of them where there are many."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

Matrix = NDArray[np.float64]


def by_company(probability: Matrix) -> list[int]:
    """Labels in an order in which those that occur together stand together.

    Average linkage with the optimal order of the leaves (Bar-Joseph et al., Bioinformatics 2001), where two
    labels are as near as the larger of P(j | i) and P(i | j) says.

    Args:
        probability: `(C, C)`, P(j | i).
    """
    if len(probability) < 3:
        return list(range(len(probability)))
    distance = 1 - np.maximum(probability, probability.T)
    np.fill_diagonal(distance, 0)
    near = squareform(np.clip(distance, 0, None), checks=False)
    return [int(label) for label in leaves_list(optimal_leaf_ordering(linkage(near, "average"), near))]


def at_most(count: int, weight: NDArray[np.float64], first: Sequence[int] = ()) -> list[int]:
    """Positions of so many labels in ascending order: `first`, then those with the largest weight."""
    rank = weight.astype(np.float64).copy()
    rank[list(first)] = np.inf
    return sorted(int(label) for label in np.argsort(-rank, kind="stable")[:count])
