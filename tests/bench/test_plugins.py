"""Methods and data sets of installed packages; what is wrong with one stops no other."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.datasets.catalog import DATASET_CATALOGUE, DATASETS
from bench.datasets.layout import Layout
from bench.datasets.listing import reader_of
from bench.datasets.open import open_dataset
from bench.errors import UserError
from bench.experiment.methods import method_named, parse_methods
from bench.figures.palette import styles
from bench.methods.catalog import METHOD_CATALOGUE, METHODS
from bench.methods.model import head_class
from bench_command import bench
from made_records import made_cell, store_made
from plugin_projects import write_project
from trees import write_picture

METHOD = """
from bench.methods.catalog import Method
from bench.methods.options import ResNetOptions
HEAD = "bench.methods.resnet:PooledLinearHead"
METHOD = Method("{name}", "{title}", "a summary", "nobody", ResNetOptions, HEAD)
"""


def add_method(
    folder: Path, name: str, module: str, monkeypatch: pytest.MonkeyPatch, text: str = METHOD
) -> None:
    """Install a package with one method."""
    text = text.format(name=name, title=name.title())
    monkeypatch.syspath_prepend(
        write_project(folder, "bench.methods", {name: f"{module}:METHOD"}, module, text)
    )


def test_installed_methods_follow_the_built_in_ones_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_method(tmp_path, "zebra-head", "plugin_zebra", monkeypatch)
    add_method(tmp_path, "ant-head", "plugin_ant", monkeypatch)
    assert list(METHOD_CATALOGUE.all()) == [*METHODS, "ant-head", "zebra-head"]
    listed = bench(tmp_path, None, "methods")
    named = [line.split()[0] for line in listed.stdout.splitlines()[1:-1]]
    assert named == [*METHODS, "ant-head", "zebra-head", "prior"]
    assert method_named("zebra-head").title == "Zebra-Head"
    (choice,) = parse_methods(("zebra-head/pool=max",))
    assert choice.label() == "zebra-head/pool=max"
    with pytest.raises(UserError, match="Did you mean 'zebra-head'"):
        parse_methods(("zebrahead",))
    *built_in, last = [choice.name for choice in parse_methods(("all", "ant-head"))]
    assert list(dict.fromkeys(built_in)) == [*METHODS] and last == "ant-head"


def test_a_package_is_imported_only_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_method(tmp_path, "calm-head", "plugin_calm", monkeypatch)
    parse_methods(("all",))
    assert "calm-head" in METHOD_CATALOGUE.names() and "plugin_calm" not in sys.modules
    method_named("calm-head")
    assert "plugin_calm" in sys.modules
    help_page = (
        "import json, sys; from bench.cli import main; main(['--help'], standalone_mode=False); "
        "print(json.dumps('importlib.metadata' in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", help_page], capture_output=True, text=True)
    assert json.loads(done.stderr) is False, "help looks for no packages"


WRONG = {
    "import": ("import not_there_at_all", "ModuleNotFoundError: No module named 'not_there_at_all'"),
    "absent": ("OTHER = 1", "AttributeError: module 'plugin_absent' has no attribute 'METHOD'"),
    "kind": ("METHOD = 'text'", "this is no Method"),
    "renamed": (METHOD.replace("{name}", "other"), "its own name is 'other'"),
    "headless": (METHOD.replace('"bench.methods.resnet:PooledLinearHead"', "None"), "it names no head"),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_that_cannot_be_used_is_named_and_stops_no_other(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, reason = WRONG[case]
    name, module = f"{case}-head", f"plugin_{case}"
    add_method(tmp_path, name, module, monkeypatch, text)
    add_method(tmp_path, f"fine-{case}", f"plugin_fine_{case}", monkeypatch)
    sentence = (
        f"The method '{name}' of {module} cannot be used: {module}:METHOD: {reason}; mend or uninstall it."
    )
    listed = bench(tmp_path, None, "methods")
    assert listed.exit_code == 0 and listed.stderr == f"Warning: {sentence}\n"
    assert f"fine-{case}" in listed.stdout and f"{name} " not in listed.stdout
    asked = bench(tmp_path, None, "run", "--methods", name, "--data", "voc2007")
    assert asked.exit_code == 2 and asked.stderr == f"Error: {sentence}\n"


def test_a_name_of_the_harness_stays_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_method(tmp_path, "resnet", "plugin_resnet", monkeypatch)
    add_method(tmp_path, "prior", "plugin_prior", monkeypatch)
    listed = bench(tmp_path, None, "methods")
    for name in ("resnet", "prior"):
        assert f"Warning: The method '{name}' of plugin_{name} is left out" in listed.stderr
    assert method_named("resnet") is METHODS["resnet"] and "plugin_resnet" not in sys.modules


def test_one_name_in_two_packages_is_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("plugin_one", "plugin_two"):
        add_method(tmp_path, "twin-head", package, monkeypatch)
    with pytest.raises(UserError, match="'twin-head' of plugin_one and plugin_two cannot be used"):
        method_named("twin-head")
    assert "twin-head" not in METHOD_CATALOGUE.all()


def test_records_of_a_method_that_is_not_installed_here_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as installed:
        add_method(tmp_path / "packages", "gone-head", "plugin_gone", installed)
        cells = [made_cell(method) for method in ("gone-head/pool=max", "salgl", "prior")]
    assert "gone-head" not in METHOD_CATALOGUE.names()
    store_made(tmp_path / "results", *cells)
    assert "gone-head/pool=max" in bench(tmp_path, None, "ls").output
    assert bench(tmp_path, None, "tables").exit_code == 0
    table = (tmp_path / "results" / "tables" / "voc2007-comparison.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    assert rows[-3:] == ["Label frequency", "SALGL", "gone-head (pool=max)"]
    drawn = styles([*METHODS, "gone-head"]).values()
    assert len({(style.colour, style.line) for style in drawn}) == len(METHODS) + 1


# A reader beside its data set: the label of a picture is the first part of its name.
DATASET = """
from dataclasses import dataclass
from typing import ClassVar
from bench.datasets.info import DataSetInfo
from bench.datasets.layout import Layout

@dataclass(frozen=True)
class NamedPictures(Layout):
    reader: ClassVar[str] = __name__

    def wanted(self):
        return "folders train and test with pictures"

def find(root, layout):
    from bench.datasets.listing import missing_tree
    if not (root / "train").is_dir():
        raise missing_tree(root, layout, "train")
    return root

def class_names(folder, layout):
    return tuple(sorted({path.name.partition("-")[0] for path in folder.glob("*/*.jpg")}))

def class_sources(folder, layout):
    return ()

def read(folder, layout, split, classes, progress):
    from bench.datasets.listing import Listing, label_matrix
    files = sorted(path.name for path in (folder / split).iterdir())
    labels = label_matrix(len(files), classes)
    for row, file in zip(labels, files, strict=True):
        row[classes.index(file.partition("-")[0])] = 1
    return Listing(tuple(files), tuple(f"{split}/{file}" for file in files), labels, (split,))

DATASET = DataSetInfo(
    "named-pictures", "Named pictures", "a summary", "nobody", "a source", "none", (), NamedPictures(),
    "train", "test", {},
)
"""


def test_an_installed_data_set_may_bring_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {"named-pictures": "plugin_pictures:DATASET", "voc2007": "plugin_pictures:OTHER"}
    project = write_project(tmp_path, "bench.datasets", entry, "plugin_pictures", DATASET)
    monkeypatch.syspath_prepend(project)
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    for number, name in enumerate(("train/cat-1", "train/dog-2", "train/dog-3", "test/cat-4")):
        path = tmp_path / "data" / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(path, number)
    dataset = open_dataset("named-pictures", tmp_path / "data")
    assert dataset.info.classes == ("cat", "dog")
    assert dataset.train.ids == ("cat-1.jpg", "dog-2.jpg", "dog-3.jpg")
    assert dataset.train.labels.tolist() == [[1, -1], [-1, 1], [-1, 1]]
    with pytest.raises(UserError, match="looked for train"):
        open_dataset("named-pictures", tmp_path)
    assert list(DATASET_CATALOGUE.all()) == [*DATASETS, "named-pictures"]
    for command in (["datasets"], ["data", "ls"]):
        assert "named-pictures" in bench(tmp_path, None, *command).stdout
    assert DATASET_CATALOGUE.get("voc2007") is DATASETS["voc2007"]


def test_a_head_or_a_reader_that_cannot_be_imported_is_named() -> None:
    for head in ("no_such_module:Head", "bench.methods.resnet:NoSuchHead"):
        method = replace(METHODS["resnet"], name="mine", head=head)
        with pytest.raises(UserError, match=f"head of the method 'mine' is not at {head}: .*NoSuch|no_such"):
            head_class(method)

    class Mine(Layout):
        reader = "no_such_module"

    with pytest.raises(UserError, match="layout Mine is read by no_such_module, which cannot be imported"):
        reader_of(Mine())
