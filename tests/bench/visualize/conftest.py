"""A folder with small trained models of four methods, and their data."""

from pathlib import Path

import pytest

from bench_command import TINY, bench
from trees import write_voc

METHODS = "resnet,ml-gcn,add-gcn,salgl"


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_voc(root, train=12, test=8)
    return root


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A folder with results and a work folder, as `bench run` leaves them."""
    folder = tmp_path_factory.mktemp("trained")
    done = bench(folder, data, "run", "--methods", METHODS, "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    return folder
