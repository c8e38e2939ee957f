"""Help and listings import next to nothing; a finished matrix is planned without PyTorch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from places import HELPERS

HEAVY = {"gensim", "lightning_fabric", "numpy", "pandas", "scipy", "sklearn", "timm", "torch", "torchvision"}
SCRIPT = """
import json, sys
{statement}
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})), file=sys.stderr)
"""
COMMAND = "from bench.cli import main\nmain({arguments}, standalone_mode=False)"


def imported_by(statement: str, folder: Path) -> set[str]:
    """The top-level modules that are there once `statement` has run in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(statement=statement)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(HELPERS)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_imports_click_alone(arguments: list[str], tmp_path: Path) -> None:
    found = imported_by(COMMAND.format(arguments=arguments), tmp_path)
    assert "click" in found
    assert not found & {*HEAVY, "pydantic", "rich", "yaml", "PIL"}


@pytest.mark.parametrize("arguments", [["methods"], ["datasets"], ["methods", "--help"]])
def test_listings_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    assert not imported_by(COMMAND.format(arguments=arguments), tmp_path) & HEAVY


@pytest.mark.parametrize(
    "statement",
    [
        "import bench.engine.planning.plan, bench.engine.running.execute, bench.cli.display",
        COMMAND.format(arguments=["run", "--help"]),
        COMMAND.format(arguments=["evaluate", "--help"]),
        COMMAND.format(arguments=["visualize", "--help"]),
        COMMAND.format(arguments=["import-checkpoint", "--help"]),
        COMMAND.format(arguments=["ls"]),
        "import bench.tables.write",
    ],
)
def test_planning_and_reading_records_need_no_torch(statement: str, tmp_path: Path) -> None:
    assert not imported_by(statement, tmp_path) & (HEAVY - {"numpy", "pandas"})


FINISHED = """
import bench.engine.planning.plan
from bench.cli import main
from bench.records.store import RecordStore
from bench.experiment.matrix import load_matrix
from made_records import made_data, made_record

bench.engine.planning.plan.open_dataset = lambda *_, **__: made_data()
matrix = load_matrix(None, {"data": "voc2007"})
for cell in bench.engine.planning.plan.plan(matrix):
    RecordStore(matrix.results).save(*made_record(cell.spec))
assert all(cell.state == "finished" for cell in bench.engine.planning.plan.plan(matrix))
main(["run", "--data", "voc2007"], standalone_mode=False)
"""


def test_running_a_finished_matrix_needs_no_torch(tmp_path: Path) -> None:
    assert not imported_by(FINISHED, tmp_path) & {"torch", "torchvision", "timm", "lightning_fabric"}
