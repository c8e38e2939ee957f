"""Fixtures that all tests share."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from drawn_scenes import folder_of_all_tests
from places import ROOT

# The suite runs more processes than there are cores; threads in each would only get in each other's way.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the checkout, with real data that is not part of the project."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the shared real data is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def drawn_scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pictures of `scenes`, for `drawn_scenes.put_into`."""
    return folder_of_all_tests(tmp_path_factory)


@pytest.fixture(scope="session", autouse=True)
def what_is_imported_is_no_garbage() -> None:
    """Every run collects garbage before it measures memory: a second each time, for all that tests import."""
    gc.collect()
    gc.freeze()


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
