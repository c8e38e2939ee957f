"""A tune that is gone on with: what it makes again, and what it leaves as it is."""

from pathlib import Path

import pytest

from bench.methods.model import MultiLabelModel
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tune.design import folder_of
from bench_command import TINY, bench
from trees import write_voc

ASKED = ("tune", "--methods", "resnet", "--schedule", "frozen", "--epochs", "1", *TINY)
TUNE = (*ASKED, "--trials", "2", "--seeds", "0")
NAME = "voc2007-frozen"


def runs(results: Path) -> dict[str, Record]:
    """The trials and final runs of the tune under a folder of results, by their names."""
    stores = (RecordStore(folder_of(results, NAME)), RecordStore(results))
    return {one.run_id: one for store in stores for one in store.all() if isinstance(one, Record)}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_voc(tmp_path / "data", train=40, test=6)
    return tmp_path


def test_trials_and_final_runs_that_failed_are_repeated_where_that_is_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("CUDA error: unspecified launch failure")

    with monkeypatch.context() as for_a_while:
        for_a_while.setattr(MultiLabelModel, "forward", broken)
        first = bench(home, home / "data", *TUNE)
    assert first.exit_code == 0, first.output
    before = runs(home / "results")
    failed = {name for name, run in before.items() if run.status == "failed"}
    # Two trials of three seeds each, and the final run; the label frequency has no network.
    assert {run.cell.method.name for name, run in before.items() if name not in failed} == {"prior"}
    assert len(failed) == 2 * 3 + 1
    left = bench(home, home / "data", *TUNE)
    assert left.exit_code == 0 and left.stdout.count("--overwrite failed runs it again") >= len(failed)
    assert runs(home / "results") == before
    again = (*TUNE, "--overwrite", "failed")
    assert f"{len(failed)} of 9 runs to do" in bench(home, home / "data", *again, "--dry-run").stdout
    assert bench(home, home / "data", *again).exit_code == 0
    after = runs(home / "results")
    assert {run.status for run in after.values()} == {"finished"}
    assert {name: after[name] for name in before.keys() - failed} == {
        name: before[name] for name in before.keys() - failed
    }
    assert bench(home, home / "data", *again).exit_code == 0
    assert runs(home / "results") == after, "what has a result is not made again"


def test_what_is_stored_may_not_be_made_anew_as_a_whole(home: Path) -> None:
    refused = bench(home, home / "data", *TUNE, "--overwrite", "always")
    assert refused.exit_code == 2 and "--overwrite failed" in refused.stderr, refused.output
    assert "another --results FOLDER" in refused.stderr
    misspelt = bench(home, home / "data", *TUNE, "--overwrite", "fialed")
    assert misspelt.exit_code == 2 and "'overwrite' is 'fialed'" in misspelt.stderr
    assert not (home / "results").exists()
