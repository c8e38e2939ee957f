"""Installs that harm nobody: one import package, beside Hugging Face's `datasets`; all of it type checked."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from places import ROOT

pytestmark = pytest.mark.slow

WHERE = """
import json, bench, datasets
import bench.datasets.catalog, bench.methods.catalog
import bench.datasets.open, bench.tables.write
from bench.records.published import published_rows
from bench.experiment.schedule import schedule_names
from bench.experiment.matrix import matrix_names
modules = [bench, bench.datasets.catalog, bench.methods.catalog, datasets]
print(json.dumps([*(module.__file__ for module in modules), schedule_names(), matrix_names(),
    len(published_rows()),
    len(datasets.Dataset.from_dict({"a": [1, 2]}))]))
"""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=kept, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-3000:]}"
    return done.stdout


def pip(*arguments: str | Path, python: Path | None = None) -> None:
    """Run pip, in another environment if `python` is given; skips where no package index answers."""
    if find_spec("pip") is None:
        pytest.skip("this environment has no pip")
    where = ["--python", str(python)] if python else []
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *where, *arguments]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if any(
        sign in done.stderr
        for sign in ("No matching distribution", "Could not find a version", "Max retries")
    ):
        pytest.skip(f"no package index: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr[-3000:]


def copy_of_checkout(folder: Path) -> Path:
    """The project without what was made in it; the links in bench/ stay links."""
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("bench", "methods", "datasets"):
        shutil.copytree(
            ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copytree(ROOT / "results" / "published", folder / "results" / "published")
    return folder


def environment(folder: Path) -> Path:
    """An environment without any package; returns its interpreter."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    return folder / ("Scripts" if os.name == "nt" else "bin") / "python"


def packages_of(python: Path) -> Path:
    return Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())


@contextmanager
def lent_dependencies(python: Path) -> Iterator[None]:
    """Let `python` see what is installed here, behind its own packages; links to projects are not lent."""
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lent = packages_of(python) / "lent.pth"
    lent.write_text("".join(f"{path}\n" for path in sorted(here)))
    try:
        yield
    finally:
        lent.unlink()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_checkout(tmp_path_factory.mktemp("checkout") / "project")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--wheel-dir", folder, checkout)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_one_import_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    information = next(name for name in names if ".dist-info/" in name).partition("/")[0]
    assert {name.partition("/")[0] for name in names} == {"bench", information}
    expected = {
        f"{prefix}/{path.relative_to(ROOT / folder).as_posix()}"
        for prefix, folder in (
            ("bench", "bench"),
            ("bench/methods", "methods"),
            ("bench/datasets", "datasets"),
            ("bench/published_values", "results/published"),
        )
        for path in (ROOT / folder).rglob("*")
        if path.suffix
        in (".py", ".yaml", ".template", ".csv", ".bib", ".html", ".css", ".js", ".safetensors")
        or path.name == "py.typed"
    }
    assert {name for name in names if name.startswith("bench/")} == expected
    assert {"bench/py.typed", "bench/schedules/identical.yaml", "bench/methods/ml_gcn.py"} <= expected
    assert "bench = bench.cli:main" in entry


def test_installs_live_beside_hugging_face_datasets(checkout: Path, wheel: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv")
    packages = packages_of(python)
    in_wheel = [packages / "bench", packages / "bench" / "datasets", packages / "bench" / "methods"]
    in_checkout = [checkout / "bench", checkout / "datasets", checkout / "methods"]
    # Alone, neither kind of install brings one of the two names that belong to others.
    for what in ([wheel], ["--editable", checkout]):
        pip("install", "--no-deps", "--no-compile", *what, python=python)
        for name in ("datasets", "methods"):
            find = (
                f"import importlib.util as u; print(u.find_spec('{name}'), u.find_spec('bench') is not None)"
            )
            assert run(python, "-c", find, cwd=tmp_path) == "None True\n"
    with lent_dependencies(python):
        pip("install", "--no-compile", "datasets", python=python)
        expect_both(python, in_checkout, tmp_path)
    pip("uninstall", "--yes", "mlr-bench", python=python)
    pip("install", "--no-deps", "--no-compile", wheel, python=python)
    with lent_dependencies(python):
        expect_both(python, in_wheel, tmp_path)
    pip("uninstall", "--yes", "mlr-bench", python=python)
    assert not (packages / "bench").exists()
    assert (packages / "datasets" / "arrow_dataset.py").is_file()


def expect_both(python: Path, ours: list[Path], folder: Path) -> None:
    """The harness is imported from `ours` and `datasets` is Hugging Face's, and both work."""
    *files, schedules, matrices, published, length = json.loads(run(python, "-c", WHERE, cwd=folder))
    assert [Path(file).parent.resolve() for file in files] == [*ours, packages_of(python) / "datasets"]
    assert {"demo", "identical"} <= set(schedules) and "table4" in matrices and published and length == 2
    command = python.with_name("bench")
    assert "Usage: bench" in run(command, "--help", cwd=folder)
    assert "ML-GCN" in run(command, "methods", cwd=folder)


def test_the_type_checker_sees_every_folder(tmp_path: Path) -> None:
    """An error of types in each folder is found by a plain `mypy`, as `make types` runs it."""
    project = copy_of_checkout(tmp_path / "project")
    broken = ("bench/errors.py", "bench/tables/render.py", "methods/label_space.py", "datasets/index.py")
    for name in broken:
        with (project / name).open("a", encoding="utf-8") as file:
            file.write('\nNUMBER: int = "text"\n')
    # Other packages are not followed, which takes a minute and finds nothing here.
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--follow-imports=skip", "--cache-dir", str(tmp_path / "cache")],
        cwd=project,
        capture_output=True,
        text=True,
    )
    found = {line.partition(":")[0] for line in done.stdout.splitlines() if "[assignment]" in line}
    assert done.returncode == 1
    assert found == {f"bench/{name.removeprefix('bench/')}" for name in broken}, done.stdout + done.stderr
