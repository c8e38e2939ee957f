"""What `bench run --launcher slurm` says where nothing is submitted."""

from pathlib import Path

import pytest

from bench_command import TINY, bench
from own_tables import ONE_HOT, describe
from slurm_tasks import jobs
from trees import write_own_csv, write_voc

RUN = ("run", "--methods", "resnet", "--epochs", "1", *TINY)
SLURM = ("--launcher", "slurm", "--slurm", "gpu.yaml")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_voc(tmp_path / "data", train=8, test=4)
    return tmp_path / "data"


def settings(folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / "gpu.yaml").write_text(text)


def test_a_dry_run_says_what_would_be_submitted_and_submits_nothing(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # it needs no Slurm
    settings(tmp_path / "run", "partition: gpu\ngpus: 1\nat_once: 4\n")
    done = bench(tmp_path / "run", data, *RUN, *SLURM, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "2 of 2 runs to do" in done.stdout
    said = "To be submitted to Slurm: a task that prepares, and after it 2 for the runs, 4 at a time."
    assert said in done.stdout and "Each task asks for partition gpu, 1 GPU." in done.stdout
    assert not jobs(tmp_path / "run")


@pytest.mark.parametrize("device", ["cuda", "auto"])
def test_a_matrix_for_gpus_is_planned_where_there_is_none(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("bench.engine.device.environment._cpu_flags", frozenset)
    settings(tmp_path / "run", "gpus: 1\n")

    def planned(*options: str) -> list[str]:
        done = bench(tmp_path / "run", data, *RUN, *SLURM, "--dry-run", "--device", device, *options)
        assert done.exit_code == 0, done.output
        assert "it depends on the machines that the tasks are given" in done.stdout
        return [line for line in done.stdout.splitlines() if line.startswith("to run")]

    automatic = planned("--precision", "auto", "--compile", "graphs")
    assert automatic == planned("--precision", "bf16") != planned("--precision", "fp32")


@pytest.mark.parametrize(("device", "refused"), [("cpu", True), ("cuda", False)])
def test_schedules_of_which_one_alone_is_automatic_are_told_to_be_given_a_precision(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, device: str, refused: bool
) -> None:
    monkeypatch.setattr("bench.engine.device.environment._cpu_flags", lambda: frozenset({"avx512_bf16"}))
    settings(tmp_path / "run", "cpus: 2\n")
    write_own_csv(tmp_path, images=8)
    own = describe(tmp_path, ONE_HOT, rest="splits: {train: 0.5}\nschedule: frozen")
    asked = ("--data", f"voc2007,{own}", "--set", "weights=none", "--batch-size", "2", "--device", device)
    done = bench(tmp_path / "run", data, "run", "--methods", "resnet", *asked, *SLURM, "--dry-run")
    said = "the precisions bf16 and fp32, one of them by auto"
    assert (done.exit_code, said in done.output) == ((2, True) if refused else (0, False)), done.output


def test_where_there_is_no_slurm_it_says_so(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    settings(tmp_path / "run", "gpus: 1\n")
    done = bench(tmp_path / "run", data, *RUN, *SLURM)
    assert done.exit_code == 2 and "There is no Slurm here" in done.output
    assert not jobs(tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--launcher", "slurm"), "launcher slurm needs slurm: a file with what each task asks for"),
        (("--slurm", "gpu.yaml"), "slurm says what launcher slurm asks a cluster for: add launcher slurm"),
        ((*SLURM, "--devices", "2", "--nodes", "2"), "launcher slurm keeps a cell on one machine"),
        (
            ("--launcher", "local", "--jobs", "2", "--devices", "2"),
            "launcher local runs a cell in one process",
        ),
        ((*SLURM, "--jobs", "2"), "jobs says how many runs at a time launcher local makes"),
        (("--launcher", "slrum", *SLURM[2:]), "add launcher slurm"),
        (SLURM, "'gpu' is not a known key, did you mean 'gpus'?"),
    ],
)
def test_options_that_do_not_go_together_are_refused_before_any_work(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    settings(tmp_path / "run", "gpu: 1\n")
    done = bench(tmp_path / "run", tmp_path / "nowhere", *RUN, *arguments)
    assert done.exit_code == 2 and said in done.output, done.output
    assert "Traceback" not in done.output


def test_a_task_with_fewer_gpus_than_processes_is_refused(tmp_path: Path) -> None:
    settings(tmp_path / "run", "gpus: 1\n")
    done = bench(tmp_path / "run", tmp_path / "nowhere", *RUN, *SLURM, "--devices", "2")
    said = "--devices 2 needs as many GPUs in each task, and gpu.yaml asks for 1: give gpus: 2 there."
    assert done.exit_code == 2 and said in done.output, done.output
