"""The projects that `bench new` writes work as they are."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench_command import bench, own_process
from plugin_projects import install

KINDS = ("method", "dataset")


def new(folder: Path, kind: str, name: str) -> Path:
    done = bench(folder, None, "new", kind, name, "--out", "mine")
    assert done.exit_code == 0, done.output
    project = folder / "mine" / name
    assert f"pip install --editable {project.relative_to(folder)}" in done.output
    return project


def run(project: Path, *command: str, path: Path) -> str:
    """Run a command in a project, with `path` on the search path for modules."""
    environment = {**os.environ, "PYTHONPATH": str(path)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_its_tests_pass_and_it_is_clean(kind: str, tmp_path: Path) -> None:
    project = install(new(tmp_path, kind, f"fresh-{kind}"))
    module = project / f"fresh_{kind}.py"
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 42
    for command in (["check", "--extend-select", "B,C4,I,N,PTH,RET,SIM,UP,W"], ["format", "--check"]):
        run(project, sys.executable, "-m", "ruff", *command, ".", path=project)
    passed = run(project, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path=project)
    assert " passed" in passed and "skipped" not in passed


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_pip_installs_it_and_the_harness_lists_it(kind: str, tmp_path: Path) -> None:
    if not (find_spec("pip") and find_spec("setuptools")):
        pytest.skip("this environment has no pip or no setuptools to build with")
    project, site = new(tmp_path, kind, f"fresh-{kind}"), tmp_path / "site"
    pip = ("-m", "pip", "--quiet", "install", "--no-deps", "--no-build-isolation", "--target", str(site), ".")
    run(project, sys.executable, *pip, path=tmp_path)
    listed = run(tmp_path, *own_process("methods" if kind == "method" else "datasets"), path=site)
    assert [f"fresh-{kind}", "Fresh", kind] in [line.split()[:3] for line in listed.splitlines()]


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("method", "My-Head", "is no name for a project"),
        ("method", "../head", "is no name for a project"),
        ("method", "head--two", "is no name for a project"),
        ("dataset", "2007", "is no name for a project"),
        ("method", "add-gcn", "There is a method 'add-gcn' already"),
        ("method", "prior", "There is a method 'prior' already"),
        ("method", "all", "There is a method 'all' already"),
        ("dataset", "voc2007", "There is a data set 'voc2007' already"),
        ("method", "torch", "Python has something named 'torch' already"),
        ("dataset", "class", "Python has something named 'class' already"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(kind: str, name: str, reason: str, tmp_path: Path) -> None:
    done = bench(tmp_path, None, "new", kind, name)
    assert done.exit_code == 2 and reason in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_there_is_left_as_it_is(kind: str, tmp_path: Path) -> None:
    project = new(tmp_path, kind, "my-own")
    (project / "my_own.py").write_text("mine")
    done = bench(tmp_path, None, "new", kind, "my-own", "--out", "mine")
    assert done.exit_code == 2 and "exists already" in done.stderr
    assert (project / "my_own.py").read_text() == "mine"
