"""The digest of the code changes with what a run of a method executes, and with nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT

PRINT = "from bench.engine.code import code_digest; print(*map(code_digest, ('resnet', 'ssgrl', 'salgl')))"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code, whose files may be changed."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("bench", "methods", "datasets"):
        shutil.copytree(
            ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    return folder


def digests(tree: Path) -> list[str]:
    environment = {"PYTHONPATH": str(tree), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", PRINT], cwd=tree, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("bench/engine/fit.py", [True, True, True]),
        ("bench/metrics/average_precision.py", [True, True, True]),
        ("datasets/pictures/jpeg.py", [True, True, True]),
        ("methods/backbones/lite.py", [True, True, True]),
        ("methods/ssgrl.py", [False, True, False]),
        ("methods/layers/gated_graph.py", [False, True, True]),
        ("methods/layers/transformer.py", [False, False, True]),
        ("methods/catalog.py", [False, False, False]),
        ("bench/tables/book.py", [False, False, False]),
        ("bench/engine/readme/page.py", [False, False, False]),
    ],
)
def test_it_changes_with_what_is_executed(file: str, changed: list[bool], tree: Path) -> None:
    before = digests(tree)
    text = (tree / file).read_text()
    (tree / file).write_text(f"{text}\nOTHER = 1\n")
    after = digests(tree)
    (tree / file).write_text(text)
    assert [one != other for one, other in zip(before, after, strict=True)] == changed
