"""What is asked for of cells side by side, and what is said where it cannot be had."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from bench.engine.planning.log import LogDisplay
from bench.engine.planning.plan import plan
from bench.errors import UserError
from bench.experiment.matrix import load_matrix
from bench.launch.job import JOB, change_job, create_job, list_jobs, load_job, log_of
from bench.launch.status import cell_statuses
from bench.launch.worker import find_cell, prepare_cells
from bench_command import TINY, bench
from trees import write_voc


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--jobs", "2"], "add launcher local"),
        (["--launcher", "local"], "needs jobs: how many runs at a time"),
        (["--launcher", "local", "--jobs", "0"], "greater than or equal to 1"),
        (["--launcher", "cluster"], "Unknown launcher 'cluster'"),
        (["--launcher", "local", "--jobs", "2", "--devices", "2"], "runs a cell in one process"),
    ],
)
def test_a_launcher_that_cannot_be_is_a_sentence(options: list[str], said: str, tmp_path: Path) -> None:
    done = bench(tmp_path, tmp_path, "run", "--methods", "resnet", *TINY, *options)
    assert done.exit_code == 2 and said in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_with_nothing_submitted_the_commands_say_so(tmp_path: Path) -> None:
    assert "no job was submitted" in bench(tmp_path, None, "status").stdout
    for words in (["logs", "resnet"], ["cancel", "resnet"], ["cancel", ""], ["status", "20260101"]):
        done = bench(tmp_path, None, *words)
        assert done.exit_code == 2 and done.stderr.startswith("Error: No ")


def test_a_job_holds_what_a_task_needs_and_its_cells_are_told_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_WORK", "work")
    monkeypatch.setenv("BENCH_DATA_ROOT", "data")
    monkeypatch.setenv("BENCH_CPUS", "1")
    write_voc(tmp_path / "data", train=8, test=4)
    fields = {
        "data": "voc2007",
        "methods": "resnet",
        "device": "cpu",
        "set": {"lr": 0.001},
        "results": "mine",
    }
    matrix = load_matrix(None, fields)
    cells = plan(matrix)
    folder, job = create_job(matrix, cells, "local")
    assert folder.parent == tmp_path / "work" / "jobs" and load_job(folder) == job
    assert job.matrix == matrix.model_copy(update={"precision": "fp32"}) and job.cells == tuple(
        cell.spec.run_id() for cell in cells
    )
    assert job.environment == {"BENCH_WORK": str(tmp_path / "work"), "BENCH_DATA_ROOT": "data"}
    assert change_job(folder, ids={"array": "12"}).ids == {"array": "12"} == load_job(folder).ids
    assert [one.job.name for one in list_jobs()] == [job.name]

    prior, resnet = job.cells
    with pytest.raises(UserError, match="has no run other"):
        find_cell(job, cells, "other")
    with pytest.raises(UserError, match=r"submit it again"):
        find_cell(job, [], resnet)
    log = log_of(folder, resnet)
    log.parent.mkdir()
    log.write_text("[1/1] resnet on voc2007, seed 0\n  epoch 1: loss 0.5\nstopped by SIGTERM; goes on\n")
    (tmp_path / "work" / "runs" / resnet).mkdir(parents=True)
    (tmp_path / "work" / "runs" / resnet / "training.json").write_text(json.dumps({"epochs": 1}))
    states = {one.run: one for one in cell_statuses(Path("mine"), list_jobs())}
    assert states[prior].state == "not begun"
    assert (states[resnet].state, states[resnet].epochs_done) == ("stopped", 1)
    log.write_text("Error: The code was changed since the job was submitted: submit it again.\n")
    (failed,) = [one for one in cell_statuses(Path("mine"), list_jobs()) if one.run == resnet]
    assert failed.state == "failed" and failed.last.startswith("Error: The code was changed")

    (folder / JOB).write_text("{}")
    with pytest.raises(UserError, match=r"job\.json"):
        load_job(folder)
    assert list_jobs() == []


@pytest.mark.parametrize(
    "asked", [{"precision": "auto"}, {"set": {"precision": "auto"}}, {"schedule": "frozen"}]
)
def test_a_task_on_another_machine_has_the_precision_that_the_job_was_planned_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, object]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_WORK", "work")
    write_voc(tmp_path / "data", train=8, test=4)
    given = {"data": "voc2007", "methods": "resnet", "device": "cpu", "data_root": tmp_path / "data"}
    matrix = load_matrix(None, {**given, **asked})
    monkeypatch.setattr("bench.engine.device.environment.automatic_precision", lambda device: "bf16")
    cells = plan(matrix)
    folder, job = create_job(matrix, cells, "slurm")
    assert {cell.spec.schedule.precision for cell in cells} == {"bf16"}
    monkeypatch.setattr("bench.engine.device.environment.automatic_precision", lambda device: "fp32")
    planned = plan(load_job(folder).matrix)
    assert [find_cell(job, planned, run).spec.run_id() for run in job.cells] == list(job.cells)
    with pytest.raises(UserError, match="submit it again"):
        prepare_cells(job, planned[:1], LogDisplay(Console(quiet=True)))


@pytest.mark.parametrize("ids", [{"prepare": "../../away"}, {"../away": "1"}, {"prepare": "--all"}])
def test_a_job_whose_names_lead_elsewhere_is_refused(
    ids: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_WORK", "work")
    folder = create_job(load_matrix(None, {"data": "voc2007", "methods": "resnet"}), [], "slurm").folder
    file = folder / JOB
    file.write_text(json.dumps({**json.loads(file.read_text()), "ids": ids}))
    with pytest.raises(UserError, match=r"job\.json"):
        load_job(folder)
    assert not list_jobs() and "no job was submitted" in bench(tmp_path, None, "status").stdout
