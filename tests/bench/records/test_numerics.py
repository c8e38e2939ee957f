"""Rows that were computed otherwise: what a run of each, trained again in one way, says of them."""

from pathlib import Path

import pytest
import torch

from bench.engine.device.environment import describe_environment
from bench.records.record import Environment, Verification
from bench.records.store import RecordStore
from bench_command import bench
from made_records import ENVIRONMENT, made_cell, made_record

NOTE = "NOTE: these runs were not computed alike"
UNKNOWN = "the size of what that changes is not known"


def way(shared: str, torch: str = "2.11.0") -> Environment:
    """An environment with this digest of what methods share."""
    versions = {**ENVIRONMENT.versions, "torch": torch}
    changed = {"code": f"{shared * 12}-{'f' * 12}", "versions": versions}
    return Environment(**{**ENVIRONMENT.model_dump(), **changed})


def by(versions: dict[str, str]) -> Environment:
    """An environment with these packages."""
    return ENVIRONMENT.model_copy(update={"versions": versions})


def stored(folder: Path, **runs: Environment) -> RecordStore:
    """Runs by `method_seed`, each made a minute after the one before."""
    store = RecordStore(folder / "results")
    for minute, (run, environment) in enumerate(runs.items()):
        method, _, seed = run.rpartition("_")
        created = f"2030-01-01T00:{minute:02}:00+00:00"
        cell = made_cell(method.replace("_", "-"), int(seed))
        store.save(*made_record(cell, environment=environment, created=created))
    return store


def trained_again(
    store: RecordStore, run: str, environment: Environment, apart: float = 0.0, created: str = "2030-02-01"
) -> None:
    record = store.find(f"voc2007-{run}")
    assert record.metrics is not None
    before = record.metrics.mAP
    verification = Verification(
        created=f"{created}T00:00:00+00:00",
        environment=environment,
        same_bits=not apart,
        largest_difference=apart,
        map_before=before,
        map_again=before - apart,
    )
    store.add_verification(record, verification)


def printed(store: RecordStore) -> str:
    return str(bench(store.folder.parents[1], None, "tables", "voc2007").stdout)


def test_the_older_run_as_the_newer_was(tmp_path: Path) -> None:
    store = stored(tmp_path, resnet_0=way("a"), ml_gcn_0=way("b"))
    assert NOTE in printed(store) and UNKNOWN in printed(store)
    trained_again(store, "ml-gcn-s0", way("a"))
    assert NOTE not in printed(store), "as the other run was, though that is the older one"


@pytest.mark.parametrize("package", ["simplejpeg", "opencv-python-headless", "lightning-fabric"])
def test_what_reads_pictures_and_rounds_is_compared(package: str, tmp_path: Path) -> None:
    """Also with a record of a time when it was not written down; two of those say nothing of it."""
    here = describe_environment(torch.device("cpu"), False, 0, "").versions[package]
    older = {name: number for name, number in ENVIRONMENT.versions.items() if name != package}
    store = stored(tmp_path, resnet_0=by(older), ml_gcn_0=by(older))
    assert NOTE not in printed(store)
    store = stored(tmp_path, resnet_0=by({**older, package: here}))
    assert f"{NOTE} ({package}: {here} in 1 runs, not recorded in 1 runs);" in printed(store)
    store = stored(tmp_path, ml_gcn_0=by({**older, package: "0.1"}))
    assert f"{NOTE} ({package}: 0.1 in 1 runs, {here} in 1 runs);" in printed(store)


def test_each_as_a_later_version_does(tmp_path: Path) -> None:
    """Which no longer has the code of either."""
    store = stored(tmp_path, resnet_0=way("a"), ml_gcn_0=way("b"))
    trained_again(store, "resnet-s0", way("c"))
    assert UNKNOWN in printed(store), "nothing says how ML-GCN is computed there"
    trained_again(store, "ml-gcn-s0", way("d"))
    assert UNKNOWN in printed(store), "each by a version of its own"
    trained_again(store, "ml-gcn-s0", way("c"))
    assert NOTE not in printed(store)


def test_the_size_is_that_of_the_newest_way_in_which_all_were_computed(tmp_path: Path) -> None:
    store = stored(tmp_path, resnet_0=way("a"), ml_gcn_0=way("b"))
    for run, apart in (("resnet-s0", 0.0), ("ml-gcn-s0", 0.0031)):
        trained_again(store, run, way("c"), apart, "2030-03-01")
    assert f"{NOTE} (code: {'a' * 12} in 1 runs, {'b' * 12} in 1 runs); trained again" in printed(store)
    assert "a run of each row moved by at most 0.31 mAP" in printed(store)
    trained_again(store, "resnet-s0", way("d"), 0.002, "2030-04-01")
    assert "at most 0.31 mAP" in printed(store), "the newest does not know all"
    trained_again(store, "ml-gcn-s0", way("d"), 0.001, "2030-04-02")
    assert "at most 0.20 mAP" in printed(store)


def test_other_bits_are_said_though_map_is_the_same(tmp_path: Path) -> None:
    store = stored(tmp_path, resnet_0=way("a"), ml_gcn_0=way("b"))
    trained_again(store, "resnet-s0", way("b"), 1e-12)
    assert "moved by at most 0.00 mAP" in printed(store)


@pytest.mark.parametrize("run", ["ml-gcn-s0", "ml-gcn-s1"])
def test_every_way_in_which_a_row_was_computed_counts(tmp_path: Path, run: str) -> None:
    store = stored(tmp_path, ml_gcn_0=way("a"), ml_gcn_1=way("b"), resnet_0=way("c"))
    trained_again(store, run, way("c"))
    assert UNKNOWN in printed(store), "its other seed was computed in yet another way"
    other = "ml-gcn-s1" if run == "ml-gcn-s0" else "ml-gcn-s0"
    trained_again(store, other, way("c"))
    assert NOTE not in printed(store)


def test_trained_again_under_another_torch_or_with_a_damaged_file_clears_nothing(tmp_path: Path) -> None:
    store = stored(tmp_path, resnet_0=way("a"), ml_gcn_0=way("b"))
    trained_again(store, "resnet-s0", way("b", torch="2.14.1"))
    assert UNKNOWN in printed(store)
    trained_again(store, "resnet-s0", way("b"))
    assert NOTE not in printed(store)
    (file,) = store.folder.glob("*resnet*/verifications.json")
    file.write_text(file.read_text()[:-20])
    assert UNKNOWN in printed(store)
