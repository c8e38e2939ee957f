"""A tune that is gone on with: what it makes again, and what it leaves as it is."""

from pathlib import Path
from shutil import rmtree

import pytest
import yaml

from bench.experiment.schedule import load_schedule
from bench.methods.model import MultiLabelModel
from bench.records.record import Record
from bench.records.store import RECORD, RecordStore
from bench.tune.design import folder_of
from bench_command import TINY, bench
from trees import write_voc

ASKED = ("tune", "--methods", "resnet", "--schedule", "frozen", "--epochs", "1", *TINY)
TUNE = (*ASKED, "--trials", "2", "--seeds", "0")
NAME = "voc2007-frozen"
FROZEN = load_schedule("frozen", {"epochs": 1}).model_dump(
    mode="json", exclude_defaults=True, exclude={"about"}
)


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
    no_result = "1 of the final runs have no result, as said above: the same command with --overwrite failed"
    assert first.exit_code == 1 and no_result in first.stdout, first.output
    before = runs(home / "results")
    failed = {name for name, run in before.items() if run.status == "failed"}
    # Two trials of three seeds each, and the final run; the label frequency has no network.
    assert {run.cell.method.name for name, run in before.items() if name not in failed} == {"prior"}
    assert len(failed) == 2 * 3 + 1
    left = bench(home, home / "data", *TUNE)
    assert left.exit_code == 1 and no_result in left.stdout
    assert left.stdout.count("--overwrite failed runs it again") >= len(failed)
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


def test_a_tune_that_was_stopped_after_its_trials_finds_them_when_its_schedule_is_described_otherwise(
    home: Path,
) -> None:
    """The line `about` changes no result, so it is in no name of a run and in no design."""
    schedule = home / "mine.yaml"
    schedule.write_text(f"about: mine\n{yaml.safe_dump(FROZEN)}")
    asked = ("tune", "--methods", "ml-gcn", "--schedule", "mine.yaml", "--name", NAME, *TINY)
    asked = (*asked, "--trials", "2", "--seeds", "0")
    test_list = home / "data" / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main" / "test.txt"
    test_list.rename(home / "test.txt")
    assert bench(home, home / "data", *asked).exit_code == 2, "it ends where the test split is opened"
    (home / "test.txt").rename(test_list)
    for run in folder_of(home / "results", NAME).glob("runs/*-s[12]-*"):
        rmtree(run)
    trials = runs(home / "results")
    schedule.write_text(f"about: mine, in other words\n{yaml.safe_dump(FROZEN)}")
    done = bench(home, home / "data", *asked)
    assert done.exit_code == 0, done.output
    after = runs(home / "results")
    assert trials.items() <= after.items() and len(trials) == 1 + 2
    assert len(after) == 1 + 2 * 3 + 2, "with more seeds, and of what was chosen, beside the label frequency"
    report = bench(home, None, "tune", "--report", "--name", NAME).stdout
    assert report in done.stdout and "ml-gcn/" not in report and report.count("| ml-gcn ") == 1


@pytest.mark.parametrize("seed", [0, 1])
def test_where_nothing_is_chosen_the_command_says_why(home: Path, seed: int) -> None:
    """A damaged record is left alone, and no best trial is known without it."""
    assert bench(home, home / "data", *TUNE).exit_code == 0
    (damaged, *_) = folder_of(home / "results", NAME).glob(f"runs/*-resnet-s{seed}-*/{RECORD}")
    damaged.write_text("{")
    done = bench(home, home / "data", *TUNE)
    assert done.exit_code == 1, done.output
    assert (
        "Nothing is chosen for resnet, as some of the trials have no record that can be read: the same "
        "command with --overwrite failed makes those again." in done.output
    )
    assert bench(home, home / "data", *TUNE, "--overwrite", "failed").exit_code == 0
