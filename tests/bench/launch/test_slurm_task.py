"""What a task does that was told to stop, with a `scontrol` that says what Slurm would."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from bench.experiment.matrix import load_matrix
from bench.launch.job import create_job
from bench.launch.slurm_settings import SlurmSettings, store_settings
from bench.launch.slurm_task import FAILED, run_task

SCONTROL = """#!/bin/sh
case "$1" in
show) echo "JobId=7 JobState=RUNNING Reason=None TimeLimit={limit} TimeMin=N/A" ;;
*) cat >> {told} ;;
esac
"""


@pytest.mark.parametrize(
    ("limit", "lasts", "ends"),
    [
        ("00:02:00", None, True),
        ("1-00:00:00", None, False),
        ("UNLIMITED", None, False),
        ("UNLIMITED", 120, True),  # Slurm says it in the environment, and is not asked
        ("00:02:00", 86400, False),
    ],
)
def test_without_a_time_in_the_file_a_task_whose_epoch_does_not_fit_into_slurms_ends(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    limit: str,
    lasts: int | None,
    ends: bool,
) -> None:
    told = tmp_path / "told"
    (tmp_path / "scontrol").write_text(SCONTROL.format(limit=limit, told=told))
    (tmp_path / "scontrol").chmod(0o755)
    variables = {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "BENCH_WORK": str(tmp_path / "work"),
        "SLURM_JOB_ID": "7",
    }
    if lasts is not None:
        variables |= {"SLURM_JOB_START_TIME": "1000", "SLURM_JOB_END_TIME": str(1000 + lasts)}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("bench.launch.slurm_task.run_named", lambda *named, task: "stopped")
    monkeypatch.setattr("bench.launch.slurm_task._heeding_alone", nullcontext)
    folder = create_job(load_matrix(None, {"data": "voc2007"}), [], "slurm").folder
    store_settings(folder, SlurmSettings())

    with pytest.raises(SystemExit) as ended:
        run_task(str(folder), "voc2007-resnet-s0-1")
    assert ended.value.code == (FAILED if ends else 0)
    assert told.exists() != ends, "it is queued again"
    said = "No epoch of voc2007-resnet-s0-1 was done within the time of a task"
    assert (said in capsys.readouterr().err) == ends
