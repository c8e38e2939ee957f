"""The method of one's own in methods/README.md: a head that goes through `bench run` into the table."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.experiment.methods import method_named
from bench.methods.contract import MethodContract
from bench_command import TINY, bench
from places import ROOT
from plugin_projects import install
from trees import write_voc

TEXT = (ROOT / "methods" / "README.md").read_text(encoding="utf-8")
(CODE,) = re.findall(r"^```python\n(# my_head\.py\n.*?)^```", TEXT, flags=re.S | re.M)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As the README says: `bench new`, the text in place of the module, installed."""
    monkeypatch.delitem(sys.modules, "my_head", raising=False)  # that of the test before
    assert "`bench new method my-head`" in TEXT
    assert bench(tmp_path, None, "new", "method", "my-head").exit_code == 0
    (tmp_path / "my-head" / "my_head.py").write_text(CODE, encoding="utf-8")
    monkeypatch.syspath_prepend(install(tmp_path / "my-head"))
    return tmp_path / "my-head"


def test_it_is_short_and_clean(project: Path) -> None:
    assert len(CODE.splitlines()) <= 30
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run([*ruff, *command, "."], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("project")
def test_it_runs_and_stands_in_the_table(tmp_path: Path) -> None:
    (line,) = re.findall(r"^bench (run --methods my-head\S*) --data scenes$", TEXT, flags=re.M)
    write_voc(tmp_path / "data")
    done = bench(tmp_path, tmp_path / "data", *line.split(), "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    assert bench(tmp_path, None, "tables").exit_code == 0
    table = (tmp_path / "results" / "tables" / "voc2007-comparison.md").read_text(encoding="utf-8")
    cells = [[cell.strip() for cell in row.split("|")] for row in table.splitlines()]
    rows = {row[1]: row[3] for row in cells if len(row) > 3}
    for title in ("Label frequency", "ResNet baseline", "My head", "My head (sharpness=4.0)"):
        assert 0 < float(rows[title].strip("*").split()[0]) <= 100, rows


@pytest.mark.slow
@pytest.mark.usefixtures("project")
def test_it_passes_the_tests_of_every_method() -> None:
    class Mine(MethodContract):
        method = method_named("my-head")
        overfit_steps = 300  # as the project's test file says

    for name in (name for name in dir(Mine) if name.startswith("test_")):
        getattr(Mine(), name)()
