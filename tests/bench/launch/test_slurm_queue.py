"""Whether tasks are there any more, asked of commands that say what Slurm would."""

from pathlib import Path

import pytest

from bench.experiment.matrix import load_matrix
from bench.launch import slurm_queue
from bench.launch.job import Submitted, change_job, create_job

HERE = "echo 'ClusterName             = here'"


@pytest.mark.parametrize(
    ("scontrol", "squeue", "gone"),
    [
        (HERE, "echo '7_0 PENDING'; echo '7_1 CANCELLED'; echo '8 RUNNING'", {"one"}),
        (HERE, "echo '7_0 COMPLETING'; echo '7_1 RUNNING'", set()),
        (HERE, "true", {"zero", "one"}),
        (HERE, "echo 'slurm_load_jobs error: Unable to contact controller' >&2; exit 1", set()),
        (HERE, "sleep 20", set()),
        ("echo 'ClusterName = elsewhere'", "true", set()),
        ("exit 1", "true", set()),
    ],
    ids=["cancelled", "there", "forgotten", "no answer", "a late answer", "another cluster", "no cluster"],
)
def test_only_what_this_cluster_says_it_has_not_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scontrol: str, squeue: str, gone: set[str]
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(slurm_queue, "PATIENCE", 1.0)
    for name, says in (("scontrol", scontrol), ("squeue", squeue)):
        (tmp_path / name).write_text(f"#!/bin/sh\n{says.replace('sleep', 'exec sleep')}\n")
        (tmp_path / name).chmod(0o755)
    folder = create_job(load_matrix(None, {"data": "voc2007"}), [], "slurm").folder
    job = change_job(folder, cells=("zero", "one"), ids={"zero": "7_0", "one": "7_1"})
    slurm_queue.note_cluster(folder, "here")
    found = slurm_queue.lost([(Submitted(folder, job), name) for name in job.cells])
    assert {run for _, run in found} == gone

    others = job.model_copy(update={"user": "somebody"})
    assert not slurm_queue.lost([(Submitted(folder, others), name) for name in job.cells])
