"""What Slurm says when it is asked: how it is configured, and which tasks it still has."""

import os
import shutil
import subprocess
from getpass import getuser
from pathlib import Path

from bench.files import write_text
from bench.launch.job import Submitted

CLUSTER = "cluster"
"""In the folder of a job, the name of the cluster that it was submitted to."""
PATIENCE = 5.0
"""Seconds that `bench status` waits for each of two answers, at most."""
GONE = "Slurm has no such task any more; the same command submits what is missing"
_ENDED = frozenset(
    (
        *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
        *("PREEMPTED", "REVOKED", "TIMEOUT"),
    )
)


def configuration(timeout: float = 120) -> dict[str, str]:
    """What this cluster is configured with; nothing where there is none, or it does not answer."""
    lines = (line.partition("=") for line in _said(["scontrol", "show", "config"], timeout) or ())
    return {name.strip(): value.strip() for name, equals, value in lines if equals}


def note_cluster(folder: Path, name: str) -> None:
    """Write down to which cluster a job is submitted."""
    write_text(folder / CLUSTER, f"{name}\n")


def lost(waiting: list[tuple[Submitted, str]]) -> dict[tuple[str, str], str]:
    """A sentence on each cell whose task waits as files tell and is not there, by the names of job and run.

    Another cluster, and who may not see the tasks of others, would have none of them: only what this user
    submitted to this cluster is asked for.
    """
    user = getuser()
    own = [(one, run) for one, run in waiting if one.job.user == user and _cluster_of(one.folder)]
    if not own or shutil.which("squeue") is None:
        return {}
    cluster = configuration(PATIENCE).get("ClusterName")
    own = [(one, run) for one, run in own if _cluster_of(one.folder) == cluster]
    asked = ["squeue", "--noheader", "--array", "--states=all", f"--user={user}", "--format=%i %T"]
    lines = _said(asked, PATIENCE) if own else None
    if lines is None:
        return {}
    there = {words[0] for line in lines if len(words := line.split()) == 2 and words[1] not in _ENDED}
    return {(one.job.name, run): GONE for one, run in own if one.job.ids[run] not in there}


def _cluster_of(folder: Path) -> str:
    try:
        return (folder / CLUSTER).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):  # submitted before this was written down
        return ""


def _said(command: list[str], timeout: float) -> list[str] | None:
    """The lines that a command of Slurm prints; None where it fails, or takes longer."""
    # What a user has set for squeue would leave tasks out.
    variables = {name: value for name, value in os.environ.items() if not name.startswith("SQUEUE_")}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=variables)
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return None if done.returncode else done.stdout.splitlines()
