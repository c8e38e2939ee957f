"""Names that become paths: whoever gives them, nothing is written outside the folders that the user named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from bench.errors import UserError
from bench.names import file_name, named_after
from bench.records.store import RECORD, RecordStore
from bench_command import bench
from hostile import NAMES, everything_below
from made_records import made_cell, made_record, store_made
from plugin_projects import write_project
from trees import write_picture

Attempt = Callable[[Path, str, pytest.MonkeyPatch], list[Result]]
Change = Callable[[dict[str, Any], str], None]


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_name_a_file_is_refused_by_field(name: str) -> None:
    with pytest.raises(UserError, match=r"^The split .* cannot name a file: it "):
        file_name(name, "split")


@pytest.mark.parametrize(
    "name",
    ["trainval", "voc2007", "dining table", "own-1.0_b", "日本", "café", "a.b", "x" * 100, "+1", "a'b"],
)
def test_an_ordinary_name_stays_as_it_is(name: str) -> None:
    assert file_name(name, "class") == name


def test_a_file_is_named_after_any_text() -> None:
    assert named_after("resnet/pool=max") == "resnet,pool=max"
    hostile = [named_after(text, 20) for text in (*NAMES, "résumé", "x" * 301, "x" * 302, "a,b") if text]
    for name in hostile:
        assert len(file_name(f"it-{name}.html", "page")) <= 3 + 20 + 13 + 5
    assert len(set(hostile)) == len(hostile), "no two texts share a file"


def own(folder: Path, split: str = "train", **fields: object) -> None:
    """A data set of six pictures, described by `own.yaml`; half of them are of one split."""
    folder.mkdir(parents=True)
    lines = ["image,labels,split"]
    for number in range(6):
        write_picture(folder / f"{number}.jpg", number, (32, 32))
        other = "held out" if split != "held out" else "train"
        lines.append(f"{number}.jpg,cat,{split if number % 2 else other}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    described = {"name": "own", "csv": {"split": "split"}, "splits": {"train": "train", "eval": "held out"}}
    (folder / "own.yaml").write_text(yaml.safe_dump({**described, **fields}), encoding="utf-8")


def on_own_data(folder: Path) -> list[Result]:
    return [
        bench(folder, None, "data", *words)
        for words in (["check", "own.yaml"], ["stats", "own.yaml", "--out", "o"])
    ]


def as_own_name(folder: Path, name: str, _: pytest.MonkeyPatch) -> list[Result]:
    own(folder, name=name)
    return on_own_data(folder)


def as_training_split(folder: Path, name: str, _: pytest.MonkeyPatch) -> list[Result]:
    own(folder, split=name, splits={"train": name, "eval": "held out"})
    return on_own_data(folder)


def as_held_out_split(folder: Path, name: str, _: pytest.MonkeyPatch) -> list[Result]:
    own(folder, split=name, splits={"train": "held out", "eval": name})
    return on_own_data(folder)


def as_own_class(folder: Path, name: str, _: pytest.MonkeyPatch) -> list[Result]:
    own(folder, classes=["cat", name])
    return on_own_data(folder)


def as_coco_split(folder: Path, name: str, _: pytest.MonkeyPatch) -> list[Result]:
    own(folder)
    files = {"annotations": {name: "a.json", "held out": "a.json"}, "images": "."}
    content = {
        "images": [{"id": 1, "file_name": "0.jpg"}, {"id": 2, "file_name": "1.jpg"}],
        "categories": [{"id": 1, "name": name or "cat"}],
        "annotations": [{"id": image, "image_id": image, "category_id": 1} for image in (1, 2)],
    }
    (folder / "a.json").write_text(json.dumps(content), encoding="utf-8")
    described = {"name": "own", "coco": files, "splits": {"train": name, "eval": "held out"}}
    (folder / "own.yaml").write_text(yaml.safe_dump(described), encoding="utf-8")
    return on_own_data(folder)


def in_cell(field: str) -> Change:
    def change(content: dict[str, Any], name: str) -> None:
        content["cell"][field] = name

    return change


def set_classes(content: dict[str, Any], name: str) -> None:
    content["data"]["classes"] = ["boat", "dog", name]


def set_run(content: dict[str, Any], name: str) -> None:
    content["run_id"] = name


def set_method(content: dict[str, Any], name: str) -> None:
    content["cell"]["method"]["name"] = name


def as_plugin_method(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    text = (
        "from dataclasses import replace\nfrom bench.methods.catalog import METHODS\n"
        f"METHOD = replace(METHODS['resnet'], name={name!r})"
    )
    return with_plugin(folder, name, "bench.methods", text, monkeypatch)


def as_plugin_data(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    text = (
        "from dataclasses import replace\nfrom bench.datasets.catalog import DATASETS\n"
        f"METHOD = replace(DATASETS['voc2007'], name={name!r})"
    )
    return with_plugin(folder, name, "bench.datasets", text, monkeypatch)


def as_plugin_split(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    text = (
        "from pathlib import Path\nfrom dataclasses import replace\nfrom bench.datasets.layout import Table\n"
        "from bench.datasets.catalog import DATASETS\nMETHOD = replace(DATASETS['voc2007'], name='theirs', "
        f"classes=('cat',), layout=Table(split='split'), train_split={name!r}, home=Path({str(folder)!r}))"
    )
    own(folder, split=name)
    return with_plugin(folder, "theirs", "bench.datasets", text, monkeypatch)


def with_plugin(
    folder: Path, name: str, group: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> list[Result]:
    """Every listing, and what is done with one that is asked for by its name."""
    module = f"hostile_{abs(hash((group, name)))}"
    try:
        project = write_project(folder / "packages", group, {name: f"{module}:METHOD"}, module, text)
    except Exception:
        return []
    monkeypatch.syspath_prepend(project)
    return [
        bench(folder, None, *words) for words in (["methods"], ["datasets"], ["data", "check", name or "x"])
    ]


def as_argument(folder: Path, name: str, _: pytest.MonkeyPatch) -> list[Result]:
    store_made(folder / "results", made_cell())
    words = [
        *(["new", kind, "--out", "mine", "--", name] for kind in ("method", "dataset")),
        *([command, "--", name] for command in ("show", "submission", "tables", "plot", "visualize")),
        *(["plot", "per-class", option, name] for option in ("--data", "--methods")),
        *(["visualize", "graph", option, name] for option in ("--data", "--methods", "--runs", "--images")),
        ["ls", "--data", name, "--method", name],
        ["compare", "--", name, "resnet"],
    ]
    return [bench(folder, None, *one) for one in words]


@pytest.mark.parametrize(
    "attempt",
    [
        *(as_own_name, as_training_split, as_held_out_split, as_own_class, as_coco_split),
        *(as_plugin_method, as_plugin_data, as_plugin_split, as_argument),
    ],
)
def test_nothing_is_written_outside_whatever_a_field_says(
    attempt: Attempt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, name in enumerate(NAMES):
        outside = tmp_path / str(number)
        with monkeypatch.context() as patched:
            check_results(attempt(outside / "a" / "b" / "c", name, patched))
        check_places(outside)


@pytest.mark.parametrize(
    "change",
    [
        *(in_cell(field) for field in ("data", "schedule_name", "vectors", "data_fingerprint")),
        *(set_classes, set_run, set_method),
    ],
)
def test_nothing_is_written_outside_whatever_a_record_says(change: Change, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    cells = [made_cell(data="voc2012-server", seed=seed) for seed in range(len(NAMES))]
    store = store_made(folder / "results", *cells, made_cell())
    for name, cell in zip(NAMES, cells, strict=True):
        path = store.folder / cell.run_id() / RECORD
        content = json.loads(path.read_text())
        change(content, name)
        path.write_text(json.dumps(content))
        check_results([bench(folder, None, "submission", cell.run_id())])
    for words in (["ls"], ["tables"], ["plot", "per-class"], ["leaderboard"]):
        (result,) = results = [bench(folder, None, *words)]
        assert result.exit_code == 0, result.output
        check_results(results)
    check_places(tmp_path)


def check_results(results: list[Result]) -> None:
    """No traceback, and no message without end."""
    for result in results:
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        assert len(result.output) < 100_000


def check_places(outside: Path) -> None:
    """Nothing lies outside the folder of the commands, nor under a name that hides or is an option."""
    folder = outside / "a" / "b" / "c"
    assert everything_below(outside) - everything_below(folder) == {
        outside / "a",
        outside / "a" / "b",
        folder,
    }
    for place in ("o", "submission", "results/figures", "results/tables", "work/indices"):
        assert not any(path.name.startswith((".", "-")) for path in everything_below(folder / place))


def test_a_class_of_a_strangers_record_does_not_leave_the_folder_of_a_submission(tmp_path: Path) -> None:
    cell = made_cell(data="voc2012-server")
    store = RecordStore(tmp_path / "results")
    store.save(*made_record(cell, classes=("boat", "dog", "/../../../../x")))
    done = bench(tmp_path, None, "submission", cell.run_id(), "--out", "out/of/here")
    assert done.exit_code == 2
    assert "The class '/../../../../x' cannot name a file: it holds one of" in done.stderr
    assert not (tmp_path / "out").exists() and not (tmp_path / "x").exists()
