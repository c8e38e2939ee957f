"""The digest of the code changes with what a run of a method executes, and with nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.engine.running.code import code_digest
from places import ROOT
from plugin_projects import install

METHODS = ("resnet", "ssgrl", "salgl")
# Which of these methods execute a file, and whether features of a frozen backbone depend on it.
EXECUTED = {
    "bench/engine/training/fit.py": [True, True, True, False],
    "bench/metrics/average_precision.py": [True, True, True, False],
    "datasets/pictures/jpeg.py": [True, True, True, True],
    "methods/backbones/lite.py": [True, True, True, True],
    "methods/ssgrl.py": [False, True, False, False],
    "methods/layers/gated_graph.py": [False, True, True, False],
    "methods/layers/transformer.py": [False, False, True, False],
    "methods/catalog.py": [False, False, False, False],
    "bench/tables/book.py": [False, False, False, False],
    "bench/engine/readme/page.py": [False, False, False, False],
}
# The digests of the code as it is, and then with each file changed, a line each.
PRINT = """
import sys
from pathlib import Path
from bench.engine.device.code import digest_of
from bench.engine.running.code import code_digest

def print_digests():
    code_digest.cache_clear()
    digest_of.cache_clear()
    print(*map(code_digest, sys.argv[1].split(",")), digest_of("bench.engine.building.features"))

print_digests()
for path in map(Path, sys.argv[2:]):
    text = path.read_text()
    path.write_text(text + "OTHER = 1")
    print_digests()
    path.write_text(text)
"""


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Of a copy of the code, by the file that was changed; `` for none."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("bench", "methods", "datasets"):
        shutil.copytree(ROOT / name, tree / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    done = subprocess.run(
        [sys.executable, "-c", PRINT, ",".join(METHODS), *EXECUTED],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = map(str.split, done.stdout.splitlines())
    return dict(zip(("", *EXECUTED), lines, strict=True))


@pytest.mark.parametrize("file", EXECUTED)
def test_it_changes_with_what_is_executed(file: str, digests: dict[str, list[str]]) -> None:
    changed = [one != other for one, other in zip(digests[""], digests[file], strict=True)]
    assert changed == EXECUTED[file]


PROJECT = """[project]
name = "layered"
version = "1.0"
[project.entry-points."bench.methods"]
layered = "layered.method:METHOD"
"""
METHOD = """from bench.methods.catalog import Method
from bench.methods.options import ResNetOptions
METHOD = Method("layered", "Layered", "a summary", "nobody", ResNetOptions, "layered.heads.linear:Head")
"""
PACKAGE = {
    "__init__.py": "",
    "method.py": METHOD,
    "heads/__init__.py": "from .common import shape",
    "heads/common.py": "def shape(): pass",
    "heads/linear.py": "from ..layers import scale\nfrom . import pooling\nclass Head: pass",
    "heads/pooling.py": "def pool(): pass",
    "layers.py": "def scale(x): return x",
    "unused.py": "def unused(): pass",
}


def test_what_a_head_from_outside_imports_of_its_own_package_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By relative names too, and the packages that it lies in."""
    project = tmp_path / "project"
    for file, text in PACKAGE.items():
        (project / "layered" / file).parent.mkdir(parents=True, exist_ok=True)
        (project / "layered" / file).write_text(text, encoding="utf-8")
    (project / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    monkeypatch.syspath_prepend(install(project))
    before, counted = code_digest("layered"), []
    for file in PACKAGE:
        with (project / "layered" / file).open("a", encoding="utf-8") as source:
            source.write("\nOTHER = 1\n")
        code_digest.cache_clear()
        now = code_digest("layered")
        counted += [file] if now != before else []
        before = now
    assert counted == [file for file in PACKAGE if file not in ("method.py", "unused.py")]
    assert before.partition("-")[0] == code_digest("resnet").partition("-")[0]
    code_digest.cache_clear()
