"""The digest of the code changes with what a run of a method executes, and with nothing else."""

import shutil
import subprocess
import sys

import pytest

from places import ROOT

METHODS = ("resnet", "ssgrl", "salgl")
# Which of these methods execute a file.
EXECUTED = {
    "bench/engine/fit.py": [True, True, True],
    "bench/metrics/average_precision.py": [True, True, True],
    "datasets/pictures/jpeg.py": [True, True, True],
    "methods/backbones/lite.py": [True, True, True],
    "methods/ssgrl.py": [False, True, False],
    "methods/layers/gated_graph.py": [False, True, True],
    "methods/layers/transformer.py": [False, False, True],
    "methods/catalog.py": [False, False, False],
    "bench/tables/book.py": [False, False, False],
    "bench/engine/readme/page.py": [False, False, False],
}
# The digests of the code as it is, and then with each file changed, a line each.
PRINT = """
import sys
from pathlib import Path
from bench.engine.code import code_digest

def print_digests():
    code_digest.cache_clear()
    print(*map(code_digest, sys.argv[1].split(",")))

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
