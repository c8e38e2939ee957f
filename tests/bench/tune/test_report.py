"""Tuning curves against their definition, and the report of records that were made up."""

from itertools import combinations_with_replacement
from pathlib import Path
from shutil import rmtree
from statistics import fmean

import numpy as np
import pytest
from PIL import Image

from bench.records.record import Record
from bench.records.store import RECORD, SCORES, RecordStore
from bench.records.tunes import folder_of
from bench.tune.curves import tuning_curve
from bench.tune.report import write_report
from made_records import SCHEDULE
from made_tunes import made_tune
from made_up_metrics import made_up_metrics

__all__ = ["made_up_metrics"]


def test_the_curve_is_the_expected_best_of_n_draws() -> None:
    scores = [0.3, 0.5, 0.45, 0.2]
    curve = tuning_curve(scores)
    assert curve.expected[0] == pytest.approx(fmean(scores))
    # Of two draws with replacement, each pair twice but those of equals.
    weights = [(1 if a == b else 2, max(a, b)) for a, b in combinations_with_replacement(scores, 2)]
    assert curve.expected[1] == pytest.approx(sum(weight * best for weight, best in weights) / 16)
    assert (np.diff(curve.expected) > 0).all()
    assert (curve.low <= curve.expected).all() and (curve.expected <= curve.high).all()


def test_the_band_holds_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    expected = np.arange(1, 13) / np.arange(2, 14)  # of the best of n uniform numbers
    held = 0
    for _ in range(30):
        curve = tuning_curve(rng.random(12).tolist())
        held += bool(((curve.low <= expected) & (expected <= curve.high)).all())
    assert held >= 25, "95 % with a standard error of 4 %"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return made_tune(tmp_path)


def test_the_report_says_what_was_chosen_and_what_mattered(results: Path) -> None:
    text = write_report(results, "made")
    methods, mattered = text.split("## What mattered")
    lines = {line.split("|")[1].strip(): line for line in methods.splitlines() if line.startswith("| ")}
    baseline = next(line for line in mattered.splitlines() if line.startswith("| resnet"))
    assert "+1.00 (p 0.00)" in baseline, "the score rises with the learning rate"
    assert "asl:" in baseline and "bce:" in baseline
    assert "lr " in lines["resnet"], "a higher learning rate than the schedule's is chosen"
    assert text == write_report(results, "made"), "from the records alone"


def test_the_curves_are_a_picture_with_the_same_bytes(results: Path) -> None:
    write_report(results, "made")
    picture = folder_of(results, "made") / "tuning-curves.png"
    first = picture.read_bytes()
    with Image.open(picture) as image:
        assert image.size[0] > 1000
    write_report(results, "made")
    assert picture.read_bytes() == first


def test_what_is_not_chosen_yet_is_a_dash_beside_what_is(results: Path) -> None:
    for run in (folder_of(results, "made") / "runs").glob("*-ml-gcn-s1-*"):
        rmtree(run)
    text = write_report(results, "made").split("## What mattered")[0]
    assert "nan" not in text and "not yet" in text
    baseline, other = (
        [part.strip() for part in next(line for line in text.splitlines() if f"| {name} " in line).split("|")]
        for name in ("resnet", "ml-gcn")
    )
    assert baseline[8].isdecimal() and other[7:9] == ["–", "–"]


def row_of(text: str, method: str) -> list[str]:
    """The cells of a method in the first table of a report."""
    lines = text.split("## What mattered")[0].splitlines()
    return [part.strip() for part in next(line for line in lines if f"| {method} " in line).split("|")][1:-1]


@pytest.mark.parametrize("damage", ["record", "scores"])
def test_a_damaged_trial_is_named_and_its_method_keeps_its_row(results: Path, damage: str) -> None:
    store = RecordStore(folder_of(results, "made"))
    (trial,) = [
        one
        for one in store.all()
        if isinstance(one, Record)
        and (one.cell.row(), one.cell.seed) == ("ml-gcn", 0)
        and one.cell.schedule == SCHEDULE
    ]
    before = write_report(results, "made")
    if damage == "record":
        store.file(trial, RECORD).write_text("{")
    else:
        store.file(trial, SCORES).unlink()
    text = write_report(results, "made")
    assert f"- left out, damaged: {trial.run_id}: " in text and "left out" not in before
    assert "best of fewer draws so far: ml-gcn (9 of 10 trials)" in text and "fewer draws" not in before
    assert row_of(text, "resnet") == row_of(before, "resnet")
    method, _, trials, _, untuned, best, *chosen, _ = row_of(text, "ml-gcn")
    assert (method, trials, untuned) == ("ml-gcn", "9", "–") and best != "–"
    assert chosen == ["–", "–", "not yet"], "not before the trial is made again"
    assert "ml-gcn/" not in text, "what was drawn is no method of its own"


def test_a_method_with_an_option_that_was_given_is_found_without_its_trial_0(tmp_path: Path) -> None:
    results = made_tune(tmp_path, ("ml-gcn/tau=0.3", "ml-gcn"))
    store = RecordStore(folder_of(results, "made"))
    for run in [one for one in store.all() if isinstance(one, Record) and one.cell.schedule == SCHEDULE]:
        if "tau" in run.cell.row():
            store.file(run, RECORD).write_text("{")
    text = write_report(results, "made")
    assert row_of(text, "ml-gcn/tau=0.3")[2] == "9" and row_of(text, "ml-gcn")[2] == "10"


def test_trials_that_were_computed_otherwise_are_counted(results: Path) -> None:
    assert "NOTE" not in write_report(results, "made")
    store = RecordStore(folder_of(results, "made"))
    for one in [*store.all()][:3]:
        assert isinstance(one, Record)
        other = one.environment.model_copy(update={"instructions": "AVX2"})
        store.save(one.model_copy(update={"environment": other}), store.scores(one))
    said = "these runs were not computed alike (instruction set: AVX2 in 3 runs, not recorded in 57 runs)"
    assert f"- NOTE: {said}" in write_report(results, "made")


def test_equal_scores_are_said_in_the_report_and_warn_nobody(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """As trials have them that failed, each of which counts with the score of the prior."""
    scores = {"resnet": [0.3, 0.4, *[0.1] * 8], "ml-gcn": [0.1] * 10}
    results = made_tune(tmp_path, ("resnet", "ml-gcn"), scores)
    text = write_report(results, "made")
    assert not [one for one in recwarn if issubclass(one.category, RuntimeWarning)]
    said = "the band around the tuning curve is not exact where trials have equal scores: ml-gcn, resnet"
    assert f"- {said}\n" in text
    assert "nan" not in text, "what has one score follows nothing"
    assert "not exact" not in write_report(made_tune(tmp_path / "other"), "made")


def test_few_draws_of_a_number_are_no_choices(tmp_path: Path) -> None:
    text = write_report(made_tune(tmp_path, trials=5), "made")
    head, _, *rows = text.split("## What mattered")[1].strip().splitlines()[2:]
    names = [cell.strip() for cell in head.split("|")]
    (baseline,) = ([cell.strip() for cell in row.split("|")] for row in rows if row.startswith("| resnet"))
    mattered = dict(zip(names, baseline, strict=True))
    assert mattered["lr"] == "+1.00 (p 0.00)", "of four draws"
