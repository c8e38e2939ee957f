"""Label graphs against their definitions, element by element."""

import numpy as np
import pytest

from bench.methods.graph import conditional_probability, propagation_matrix, reweighted_graph

COUNTS = np.array([10, 4, 0, 6, 1])
PAIRS = np.array(
    [
        [0, 3, 0, 5, 1],
        [3, 0, 0, 2, 0],
        [0, 0, 0, 0, 0],
        [5, 2, 0, 0, 0],
        [1, 0, 0, 0, 0],
    ]
)


def test_conditional_probability_divides_by_the_row_label() -> None:
    probability = conditional_probability(COUNTS, PAIRS)
    assert probability.dtype == np.float64
    for i in range(5):
        for j in range(5):
            assert probability[i, j] == (PAIRS[i, j] / COUNTS[i] if COUNTS[i] else 0)


@pytest.mark.parametrize(("tau", "p"), [(0.4, 0.2), (0.0, 0.5), (1.0, 0.0)])
def test_reweighted_graph_shares_p_among_the_column(tau: float, p: float) -> None:
    probability = conditional_probability(COUNTS, PAIRS)
    graph = reweighted_graph(probability, tau, p)
    for i in range(5):
        for j in range(5):
            neighbours = sum(probability[k, j] >= tau for k in range(5))
            share = p / (1 - p) / (neighbours + 1e-6) if probability[i, j] >= tau else 0
            assert graph[i, j] == pytest.approx(share + (i == j), rel=1e-12)


def test_propagation_runs_along_the_transpose_with_row_degrees() -> None:
    graph = reweighted_graph(conditional_probability(COUNTS, PAIRS), tau=0.4, p=0.2)
    propagation = propagation_matrix(graph)
    degree = [sum(row) for row in graph]
    for i in range(5):
        for j in range(5):
            assert propagation[i, j] == pytest.approx(graph[j, i] / np.sqrt(degree[i] * degree[j]), rel=1e-12)
    assert not np.allclose(propagation, propagation.T)
