"""What of a tune is stored already: what it may go on from, and what it is refused for beside."""

from pathlib import Path

import pytest

from bench.engine.running.code import code_digest
from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import TINY, bench
from plugin_projects import write_project
from trees import write_voc

ASKED = ("tune", "--methods", "resnet", "--schedule", "frozen", "--epochs", "1", *TINY)
TUNE = (*ASKED, "--trials", "2", "--seeds", "0", "--precision", "fp32")
HEAD = """
from bench.methods.catalog import Method
from bench.methods.options import ResNetOptions
from bench.methods.resnet import PooledLinearHead

class Plain(PooledLinearHead):
    pass

PLAIN = Method("plain", "Plain", "a summary", "nobody", ResNetOptions, "plugin_plain:Plain")
"""


def records(results: Path) -> list[Record]:
    return [record for record in RecordStore(results).all() if isinstance(record, Record)]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tuned")
    write_voc(folder / "data", train=40, test=6)
    done = bench(folder, folder / "data", *TUNE)
    assert done.exit_code == 0, done.output
    return folder


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_second_name_for_the_same_design_is_refused(tuned: Path, more: tuple[str, ...]) -> None:
    """Its final runs would stand in the rows of the first one's as more seeds."""
    done = bench(tuned, tuned / "data", *TUNE, "--name", "second", *more)
    assert done.exit_code == 2, done.output
    assert (
        "Final runs of this design are stored in results by the tune voc2007-frozen: go on with --name "
        "voc2007-frozen, or use another --results FOLDER or another --design-seed." in done.stderr
    )
    assert not (tuned / "results" / "tunes" / "second").exists()
    elsewhere = (*TUNE, "--name", "second", "--dry-run")
    for other in (("--results", "others"), ("--design-seed", "1")):
        assert bench(tuned, tuned / "data", *elsewhere, *other).exit_code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--batch-size", "8"), "schedule batch_size (4 there, 8 here)"),
        (("--precision", "bf16"), "schedule precision (fp32 there, bf16 here)"),
        (("--limit-train", "20"), "fixed limit_train (None there, 20 here)"),
        (("--protocol", "ssgrl"), "fixed protocol ap (ap there, ap_voc2012 here)"),
        (("--design-seed", "1"), "design seed (0 there, 1 here)"),
        (("--set", "weight_decay=0.5"), "space schedule weight_decay"),
    ],
)
def test_another_design_is_refused_before_it_is_priced(
    tuned: Path, change: tuple[str, ...], said: str
) -> None:
    done = bench(tuned, tuned / "data", *TUNE, *change, "--dry-run")
    assert done.exit_code == 2 and said in done.stderr, done.output
    assert "another --name" in done.stderr and "runs to do" not in done.stdout


def test_trials_of_other_code_send_nobody_to_a_name_that_is_refused_then(
    tuned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.tune.stored.code_digest", lambda name: "0" * 12 + code_digest(name)[12:])
    done = bench(tuned, tuned / "data", *TUNE)
    assert done.exit_code == 2 and "another version of the code made" in done.stderr
    assert "another --results FOLDER, or with another --name and another --design-seed" in done.stderr


def test_trials_of_a_method_of_another_package_are_refused_when_its_head_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_voc(tmp_path / "data", train=40, test=6)
    project = write_project(tmp_path, "bench.methods", {"plain": "plugin_plain:PLAIN"}, "plugin_plain", HEAD)
    monkeypatch.syspath_prepend(project)
    asked = (*TUNE, "--methods", "plain")
    assert bench(tmp_path, tmp_path / "data", *asked).exit_code == 0
    assert {"plain", "prior"} == {record.cell.method.name for record in records(tmp_path / "results")}
    (project / "plugin_plain.py").write_text(HEAD + "\nCHANGED = True\n", encoding="utf-8")
    code_digest.cache_clear()
    done = bench(tmp_path, tmp_path / "data", *asked)
    code_digest.cache_clear()
    assert done.exit_code == 2 and "another version of the code made" in done.stderr, done.output
