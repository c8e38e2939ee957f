"""Classes of which nothing can be learned, or nothing measured, are named."""

from pathlib import Path

import numpy as np
import pytest

from bench.datasets.odd.counts import odd_counts
from bench_command import TINY, bench
from trees import write_split_table


def test_classes_that_a_split_lacks_are_named() -> None:
    classes = ("learned", "only in test", "only in train", "always in test")
    train = np.array([[1, -1, 1, 1], [-1, -1, -1, -1]], np.int8)
    held_out = np.array([[1, 1, -1, 1], [-1, -1, -1, 1]], np.int8)
    assert odd_counts(classes, train, held_out, ("train", "test")) == [
        "1 of 4 classes have no positive label in train: nothing is learned of them ('only in test')",
        "1 of 4 classes have no positive label in test: they are in no mean ('only in train')",
        "1 of 4 classes have no negative label in test: their average precision is 100 whatever is predicted "
        "('always in test')",
    ]
    many = np.full((2, 9), -1, np.int8)
    (said, _) = odd_counts([f"c{c}" for c in range(9)], many, many, ("a", "b"))
    assert said.endswith(": nothing is learned of them ('c0', 'c1', 'c2', 'c3', 'c4' and 4 more)")


@pytest.mark.parametrize(
    ("rows", "notes"),
    [
        ([("a", "train"), ("b", "train"), ("a", "test"), ("b", "test")], []),
        (
            [("a", "train"), ("a", "train"), ("b", "test"), ("b", "test")],
            [
                "1 of 2 classes have no positive label in train: nothing is learned of them ('b')",
                "1 of 2 classes have no positive label in test: they are in no mean ('a')",
                "1 of 2 classes have no negative label in test: their average precision is 100 whatever is "
                "predicted ('b')",
            ],
        ),
    ],
)
def test_classes_of_which_nothing_can_be_learned_or_measured_are_named_in_check_and_run(
    rows: list[tuple[str, str]], notes: list[str], tmp_path: Path
) -> None:
    name = write_split_table(tmp_path, rows)
    for command in (("data", "check", name), ("run", *TINY, "--data", name, "--dry-run")):
        shown = bench(tmp_path, None, *command).stdout
        found = [line for line in shown.splitlines() if " classes have no " in line]
        assert found == [f"note: own: {note}" for note in notes]
