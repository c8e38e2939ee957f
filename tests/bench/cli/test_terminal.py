"""What a shell and a terminal see: Ctrl-C, an encoding that lacks characters, options that are none."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bench.experiment.schedule import Schedule
from bench_command import TINY, bench, own_environment, own_process
from made_records import made_cell, store_made
from trees import write_own_csv, write_voc

# Several commands in one process, for each of them loads what the others have loaded.
ONE_AFTER_ANOTHER = """
import json, sys
from bench.cli import main

statuses = []
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit as end:
        statuses.append(end.code or 0)
with open("statuses.json", "w") as file:
    json.dump(statuses, file)
"""
CLASSES = ("日本", "naïve – 😀", "person")


@pytest.mark.slow
def test_ctrl_c_ends_a_shells_loop_and_the_same_command_goes_on(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=60, test=8)
    arguments = ["run", "--methods", "resnet", "--epochs", "500", *TINY]
    process = subprocess.Popen(
        own_process(*arguments),
        cwd=tmp_path,
        env={**own_environment(tmp_path, tmp_path / "data"), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # What runs these tests in the background may have told them to ignore it, which is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if "epoch 2:" in line:
            process.send_signal(signal.SIGINT)
    # Not an exit status: a shell goes on to the next seed after one.
    assert process.wait() == -signal.SIGINT, printed
    assert printed.endswith("Interrupted; the same command goes on from the last epoch.\n")
    assert "Traceback" not in printed
    assert list((tmp_path / "work" / "runs").glob("*/training.pt")), "the last epoch is kept"


@pytest.mark.parametrize(
    "setting",
    [
        {"PYTHONIOENCODING": "iso-8859-1"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_an_encoding_that_lacks_a_character_stops_no_command(setting: dict[str, str], tmp_path: Path) -> None:
    cells = made_cell("resnet"), made_cell("salgl")
    store_made(tmp_path / "results", *cells, classes=CLASSES)
    write_own_csv(tmp_path / "own")
    described = {"name": "own", "title": "写真", "csv": {"images": "photos", "split": "split"}}
    (tmp_path / "own" / "labels.csv").write_text(
        "image,labels,split\n0.jpg,日本,train\n1.jpg,😀,train\n2.jpg,日本,test\n没有.jpg,日本,test\n",
        encoding="utf-8",
    )
    splits = {"splits": {"train": "train", "eval": "test"}}
    (tmp_path / "own" / "own.yaml").write_text(yaml.safe_dump({**described, **splits}), encoding="utf-8")
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("LC_", "LANG", "PYTHONIO"))
    }
    environment |= {"BENCH_WORK": str(tmp_path / "work"), **setting}
    wanted = (
        (0, ["tables"]),
        (0, ["compare", "resnet", "salgl", "--data", "voc2007", "--resamples", "100"]),
        (0, ["show", cells[0].run_id()]),
        (0, ["ls"]),
        (0, ["leaderboard"]),
        (0, ["plot", "per-class"]),
        (1, ["data", "check", "own/own.yaml"]),
        (2, ["show", "日本"]),
    )
    asked = json.dumps([words for _, words in wanted])
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_ANOTHER, asked], cwd=tmp_path, env=environment, capture_output=True
    )
    assert b"Traceback" not in done.stderr and b"UnicodeEncodeError" not in done.stderr
    assert json.loads((tmp_path / "statuses.json").read_text()) == [status for status, _ in wanted], done
    written = (tmp_path / "results" / "tables" / "voc2007-per-class.md").read_text(encoding="utf-8")
    assert "日本" in written and "😀" in written


@pytest.mark.parametrize("field", [name for name in Schedule.model_fields if name != "about"])
def test_every_field_of_a_schedule_is_met_with_what_sets_it(field: str, tmp_path: Path) -> None:
    option = f"--{field.replace('_', '-')}"
    done = bench(tmp_path, None, "run", "--data", "nowhere", option, "1")
    assert done.exit_code == 2
    if "No such option" in done.stderr:
        assert f"No such option: {option}; it is a field of the schedule: --set {field}=VALUE" in done.stderr
    else:
        assert option in bench(tmp_path, None, "run", "--help").output


@pytest.mark.parametrize("option", ["--resume", "--continue", "--resume=x"])
def test_going_on_needs_no_option(option: str, tmp_path: Path) -> None:
    done = bench(tmp_path, None, "run", "--data", "scenes", option)
    assert done.exit_code == 2 and "a run goes on by itself" in done.stderr


def test_another_option_that_there_is_none_of_gets_the_nearest(tmp_path: Path) -> None:
    assert "--seeds" in bench(tmp_path, None, "run", "--seed", "1").stderr


def test_a_work_folder_that_cannot_be_written_is_named_with_what_moves_it(tmp_path: Path) -> None:
    write_own_csv(tmp_path / "own")
    (tmp_path / "work").write_text("a file, where nobody can make a folder")
    done = bench(tmp_path, None, "data", "check", "own/own.yaml")
    assert done.exit_code == 2
    assert "set BENCH_WORK to a folder that can be written" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
@pytest.mark.parametrize("command", [("ls",), ("--help",), ("compare", "--help")], ids=" ".join)
def test_output_that_cannot_be_written_is_one_sentence(command: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            own_process(*command),
            cwd=tmp_path,
            env=own_environment(tmp_path, tmp_path),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr == "Error: what is printed cannot be written: No space left on device.\n"
