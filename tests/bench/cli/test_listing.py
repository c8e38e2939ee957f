"""Lists: aligned text or JSON where output is piped, tables on a terminal; filtered and sorted."""

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from bench.datasets.catalog import DATASETS
from bench.experiment.schedule import Schedule, load_schedule, schedule_names
from bench.methods.catalog import METHODS
from bench_command import bench, own_process
from made_records import failed_record, made_cell, store_made


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    cells = [made_cell(method, seed) for seed in (1, 0) for method in ("salgl", "resnet/pool=max", "resnet")]
    store = store_made(tmp_path / "results", *cells, made_cell("resnet", data="scenes"), made_cell("prior"))
    store.save(failed_record(made_cell("ml-gcn")), None)
    return tmp_path


def listed(folder: Path, *arguments: str) -> list[list[str]]:
    done = bench(folder, None, "ls", *arguments)
    assert done.exit_code == 0, done.output
    return [line.split() for line in done.stdout.splitlines()[1:]]


def test_runs_are_sorted_by_data_method_and_seed(stored: Path) -> None:
    assert [(row[0], row[2], row[3]) for row in listed(stored)] == [
        ("scenes", "resnet", "0"),
        ("voc2007", "prior", "0"),
        *(("voc2007", method, seed) for method in ("resnet", "resnet/pool=max") for seed in "01"),
        ("voc2007", "ml-gcn", "0"),
        *(("voc2007", "salgl", seed) for seed in "01"),
    ]


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        (("--data", "scenes"), 1),
        (("--data", "scenes,voc2007", "--method", "salgl,prior"), 3),
        (("--method", "resnet"), 5),
        (("--method", "resnet/pool=max"), 2),
        (("--status", "failed"), 1),
        (("--status", "finished", "--method", "ml-gcn"), 0),
    ],
)
def test_runs_are_filtered(asked: tuple[str, ...], rows: int, stored: Path) -> None:
    assert len(listed(stored, *asked)) == rows


@pytest.mark.parametrize(
    ("option", "name", "message"),
    [
        ("--data", "voc", "Unknown data set of the stored runs 'voc'."),
        ("--method", "resnet/pool=mx", "did you mean 'max'?"),
        ("--method", "add-gcn", "Unknown method of the stored runs 'add-gcn'."),
        ("--status", "done", "Known: damaged, failed, finished."),
    ],
)
def test_a_filter_that_nothing_has_is_answered(option: str, name: str, message: str, stored: Path) -> None:
    done = bench(stored, None, "ls", option, name)
    assert done.exit_code == 2 and message in done.stderr


def test_a_finished_run_whose_labels_a_server_holds_is_not_called_failed(tmp_path: Path) -> None:
    cell = made_cell("resnet", data="voc2012-server")
    store_made(tmp_path / "results", cell)
    store_made(tmp_path / "results", cell, metrics=None, data=unlabelled(tmp_path / "results"))
    (row,) = listed(tmp_path)
    assert "finished: scored; a server has the labels" in " ".join(row)
    assert listed(tmp_path, "--status", "finished") == [row]


def unlabelled(results: Path) -> object:
    from bench.records.store import RecordStore

    return RecordStore(results).find("voc2012").data.model_copy(update={"eval_labels": 0})


def test_json_has_all_of_it(stored: Path) -> None:
    runs = json.loads(bench(stored, None, "ls", "--json").stdout)
    assert len(runs) == 9 and {"mAP", "OF1_top3"} <= runs[1]["metrics"].keys() and runs[6]["metrics"] is None
    record = json.loads(bench(stored, None, "show", runs[1]["run"], "--json").stdout)
    assert record["run_id"] == runs[1]["run"] and record["cell"]["schedule"]["epochs"] == 2
    methods = json.loads(bench(stored, None, "methods", "--json").stdout)
    assert [method["name"] for method in methods] == [*METHODS, "prior"]
    assert {option["name"] for option in methods[1]["options"]} == {"tau", "p", "layers", "hidden"}
    assert [info["name"] for info in json.loads(bench(stored, None, "datasets", "--json").stdout)] == [
        *DATASETS
    ]
    schedules = json.loads(bench(stored, None, "schedules", "--json").stdout)
    assert [schedule["name"] for schedule in schedules] == schedule_names()
    assert schedules[0].keys() == {"name", *Schedule.model_fields}


@pytest.mark.parametrize("name", schedule_names())
def test_every_field_of_a_schedule_is_explained(name: str, tmp_path: Path) -> None:
    lines = [line.split() for line in bench(tmp_path, None, "schedules", name).stdout.splitlines()]
    schedule = load_schedule(name, {})
    rows = {line[0]: line[1:] for line in lines if line and line[0] in Schedule.model_fields}
    assert rows.keys() == Schedule.model_fields.keys() - {"about"}
    assert all(rows.values()), "each has a meaning"
    for field in ("epochs", "batch_size", "optimizer"):
        assert rows[field][0] == str(getattr(schedule, field)) and len(rows[field]) > 2


def test_a_schedule_of_ones_own_and_one_that_is_not_there(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "bench" / "schedules" / "demo.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace("epochs: 11", "epochs: 77"), encoding="utf-8")
    assert "77" in bench(tmp_path, None, "schedules", "mine.yaml").stdout
    unknown = bench(tmp_path, None, "schedules", "identcal")
    assert unknown.exit_code == 2 and "Did you mean 'identical'?" in unknown.stderr


def test_one_method_with_its_options(tmp_path: Path) -> None:
    shown = bench(tmp_path, None, "methods", "ml-gcn").stdout
    assert "CVPR 2019" in shown and "/tau" in shown and "(Eq. 7)" in shown
    assert "label frequency" in bench(tmp_path, None, "methods", "prior").stdout.lower()
    unknown = bench(tmp_path, None, "methods", "mlgcn")
    assert unknown.exit_code == 2 and "Did you mean 'ml-gcn'?" in unknown.stderr


def on_a_terminal(folder: Path, *arguments: str, columns: int = 100) -> str:
    """What a command prints on a real terminal of so many columns."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "BENCH_WORK": str(folder / "work")}
    process = subprocess.Popen(own_process(*arguments), cwd=folder, env=env, stdout=theirs, stderr=theirs)
    os.close(theirs)
    output = b""
    try:
        while part := os.read(ours, 4096):
            output += part
    except OSError:  # the terminal closes with its last process
        pass
    os.close(ours)
    assert process.wait() == 0, output
    return output.decode()


def test_a_terminal_gets_a_table(stored: Path) -> None:
    shown = on_a_terminal(stored, "ls", "--data", "scenes", columns=120)
    assert "┃" in shown and "resnet" in shown and "scenes" in shown
    assert all(len(line) <= 120 for line in shown.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines())
    # A class or an option in square brackets is no style.
    assert "[]" in on_a_terminal(stored, "schedules", "identical")


@pytest.mark.parametrize("columns", [20, 80])
def test_names_stay_whole_on_a_terminal_without_room_for_a_table(columns: int, stored: Path) -> None:
    shown = on_a_terminal(stored, "ls", "--data", "scenes", columns=columns)
    runs = json.loads(bench(stored, None, "ls", "--data", "scenes", "--json").stdout)
    assert "┃" not in shown and runs and all(run["run"] in shown for run in runs)
