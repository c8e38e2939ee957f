"""How many processors a process may use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench import processors as module
from bench.processors import GIVEN, GIVEN_BY_SLURM, given_processors, processors
from bench.records.store import RecordStore
from bench_command import TINY, bench
from trees import write_voc


@pytest.fixture(autouse=True)
def _no_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(GIVEN, raising=False)
    monkeypatch.delenv(GIVEN_BY_SLURM, raising=False)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone has masks of processors")
def test_a_mask_counts_and_not_the_machine() -> None:
    script = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))});"
        "from bench.processors import processors; print(processors())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_a_scheduler_gives_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    assert given_processors() is None
    monkeypatch.setenv(GIVEN_BY_SLURM, "1")
    assert (given_processors(), processors()) == (1, 1)
    monkeypatch.setenv(GIVEN_BY_SLURM, "none of it")
    assert given_processors() is None


@pytest.mark.parametrize(
    ("file", "text", "limit"),
    [("cpu.max", "150000 100000", 2), ("cpu.max", "max 100000", 64), ("cpu.max", "50000 100000", 1)],
)
def test_a_quota_of_the_group_or_one_above_it_counts(
    file: str, text: str, limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "above" / "group").mkdir(parents=True)
    (tmp_path / "above" / "group" / "cpu.max").write_text("max 100000")
    (tmp_path / "above" / file).write_text(text)
    folders = [tmp_path / "above" / "group", tmp_path / "above", tmp_path]
    monkeypatch.setattr(module, "_folders", lambda: folders)
    monkeypatch.setattr(module, "_by_mask", lambda: 64)
    assert processors() == limit


@pytest.mark.parametrize(
    ("given", "limit"), [("1", ""), ("", "import bench.processors; bench.processors._by_group = lambda: 1;")]
)
def test_a_task_computes_with_the_threads_of_its_share(given: str, limit: str) -> None:
    """What a scheduler says, and the quota of a container, which holds processes to it."""
    script = (
        f"import torch; torch.set_num_threads(4);{limit}"
        "from bench.engine.device.environment import choose_workers, keep_to_share; keep_to_share();"
        "print(torch.get_num_threads(), choose_workers(None, torch.device('cuda')))"
    )
    environment = {**os.environ, GIVEN_BY_SLURM: given}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout == "1 1\n"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a run, and its name."""
    folder = tmp_path_factory.mktemp("ran")
    write_voc(folder / "data", train=8, test=4)
    done = bench(folder, folder / "data", "run", "--methods", "resnet", "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    return folder, next((folder / "results" / "runs").glob("*resnet*")).name


@pytest.mark.parametrize(
    "command",
    [
        ("verify", "RUN", "--train", "--device", "cpu"),
        ("evaluate", "--checkpoint", "RUN", "--data", "voc2007", "--device", "cpu"),
        ("predict", "RUN", "data", "--device", "cpu"),
    ],
    ids=["verify", "evaluate", "predict"],
)
def test_what_computes_with_a_run_keeps_to_its_share(
    command: tuple[str, ...], ran: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, run = ran
    monkeypatch.setenv(GIVEN_BY_SLURM, "1")
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        done = bench(folder, folder / "data", *(run if word == "RUN" else word for word in command))
        assert done.exit_code == 0 and torch.get_num_threads() == 1, done.output
    finally:
        torch.set_num_threads(before)
    store = RecordStore(folder / "results")
    assert all(again.environment.threads == 1 for again in store.verifications(store.find(run)))
