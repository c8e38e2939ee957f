"""A row of tuned runs is what a tune chose once: runs of another choice are named, and are no seeds of it."""

from pathlib import Path
from typing import Any

import pytest

from bench import table
from bench.experiment.cell import CellSpec
from bench.experiment.tuned import Tuned
from bench.records.runs import Runs
from bench.tune.space import load_space
from bench_command import bench
from made_records import SCHEDULE, made_cell, made_record, store_made
from made_tunes import made_tune

SEEDS = (0, 1, 2)


def tuned_cell(name: str, lr: float, seed: int, method: str = "resnet") -> CellSpec:
    tuned = Tuned(name=name, method=method, design="0" * 12, trials=4, fields=("lr",))
    schedule = SCHEDULE.model_copy(update={"lr": lr})
    return made_cell(method, seed, tuned=tuned, schedule=schedule)


def stored(results: Path, second: str) -> tuple[list[CellSpec], list[CellSpec]]:
    """What a tune chose, and what was chosen under the same design a year later under the name `second`."""
    before = [tuned_cell("first", 1e-3, seed) for seed in SEEDS]
    later = [tuned_cell(second, 1e-2, seed) for seed in SEEDS]
    assert len({cell.conditions() for cell in (*before, *later)}) == 1, "one hash, which says nothing of it"
    store = store_made(results, *before)
    for cell in later:
        store.save(*made_record(cell, created="2031-01-02T03:04:05+00:00"))
    return before, later


def test_two_tunes_of_one_design_are_not_pooled(tmp_path: Path) -> None:
    before, later = stored(tmp_path / "results", "second")
    comparison = bench(tmp_path, None, "tables", "voc2007-comparison", "tuned")
    assert comparison.exit_code == 0, comparison.output
    alone = store_made(tmp_path / "alone", *later)
    rows: dict[str, Any] = {
        name: table("voc2007", tmp_path / name)["mAP"][0] for name in ("results", "alone")
    }
    assert rows["results"] == rows["alone"], "the mean of one choice"
    assert len(Runs(alone).records) == 3
    for cell in before:
        assert (
            f"left out: {cell.run_id()}: the tune first chose other values for resnet than the tune second "
            f"did later under the same design, for {later[0].run_id()}" in comparison.stdout
        )
    assert "lr 0.01" in comparison.stdout and "lr 0.001" not in comparison.stdout
    assert "voc2007, second, 4 trials each" in comparison.stdout


def test_what_a_tune_chose_before_is_no_seed_of_what_it_chose_since(tmp_path: Path) -> None:
    before, later = stored(tmp_path / "results", "first")
    store_made(tmp_path / "results", *(tuned_cell("first", 1e-3, seed, "salgl") for seed in SEEDS))
    done = bench(tmp_path, None, "compare", "resnet", "salgl", "--data", "voc2007", "--resamples", "100")
    assert done.exit_code == 0, done.output
    assert all(cell.run_id() in done.stdout for cell in before) and "mean of 3 runs" in done.stdout
    named = ",".join((before[0].run_id(), later[1].run_id()))
    refused = bench(tmp_path, None, "compare", named, "salgl", "--resamples", "100")
    assert refused.exit_code == 2, refused.output
    assert f"{before[0].run_id()} cannot be compared: the tune first chose other values" in refused.stderr


def test_seeds_of_one_choice_are_one_row_whatever_the_tunes_are_called(tmp_path: Path) -> None:
    """The hash of a run says nothing of the name: equal values under equal conditions are one thing."""
    cells = [tuned_cell(name, 1e-3, seed) for name, seed in (("first", 0), ("second", 1))]
    found = Runs(store_made(tmp_path / "results", *cells))
    assert len(found.records) == 2 and not found.notes
    done = bench(tmp_path, None, "tables", "tuned")
    assert "voc2007, first and second, 4 trials each" in done.stdout


def test_untuned_is_what_the_tune_began_with_whatever_else_is_stored(tmp_path: Path) -> None:
    results = made_tune(tmp_path / "results", trials=1)
    drawn = load_space("default").around(SCHEDULE).schedule
    tuned = Tuned(name="made", method="resnet", design="0" * 12, trials=1, fields=tuple(sorted(drawn)))
    store = store_made(results, made_cell(tuned=tuned))
    rates = (1e-2, SCHEDULE.lr, 1e-4, 1e-5)
    untuned = [made_record(made_cell(schedule=SCHEDULE.model_copy(update={"lr": rate}))) for rate in rates]
    for record, scores in untuned:
        store.save(record, scores)
    _, began_with, *_ = [record.metrics.mAP for record, _ in untuned if record.metrics]
    assert table("tuned", results)["mAP untuned"].tolist() == pytest.approx([100 * began_with])
    printed = bench(tmp_path, None, "tables", "tuned").stdout
    assert "- untuned: trial 0, backbone_lr_factor 0.1, loss bce, lr 0.001, weight_decay 0.0001\n" in printed
    (results / "tunes" / "made" / "design.json").unlink()
    assert table("tuned", results)["mAP untuned"].isna().all()
    assert (
        "no run with the values that the tune made began with"
        in bench(tmp_path, None, "tables", "tuned").stdout
    )
