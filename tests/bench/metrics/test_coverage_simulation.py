"""The simulation behind `results/coverage.md`, and what that file says."""

import pytest

from coverage_simulation import SEEDS, SETTINGS, SIMULATIONS, table
from places import ROOT

Rows = list[list[str]]


def read(text: str) -> tuple[str, list[str], Rows]:
    """What stands above the table, its head, and its rows."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return text.partition("\n| ")[0], head, rows


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing() -> None:
    one, two = (table(4, SETTINGS[:1], workers) for workers in (1, 2))
    assert one == two
    about, head, rows = read(one)
    assert "4 simulated benchmarks a line" in about
    assert [row[2] for row in rows] == [str(seeds) for seeds in SEEDS]
    assert all(len(row) == len(head) for row in rows)


def test_the_committed_table_is_of_this_simulation_and_says_what_the_intervals_promise() -> None:
    about, head, rows = read((ROOT / "results" / "coverage.md").read_text(encoding="utf-8"))
    assert about == read(table(SIMULATIONS, ()))[0] and f"{SIMULATIONS} simulated" in about
    asked = [[one.name, f"{one.spread:g}", str(seeds)] for one in SETTINGS for seeds in SEEDS]
    assert [row[:3] for row in rows] == asked
    for row in rows:
        shares = dict(zip(head[3:], map(float, row[3:]), strict=True))
        for name, share in shares.items():
            if name.startswith("holds"):
                assert share >= 90, (row, name)
            elif name != "images alone":
                assert share <= 8, (row, name)
    # What made the images alone too little: equal methods, told apart more often than not.
    worst = max(float(row[head.index("images alone")]) for row in rows)
    assert worst > 30
