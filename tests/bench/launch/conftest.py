"""One cluster for all tests of this folder."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from slurm_cluster import SlurmCluster, slurm_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[SlurmCluster]:
    # Not in pytest's folder, whose path is long.
    folder = Path(tempfile.mkdtemp(prefix="bench-slurm-"))
    try:
        with slurm_cluster(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)
