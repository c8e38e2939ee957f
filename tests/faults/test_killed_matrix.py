"""A matrix that is killed at random moments ends as if nothing had been."""

from pathlib import Path

import pytest

from killed_matrix import kill_matrices

# `make faults` kills a hundred times, with other moments.
KILLS, SEED = 7, 20


@pytest.mark.slow
def test_a_matrix_that_is_killed_again_and_again_ends_with_the_same_bits_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    found = kill_matrices(tmp_path, KILLS, SEED)
    assert found.kills == KILLS
    assert not found.differences
