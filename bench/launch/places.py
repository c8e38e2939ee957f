"""Where the processes of a job are at work on this machine: a GPU each, or a share of the cores."""

import os
import subprocess
import sys
from pathlib import Path

from bench.experiment.matrix import MatrixSpec
from bench.processors import GIVEN, processors


def places(matrix: MatrixSpec) -> list[dict[str, str]]:
    """The variables of each process: its GPU where there are some, and its share of the cores."""
    jobs = matrix.jobs or 1
    share = {GIVEN: str(max(1, processors() // jobs))}
    gpus = _gpus() if matrix.device in ("auto", "cuda") else 0
    if not gpus:
        return [share] * jobs
    seen = [one for one in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if one]
    names = seen[:gpus] or [str(number) for number in range(gpus)]
    return [{**share, "CUDA_VISIBLE_DEVICES": names[number % len(names)]} for number in range(jobs)]


def _gpus() -> int:
    """How many GPUs PyTorch sees here; asked in a process of its own, since it takes seconds to import."""
    if not [*Path("/dev").glob("nvidia[0-9]*"), *Path("/dev").glob("kfd")]:
        return 0
    asked = "import torch; print(torch.cuda.device_count())"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    return int(done.stdout) if done.stdout.strip().isdecimal() else 0
