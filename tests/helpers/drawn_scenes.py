"""The pictures of `scenes`, drawn once for all tests, because that takes longer than most of them."""

import os
from pathlib import Path

import pytest

from bench.datasets.scenes.generator import VERSION


def folder_of_all_tests(factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes that share the tests; whoever needs the pictures first draws them."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "drawn-scenes"
    folder.mkdir(exist_ok=True)
    return folder


def put_into(work: Path, drawn: Path) -> None:
    """Let commands with this work folder find the pictures that were drawn, or draw them there."""
    data = work / "data"
    data.mkdir(parents=True)
    (data / f"scenes-v{VERSION}").symlink_to(drawn, target_is_directory=True)
