"""A record whose numbers were written by hand is in no table; rows that were computed otherwise say so."""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.records.record import Record
from bench.records.store import RecordStore
from bench_command import bench
from made_records import ENVIRONMENT, made_cell, made_record, store_made


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    store_made(tmp_path / "results", made_cell("resnet"), made_cell("ml-gcn"))
    return tmp_path


def edit(folder: Path, method: str, change: object) -> None:
    (file,) = (folder / "results" / "runs").glob(f"*-{method}-*/record.json")
    record = json.loads(file.read_text())
    change(record)  # type: ignore[operator]
    file.write_text(json.dumps(record))


@pytest.mark.parametrize("metric", ["mAP", "OF1_top3"])
def test_a_metric_that_the_scores_do_not_give_is_left_out_by_name(stored: Path, metric: str) -> None:
    assert "ML-GCN" in bench(stored, None, "tables", "voc2007").stdout
    edit(stored, "ml-gcn", lambda record: record["metrics"].update({metric: 0.99}))
    printed = bench(stored, None, "tables", "voc2007").stdout
    assert "| ML-GCN" not in printed and "ResNet" in printed
    assert f"its {metric} is 99.00, and its scores give" in printed
    assert bench(stored, None, "leaderboard").exit_code == 0
    ranked = (stored / "results" / "leaderboard" / "leaderboard.md").read_text("utf-8")
    assert "ML-GCN" not in ranked and "its scores give" in ranked


def test_so_is_the_ap_of_a_class(stored: Path) -> None:
    edit(stored, "ml-gcn", lambda record: record["metrics"]["per_class_ap"].__setitem__(1, 0.99))
    assert "its AP of dog is 99.00" in bench(stored, None, "tables", "voc2007").stdout


@pytest.mark.parametrize("edited", [False, True], ids=["as it was", "mAP edited"])
@pytest.mark.parametrize("seen", [False, True], ids=["new", "seen before"])
def test_a_record_whose_scores_are_not_its_own_is_left_out_by_name(
    stored: Path, edited: bool, seen: bool
) -> None:
    """Nobody can tell what it should print; what was said of it before does not count."""
    if seen:
        assert "| ML-GCN" in bench(stored, None, "tables", "voc2007").stdout
    (file,) = (stored / "results" / "runs").glob("*-ml-gcn-*/scores.npz")
    file.write_bytes(file.read_bytes()[:-1])
    if edited:
        edit(stored, "ml-gcn", lambda record: record["metrics"].update(mAP=0.99))
    for name in ("voc2007-comparison", "voc2007-per-class", "voc2007-cost", "context"):
        printed = bench(stored, None, "tables", name).stdout
        assert "| ML-GCN  " not in printed, name
        assert f"left out: {file.parent.name}: The scores " in printed, name
    assert bench(stored, None, "leaderboard").exit_code == 0
    ranked = (stored / "results" / "leaderboard" / "leaderboard.md").read_text("utf-8")
    assert "ML-GCN |" not in ranked and f"left out: {file.parent.name}: The scores " in ranked
    listed = bench(stored, None, "verify", file.parent.name)
    assert listed.exit_code == 1 and "NOT VERIFIED: The scores " in listed.stdout


INVENTED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "averaged": (
        lambda record: record.update(averaged=record["metrics"]),
        "averaged, of which the record has",
    ),
    "classes": (
        lambda record: record["metrics"].update(classes_without_positives=[0]),
        "the classes without positives that its metrics are said to be of are not those of its scores",
    ),
    "measured images": (
        lambda record: record["metrics"].update(num_images=41),
        "the images that its metrics are said to be of",
    ),
    "images": (
        lambda record: record["data"].update(eval_images=41),
        "it says 41 images, and its scores are of 40",
    ),
    "labels": (lambda record: record["data"].update(eval_labels=999), "it says 999 positive labels"),
    "difficult": (lambda record: record["data"].update(eval_difficult=999), "it says 999 difficult labels"),
}


@pytest.mark.parametrize(("change", "said"), INVENTED.values(), ids=list(INVENTED))
def test_whatever_a_table_says_of_what_was_measured_is_that_of_the_scores(
    stored: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    edit(stored, "ml-gcn", change)
    printed = bench(stored, None, "tables", "voc2007-comparison").stdout
    assert "| ML-GCN" not in printed and "| ResNet baseline" in printed
    assert re.search(rf"left out: voc2007-ml-gcn-\S+: .*{said}", printed)


def test_scores_in_which_nothing_can_be_measured_stop_no_table(stored: Path) -> None:
    (file,) = (stored / "results" / "runs").glob("*-ml-gcn-*/scores.npz")
    with np.load(file) as arrays:
        changed = {**arrays, "labels": np.full_like(arrays["labels"], -1)}
    np.savez_compressed(file, **changed)
    edit(stored, "ml-gcn", lambda record: record.update(scores_sha256=sha256(file.read_bytes()).hexdigest()))
    done = bench(stored, None, "tables", "voc2007-comparison")
    assert done.exit_code == 0 and "its scores cannot be measured: no class has a positive" in done.stdout


def test_what_agreed_is_not_computed_again(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bench(stored, None, "tables", "voc2007").exit_code == 0

    def never(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("bench.records.agreement.evaluate", never)
    assert bench(stored, None, "tables", "voc2007").exit_code == 0


def test_rows_that_were_computed_otherwise_are_named(stored: Path) -> None:
    assert "NOTE" not in bench(stored, None, "tables", "voc2007").stdout

    def change(record: dict[str, dict[str, object]]) -> None:
        record["environment"].update(
            versions={**ENVIRONMENT.versions, "torch": "2.14.1"},
            instructions="AVX512",
            code="012345678901-aaaaaaaaaaaa",
        )

    edit(stored, "ml-gcn", change)
    printed = bench(stored, None, "tables", "voc2007").stdout
    assert "NOTE: these runs were not computed alike" in printed
    assert "torch: 2.11.0 in 1 runs, 2.14.1 in 1 runs" in printed
    assert "instruction set: AVX512 in 1 runs, not recorded in 1 runs" in printed
    assert "code: 012345678901 in 1 runs, not recorded in 1 runs" in printed
    assert "numpy" not in printed.split("NOTE")[1].splitlines()[0]


def test_a_head_of_other_code_is_named_though_all_else_is_the_same(tmp_path: Path) -> None:
    store_made(tmp_path / "results", *(made_cell("ml-gcn", seed) for seed in (0, 1)), made_cell("resnet"))

    def of(head: str) -> object:
        return lambda record: record["environment"].update(code=f"012345678901-{head}")

    for run, head in (("ml-gcn-s0", "a" * 12), ("ml-gcn-s1", "b" * 12), ("resnet-s0", "c" * 12)):
        (file,) = (tmp_path / "results" / "runs").glob(f"*-{run}-*/record.json")
        record = json.loads(file.read_text())
        of(head)(record)  # type: ignore[operator]
        file.write_text(json.dumps(record))
    printed = bench(tmp_path, None, "tables", "voc2007").stdout
    assert "NOTE: these runs were not computed alike (the head of ml-gcn); the size" in printed


def test_equal_hashes_are_claimed_for_the_seeds_that_all_methods_have(tmp_path: Path) -> None:
    cells = [made_cell("resnet", seed) for seed in (0, 1, 2)] + [made_cell("ml-gcn", 1)]
    store_made(tmp_path / "results", *cells)
    assert "at seed 1, which all have, all methods saw" in bench(tmp_path, None, "tables", "voc2007").stdout
    store_made(tmp_path / "others", made_cell("resnet", 0), made_cell("ml-gcn", 1))
    printed = bench(tmp_path, None, "tables", "voc2007", "--results", "others").stdout
    assert "no seed is shared by all methods" in printed and "hashes equal" not in printed


def test_a_run_records_its_numerics(tmp_path: Path) -> None:
    from bench_command import TINY
    from trees import write_voc

    write_voc(tmp_path / "data", train=8, test=4)
    done = bench(tmp_path, tmp_path / "data", "run", "--methods", "resnet", "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    records = [one for one in RecordStore(tmp_path / "results").all() if isinstance(one, Record)]
    environment = next(one for one in records if one.cell.row() == "resnet").environment
    assert environment.instructions and environment.threads and len(environment.code) == 25
    assert environment.tf32 is None
    older, _ = made_record(made_cell())
    assert older.environment.code == ""
