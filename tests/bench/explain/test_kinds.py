"""Each error is of one kind, the first that it fits, and the counts are those of a loop over all of them."""

from pathlib import Path

import numpy as np
import pytest

from bench.compare.choose import pair
from bench.explain.companions import companions_of, confused
from bench.explain.counts import count_errors
from bench.explain.kinds import Sorting, sort_false, sort_missed, sort_otherwise
from bench.explain.sides import Side, Sides, read_sides
from bench.labels import count_labels
from bench.metrics.protocol import PROTOCOLS, Protocol
from made_records import made_cell, store_made

CLASSES = ("table", "chair", "cat", "dog")
TABLE, CHAIR, CAT, DOG = range(4)
# A table is often beside a chair; cats and dogs are alone.
USUAL = np.zeros((4, 4), bool)
USUAL[TABLE, CHAIR] = USUAL[CHAIR, TABLE] = True


def sides(labels: list[list[int]], predicted: list[list[int]], protocol: Protocol) -> Sides:
    """Two equal methods that predict these labels, of one run each."""
    logits = np.array([predicted], np.float32) - 0.5
    given = np.array(labels, np.int8)
    true = given >= 0 if protocol.difficult_in_pr == "positive" else given == 1
    guesses = (logits > 0) & ((given != 0) | (protocol.difficult_in_pr != "ignored"))
    side = Side("it", (), logits, true, guesses)
    return Sides(tuple(map(str, range(len(labels)))), given, CLASSES, protocol, side, side)


def kind_of(sorting: Sorting, row: int, column: int) -> str:
    number = int(sorting.of[row, column])
    return sorting.kinds[number].name if number >= 0 else ""


def test_companions_are_beside_a_label_often_and_oftener_than_elsewhere() -> None:
    # Of 100 images: 10 tables, 4 of them with a chair; 20 chairs; 60 persons, 6 of them with a table.
    counts = np.array([10, 20, 60])
    together = np.array([[0, 4, 6], [4, 0, 12], [6, 12, 0]])
    found = companions_of(counts, together, 100)
    # Half of its images are enough, but as often there are persons in all; 4 of 20 is a fifth.
    assert found.tolist() == [[False, True, False], [True, False, False], [False, False, False]]
    assert not companions_of(np.zeros(3, int), np.zeros((3, 3), int), 0).any()


@pytest.mark.parametrize("protocol", ["bench", "salgl"])
def test_kinds_of_missed_labels(protocol: str) -> None:
    labels = [
        [1, 1, -1, -1],  # a chair, small, and its table
        [1, -1, -1, -1],  # a table without a chair
        [1, 0, 1, -1],  # a table with a difficult chair, which may be there; a cat
    ]
    boxes = np.array(
        [[0.5, 0.01, np.nan, np.nan], [0.019, np.nan, np.nan, np.nan], [0.02, 0.1, np.nan, np.nan]]
    )
    found = sort_missed(sides(labels, [[0] * 4] * 3, PROTOCOLS[protocol]), USUAL, boxes, 0.02)
    assert [kind_of(found, 0, c) for c in range(4)] == ["other", "small", "", ""]
    assert kind_of(found, 1, TABLE) == "small", "before its context is asked for"
    assert [kind_of(found, 2, c) for c in range(4)] == ["other", "", "other", ""]
    without = sort_missed(sides(labels, [[0] * 4] * 3, PROTOCOLS[protocol]), USUAL, None, 0.02)
    assert [kind.name for kind in without.kinds] == ["out-of-context", "other"]
    assert kind_of(without, 1, TABLE) == "out-of-context"


def test_kinds_of_false_alarms_and_what_a_protocol_makes_of_difficult_labels() -> None:
    labels = [[1, -1, -1, -1], [-1, 0, 1, -1], [1, 0, -1, -1]]
    predicted = [[1, 1, 0, 0], [0, 1, 1, 1], [1, 1, 0, 1]]
    found = sort_false(sides(labels, predicted, PROTOCOLS["ml-gcn"]), USUAL)
    assert [kind_of(found, 0, c) for c in range(4)] == ["", "context", "other", "other"]
    assert kind_of(found, 1, CHAIR) == kind_of(found, 2, CHAIR) == "difficult", "first of all"
    ignoring = sort_false(sides(labels, predicted, PROTOCOLS["salgl"]), USUAL)
    assert "difficult" not in [kind.name for kind in ignoring.kinds] and kind_of(ignoring, 1, CHAIR) == ""
    counting = Protocol(name="it", difficult_in_pr="positive")
    missed = sort_missed(sides(labels, predicted, counting), USUAL, None, 0.02)
    assert kind_of(missed, 1, CHAIR) == "difficult" and kind_of(missed, 0, CHAIR) == ""


def test_a_label_is_confused_with_one_in_whose_other_images_it_is_often_predicted() -> None:
    # Twenty cats, in three of which a dog is seen; eighty images of neither, with one such false alarm.
    there = np.zeros((100, 4), bool)
    there[:20, CAT] = True
    false = np.zeros((100, 4))
    false[[0, 1, 2, 50], DOG] = 1
    found = confused(there, false, ~there, USUAL)
    assert found[:20, DOG].all() and not found[20:, DOG].any()
    false[2, DOG] = 0
    found = confused(there, false, ~there, USUAL)
    # In the two, one other false alarm is left; for the rest there are two.
    assert not found[:2, DOG].any() and found[2:20, DOG].all()
    beside = USUAL.copy()
    beside[DOG, CAT] = True
    assert not confused(there, false, ~there, beside).any(), "companions speak for a label"
    often = np.zeros((100, 4))
    often[:, DOG] = 1
    assert not confused(there, often, ~there, USUAL).any(), "as often everywhere"


@pytest.fixture
def made(tmp_path: Path) -> Sides:
    """Two methods of two seeds on forty made images."""
    cells = [made_cell(method, seed) for method in ("resnet", "ml-gcn") for seed in (0, 1)]
    store = store_made(tmp_path, *cells)
    return read_sides(store, pair(store, "resnet", "ml-gcn", "voc2007", None))


def test_every_error_is_counted_once(made: Sides) -> None:
    usual = companions_of(*count_labels(made.labels), len(made.labels))
    boxes = np.random.default_rng(0).random(made.labels.shape) / 20
    sortings = [sort_missed(made, usual, boxes, 0.02), sort_false(made, usual), *sort_otherwise(made)]
    found = count_errors(made, sortings, 200)
    assert len(found) == 6
    for counts in found:
        sorting = counts.sorting
        for side, read in ((made.a, "a"), (made.b, "b")):
            errors = side.missed if sorting.missed else side.false
            expected = [
                np.mean([sum(sorting.of[n, c] == k for n, c in np.argwhere(one)) for one in errors])
                for k in range(len(sorting.kinds))
            ]
            values = [getattr(row, read).value for row in counts.rows]
            np.testing.assert_allclose(values, [*expected, errors.sum() / 2])
        for row in counts.rows:
            assert row.difference.value == pytest.approx(row.b.value - row.a.value)
            assert row.difference.low <= row.difference.value <= row.difference.high
            assert 0 <= row.a.low <= row.a.value <= row.a.high
        assert counts.total.possible == sum(row.possible for row in counts.rows[:-1])
    assert any(0 < row.a.low < row.a.value < row.a.high for row in found[0].rows)
    assert found[0].total.possible == int(made.true.sum())
    assert found[0].total.possible + found[1].total.possible == (made.labels != 0).sum()


def test_differences_are_paired(made: Sides) -> None:
    """Equal methods of one run make equal errors on every resample of the images."""
    a = made.a
    one = Side(a.name, a.records[:1], a.logits[:1], a.true, a.predicted[:1])
    same = Sides(made.ids, made.labels, made.classes, made.protocol, one, one)
    total = count_errors(same, sort_otherwise(made)[:1], 100)[0].total
    assert tuple(total.difference) == (0, 0, 0) and total.a.low < total.a.value
