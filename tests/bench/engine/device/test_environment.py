"""What Fabric is told of where it runs."""

import signal
import warnings
from pathlib import Path

import pytest
import torch

from bench.engine.device.environment import fabric_on, precision_plugin

CPU = torch.device("cpu")
# One of two tasks, each a cell: --ntasks=2.
TASK_OF_SRUN = {
    "SLURM_JOB_ID": "12",
    "SLURM_JOB_NAME": "a-matrix",
    "SLURM_NTASKS": "2",
    "SLURM_NNODES": "2",
    "SLURM_NODELIST": "far[1-2]",
    "SLURM_PROCID": "0",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "0",
}


def test_fabric_is_one_process_also_where_srun_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in TASK_OF_SRUN.items():
        monkeypatch.setenv(name, value)
    before = (
        signal.getsignal(signal.SIGUSR1),
        signal.getsignal(signal.SIGUSR2),
        signal.getsignal(signal.SIGTERM),
    )
    fabric = fabric_on(CPU, precision_plugin("fp32", CPU))
    fabric.setup(torch.nn.Linear(2, 2))
    assert (fabric.world_size, fabric.global_rank) == (1, 0)
    after = (
        signal.getsignal(signal.SIGUSR1),
        signal.getsignal(signal.SIGUSR2),
        signal.getsignal(signal.SIGTERM),
    )
    assert after == before, "who requeues is decided elsewhere"


def test_a_machine_with_slurm_is_nothing_to_be_warned_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "srun").write_text("#!/bin/sh\n")
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fabric_on(CPU, precision_plugin("fp32", CPU))
