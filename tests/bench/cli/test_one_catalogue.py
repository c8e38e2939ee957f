"""Every command knows methods of installed packages, and data sets by their YAML file, as a run does."""

from pathlib import Path

import pytest

from bench.api import compare_methods, load_records, table
from bench.experiment.cell import CellSpec
from bench_command import bench
from made_records import made_cell, store_made
from plugin_projects import write_project

METHOD = """
from pydantic import Field
from bench.methods.catalog import Method
from bench.methods.options import Options
class Mine(Options):
    sharpness: float = Field(1.0, description="how sharp")
HEAD = "bench.methods.resnet:PooledLinearHead"
METHOD = Method("sharp-head", "Sharp head", "a summary", "nobody", Mine, HEAD)
"""


@pytest.fixture
def cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, CellSpec]:
    """Runs of an installed method with two sharpnesses and of one built in, on somebody's own data set."""
    entry = {"sharp-head": "plugin_sharp:METHOD"}
    project = write_project(tmp_path / "packages", "bench.methods", entry, "plugin_sharp", METHOD)
    monkeypatch.syspath_prepend(project)
    methods = ("sharp-head", "sharp-head/sharpness=4", "resnet")
    found = {method: made_cell(method, data="own") for method in methods}
    store_made(tmp_path / "results", *found.values(), made_cell("resnet", data="voc2007"))
    (tmp_path / "own.yaml").write_text("name: own\ncsv: {}\nsplits: {train: 0.5}\n")
    monkeypatch.chdir(tmp_path)
    return found


@pytest.mark.parametrize(
    "text", ["sharp-head/sharpness=4", "sharp-head/sharpness=4.0", "sharp-head/sharpness=4e0"]
)
@pytest.mark.parametrize("data", ["own", "own.yaml"])
def test_an_installed_method_and_a_described_data_set_are_known(
    text: str, data: str, tmp_path: Path, cells: dict[str, CellSpec]
) -> None:
    run = cells["sharp-head/sharpness=4"].run_id()
    compared = bench(tmp_path, None, "compare", text, "resnet", "--data", data, "--resamples", "100")
    assert compared.exit_code == 0, compared.output
    assert "Sharp head (sharpness=4.0)" in compared.output
    drawn = bench(tmp_path, None, "plot", "per-class", "--methods", f"{text},resnet", "--data", data)
    assert drawn.exit_code == 0, drawn.output
    assert "own-per-class+resnet+sharp-head,sharpness=4.0.png" in drawn.output
    listed = bench(tmp_path, None, "ls", "--method", text, "--data", data)
    assert run in listed.output and cells["sharp-head"].run_id() not in listed.output
    assert len(bench(tmp_path, None, "ls", "--method", "sharp-head").output.splitlines()) == 3, "all variants"
    made = bench(tmp_path, None, "tables", data)
    assert made.exit_code == 0 and "Sharp head (sharpness=4.0)" in made.output
    assert set(load_records(data=data, method=text)["run"]) == {run}
    assert len(table(data)) == 3
    assert len(compare_methods(text, "resnet", data, resamples=100))


def test_a_method_whose_package_is_gone_is_found_by_what_ls_prints(
    tmp_path: Path, cells: dict[str, CellSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    for label in ("sharp-head/sharpness=1.0", "sharp-head/sharpness=4.0"):
        done = bench(tmp_path, None, "compare", label, "resnet", "--data", "own", "--resamples", "100")
        assert done.exit_code == 0, done.output
        assert bench(tmp_path, None, "plot", "per-class", "--methods", label).exit_code == 0


def test_an_option_that_there_is_none_of_is_answered_alike(
    tmp_path: Path, cells: dict[str, CellSpec]
) -> None:
    for words in (
        ("compare", "sharp-head/sharpnes=4", "resnet", "--data", "own"),
        ("plot", "per-class", "--methods", "sharp-head/sharpnes=4"),
        ("ls", "--method", "sharp-head/sharpnes=4"),
        ("run", "--data", "own.yaml", "--methods", "sharp-head/sharpnes=4"),
    ):
        done = bench(tmp_path, None, *words)
        assert done.exit_code == 2, words
        assert "Unknown option of sharp-head 'sharpnes'. Did you mean 'sharpness'?" in done.stderr, words
