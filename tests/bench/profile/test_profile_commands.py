"""`bench profile commands` runs real commands on made records that are what a matrix leaves behind."""

import re
import sys
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.profile.commands import AIMED_ON, Waited, measure_commands, run, spent_on
from drawn_scenes import put_into


@pytest.mark.slow
def test_the_commands_find_the_made_records_and_are_measured_in_turn(
    tmp_path: Path, drawn_scenes: Path
) -> None:
    put_into(tmp_path / "work", drawn_scenes)
    figures = measure_commands(tmp_path, seeds=1, repeats=1)
    by_name = {re.split(r",| of", figure.what)[0]: figure for figure in figures}
    assert {"bench --help", "bench ls", "bench tables", "bench run"} <= set(by_name)
    assert all(len(figure.values) == 1 and figure.values[0] > 0 for figure in figures)
    # The aims are for a thousand records; that of the help is for any.
    assert [figure.most for figure in figures] == [0.3, None, None, None, None]
    records = len(list((tmp_path / "results" / "runs").iterdir()))
    assert f"bench ls, {records} records" in [figure.what for figure in figures] and records < AIMED_ON
    assert (tmp_path / "results" / "tables" / "scenes-comparison.md").is_file()
    spent = spent_on(tmp_path, seeds=1)
    assert [one.what for one in spent] == ["bench ls", "bench tables", "bench run of a finished matrix"]
    assert all(one.records == records and one.seconds > 0.1 and 2e7 < one.peak < 4e9 for one in spent)
    # What was measured as a finished matrix had nothing left to train.
    assert not list((tmp_path / "work" / "runs").glob("*/model.safetensors"))


def test_a_command_that_fails_is_named_with_its_last_line(tmp_path: Path) -> None:
    program = "import sys; sys.exit('first\\nthe last line')"
    with pytest.raises(UserError, match="failed: the last line"):
        run((sys.executable, "-c", program), tmp_path, Waited())


def test_processor_time_is_that_of_the_command(tmp_path: Path) -> None:
    waited = Waited()
    assert (
        run((sys.executable, "-c", "import time; time.sleep(0.3); print('done')"), tmp_path, waited)
        == "done\n"
    )
    assert waited.clock[0] > 0.3 > waited.processor[0]
