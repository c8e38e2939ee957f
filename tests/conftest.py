"""Fixtures that all tests share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from places import ROOT

# The suite runs one process per core; more threads in each would only get in each other's way.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the checkout, with real data that is not part of the project."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the shared real data is not beside this checkout")
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_signs_of_life() -> Iterator[None]:
    """On a busy machine anything may take long enough for a line about it, which no test expects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.engine.planning.log.PATIENCE", 3600.0)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first: the others fill up what is left, and all processes end together."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
