"""No file that was changed or made to do harm does any, whoever reads it."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile_files import Judge, made_to_do_harm
from hostile_readers import READERS
from mutants import mutate

# `make faults` changes many more, with other draws.
CHANGED, SEED = 12, 3


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge() as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_a_bad_file_is_refused_or_read_and_nothing_else_happens(reader: str, judge: Judge) -> None:
    assert judge.faults(reader, CHANGED, SEED) == []


def test_a_reader_that_does_harm_is_found_out(judge: Judge) -> None:
    found = judge.faults("one that trusts", 0, SEED)
    assert any("a pickle with an order" in fault and "ran an order" in fault for fault in found), found
    assert any("raised UnpicklingError" in fault for fault in found), found
    assert any("took more than" in fault and "MB" in fault for fault in found), found


def test_changes_change_and_are_drawn_again_alike(tmp_path: Path) -> None:
    whole = json.dumps({"name": "a", "values": list(range(200))}).encode()
    drawn = [[mutate(whole, random.Random(seed)) for seed in range(60)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert sum(one != whole for one in drawn[0]) > 55 and len(set(drawn[0])) > 45
    assert all(len(content) < 8 << 20 for content in made_to_do_harm().values())
