"""Which runs `bench compare` takes for its arguments, and which it refuses to compare."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from bench.experiment.tuned import Tuned
from bench.records.store import RECORD, SCORES, RecordStore, Scores
from made_comparison import CLASSES, compare, made, put, rows_of, runs_of
from made_records import SCHEDULE, failed_record, made_cell, made_record


def test_all_seeds_of_both_are_compared_and_counted(tmp_path: Path) -> None:
    cells = [made_cell("resnet", seed) for seed in (0, 1, 2, 3)] + [
        made_cell("salgl", seed) for seed in (1, 2, 7)
    ]
    runs_of(tmp_path, *cells, made_cell("prior"))
    result = compare(tmp_path, "resnet", "salgl")
    assert re.search(
        r"- SALGL: mean of 3 runs: mAP [\d.]+ at seed 1, mAP [\d.]+ at seed 2, .+ seed 7\n", result.stdout
    )
    assert "- seeds: all 4 and 3 runs count, though they are not the same: " in result.stdout
    assert "left out" not in result.stdout
    rows = rows_of(compare(tmp_path, "resnet", "salgl", "--format", "csv"))
    sides = [[cell for cell in cells if cell.method.name == name] for name in ("resnet", "salgl")]
    assert [rows["mAP"][f"runs_{side}"].split() for side in "ab"] == [
        [cell.run_id() for cell in side] for side in sides
    ]
    # The prior has no seed of its own, and equal seeds need no word.
    alone = compare(tmp_path, "prior", "resnet").stdout
    assert "ResNet baseline: mean of 4 runs: " in alone and "- seeds: " not in alone
    # Beside runs that are named stand all of the other method.
    beside = compare(tmp_path, "salgl", cells[0].run_id()).stdout
    assert "SALGL: mean of 3 runs: " in beside and "- seeds: all 3 and 1 runs count" in beside


def test_methods_without_a_shared_seed_are_compared(tmp_path: Path) -> None:
    """With the numbers that the same scores give at equal seeds."""
    scores = {("resnet", seed): made(noise=2, seed=seed) for seed in range(3)}
    scores |= {("salgl", seed): made(noise=1, seed=10 + seed) for seed in range(3)}
    for (method, seed), of_run in scores.items():
        put(tmp_path / "equal", made_cell(method, seed), of_run)
        put(tmp_path / "others", made_cell(method, seed + 5 * (method == "salgl")), of_run)
    equal, others = (
        rows_of(compare(tmp_path / folder, "resnet", "salgl", "--format", "csv"))
        for folder in ("equal", "others")
    )
    for name, row in equal.items():
        assert {**row, "runs_b": ""} == {**others[name], "runs_b": ""}, name
    assert equal["mAP"]["winner"] == "b"


def test_options_name_a_method_of_their_own(tmp_path: Path) -> None:
    cells = made_cell("ml-gcn"), made_cell("ml-gcn/tau=0.3")
    runs_of(tmp_path, *cells)
    rows = rows_of(compare(tmp_path, "ml-gcn", "ml-gcn/tau=0.3", "--format", "csv"))
    assert (rows["mAP"]["runs_a"], rows["mAP"]["runs_b"]) == (cells[0].run_id(), cells[1].run_id())
    assert (
        "No finished run of ml-gcn/tau=0.5 on voc2007" in compare(tmp_path, "ml-gcn", "ml-gcn/tau=0.5").stderr
    )
    same = compare(tmp_path, "ml-gcn", "ml-gcn/tau=0.4")
    assert same.exit_code == 2 and "ml-gcn is named twice: name another method, or runs of it" in same.stderr


@pytest.mark.parametrize("others", ["0,2", "0", "ml-gcn"])
def test_a_run_is_on_one_side_alone(others: str, tmp_path: Path) -> None:
    """Beside itself it would have no difference, with an interval as if it were another run."""
    cells = [made_cell("ml-gcn", seed) for seed in range(3)]
    runs_of(tmp_path, *cells)
    named = [cell.run_id() for cell in cells]
    other = others if others == "ml-gcn" else ",".join(named[int(seed)] for seed in others.split(","))
    refused = compare(tmp_path, ",".join(named[:2]), other)
    assert refused.exit_code == 2, refused.output
    assert f"{named[0]} is a run of both" in refused.stderr


def test_several_conditions_are_listed_with_commands_that_work(tmp_path: Path) -> None:
    other: dict[str, Any] = {"schedule": SCHEDULE.model_copy(update={"backbone": "resnet34", "epochs": 3})}
    first = [made_cell("resnet"), made_cell("salgl")]
    second = [made_cell(method, seed, **other) for method in ("resnet", "salgl") for seed in (0, 1)]
    runs_of(tmp_path, *first, *second)
    result = compare(tmp_path, "resnet", "salgl")
    assert result.exit_code == 2 and "under 2 sets of conditions" in result.stderr
    assert "schedule made: resnet18 from none weights, 64 px, 2 epochs" in result.stderr
    assert re.search(
        r"differs from the first in schedule backbone \(.+\), schedule epochs \(.+\)\n", result.stderr
    )
    commands = [
        shlex.split(line)[2:] for line in result.stderr.splitlines() if line.startswith("  bench compare ")
    ]
    (tmp_path / "results").rename(tmp_path / "other place")
    moved = compare(tmp_path, "resnet", "salgl", "--results", "other place").stderr
    assert moved.count(" --results 'other place' ") == len(commands), "as a shell takes them"
    (tmp_path / "other place").rename(tmp_path / "results")
    answers = [rows_of(compare(tmp_path, *command, "--format", "csv", data=None)) for command in commands]
    runs = {answer["mAP"]["runs_a"] for answer in answers}
    assert runs == {first[0].run_id(), f"{second[0].run_id()} {second[1].run_id()}"}
    assert all(command[2:] == ["--data", "voc2007", "--resamples", "200"] for command in commands)
    # One run says which conditions are meant.
    beside = compare(tmp_path, second[1].run_id(), "salgl", "--format", "csv", data=None)
    assert rows_of(beside)["mAP"]["runs_b"] == f"{second[2].run_id()} {second[3].run_id()}"
    # Runs of different conditions may be named, and it is said.
    across = compare(tmp_path, first[0].run_id(), second[2].run_id(), data=None)
    assert "WARNING: not the methods alone differ, but also schedule backbone (resnet18, " in across.stdout


def test_methods_under_different_conditions_are_refused(tmp_path: Path) -> None:
    other = made_cell("salgl", schedule=SCHEDULE.model_copy(update={"image_size": 96}))
    runs_of(tmp_path, made_cell("resnet"), other)
    for arguments in (("resnet", "salgl"), (made_cell("resnet").run_id(), "salgl")):
        result = compare(tmp_path, *arguments)
        assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
        assert "no runs on voc2007 under the same conditions" in result.stderr
        assert "differ in schedule image_size (64, 96)" in result.stderr


REFUSALS: list[tuple[str, str, Any]] = [
    ("data set", "data set (voc2007, voc2012)", {"cell": {"data": "voc2012"}}),
    ("classes", "order of the classes (class 1 is boat, dog)", {"classes": ("dog", "boat", *CLASSES[2:])}),
    ("size", "number of test images (300, 200)", {"images": slice(200)}),
    ("files", "test images or labels (hash bbbb, cccc)", {"cell": {"data_fingerprint": "aaaa-cccc"}}),
    ("none", "they have no test image in common", {"rename": 300}),
    ("some", "they share 250 of 300 and 300 test images", {"rename": 50}),
    ("labels", "their labels differ, for one that of cat in the image image-007", {"flip": (7, 3)}),
]


@pytest.mark.parametrize(("name", "message", "change"), REFUSALS, ids=[name for name, _, _ in REFUSALS])
def test_runs_on_other_test_data_are_refused(name: str, message: str, change: Any, tmp_path: Path) -> None:
    first = put(tmp_path, made_cell("resnet"), made())
    scores = made(seed=1)
    ids, labels = scores.ids.copy(), scores.labels.copy()
    ids[: change.get("rename", 0)] = [f"other-{number}" for number in range(change.get("rename", 0))]
    if "flip" in change:
        labels[change["flip"]] *= -1
    kept = change.get("images", slice(None))
    other = Scores(ids[kept], scores.logits[kept], labels[kept])
    second = put(
        tmp_path, made_cell("salgl", **change.get("cell", {})), other, change.get("classes", CLASSES)
    )
    result = compare(tmp_path, first, second, data=None)
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"Error: {first} and {second} cannot be compared: ")
    assert message in result.stderr


def test_validation_runs_are_not_compared_with_test_runs(tmp_path: Path) -> None:
    first = put(tmp_path, made_cell("resnet"), made())
    seen = [put(tmp_path, made_cell(one, split="validation"), made(seed=1)) for one in ("resnet", "salgl")]
    for other, what in ((seen[1], "cannot be compared: they differ in split"), ("salgl", "differ in split")):
        refused = compare(tmp_path, first, other)
        assert refused.exit_code == 2 and len(refused.stderr.splitlines()) == 1
        assert f"{what} (test, validation)" in refused.stderr
    done = compare(tmp_path, *seen, data=None)
    assert done.stdout.startswith("voc2007: ResNet baseline against SALGL, on validation images\n")
    assert "- VALIDATION: nothing here was measured on test images" in done.stdout
    rows = rows_of(compare(tmp_path, *seen, "--format", "csv", data=None))
    assert {row["split"] for row in rows.values()} == {"validation"}


def test_tuned_methods_are_not_compared_with_untuned_ones_unless_asked_for(tmp_path: Path) -> None:
    """Those of one tune are: their values differ, and nothing that they were chosen from."""
    tuned = {
        (method, lr): made_cell(
            method,
            tuned=Tuned(name="a", method=method, design="0" * 12, trials=4, fields=("lr",)),
            schedule=SCHEDULE.model_copy(update={"lr": lr}),
        )
        for method, lr in (("resnet", 0.1), ("salgl", 0.2))
    }
    untuned = made_cell("ssgrl")
    runs_of(tmp_path, *tuned.values(), untuned)
    together = compare(tmp_path, "resnet", "salgl")
    assert together.exit_code == 0 and "WARNING" not in together.stdout
    named, other = tuned["salgl", 0.2].run_id(), untuned.run_id()
    for pair in ((named, other), (other, named)):
        refused = compare(tmp_path, *pair)
        assert refused.exit_code == 2 and len(refused.stderr.splitlines()) == 1
        assert (
            f"{named} is tuned and {other} is not, so a difference may come from the tune" in refused.stderr
        )
    methods = compare(tmp_path, "resnet", "ssgrl", "--mixed")
    assert methods.exit_code == 2 and "no runs on voc2007 under the same conditions" in methods.stderr
    done = compare(tmp_path, named, other, "--mixed")
    assert done.exit_code == 0
    assert (
        "WARNING: not the methods alone differ, but also schedule lr (tuned, 0.001); tuned (" in done.stdout
    )


def test_a_validation_split_that_an_epoch_was_chosen_on_is_no_test_data(tmp_path: Path) -> None:
    first = put(tmp_path, made_cell("resnet"), made())
    chosen = put(tmp_path, made_cell("salgl", data_fingerprint="aaaa-bbbb-dddd"), made(seed=1))
    assert compare(tmp_path, first, chosen, data=None).exit_code == 0


def test_damaged_failed_and_unmeasured_runs_are_said(tmp_path: Path) -> None:
    cells = made_cell("resnet"), made_cell("salgl"), made_cell("salgl", 1), made_cell("ssgrl")
    runs_of(tmp_path, *cells[:3])
    store = RecordStore(tmp_path / "results")
    (store.folder / cells[2].run_id() / RECORD).write_text("{")
    store.save(failed_record(cells[3], "the loss is nan"), None)
    text = compare(tmp_path, "resnet", "salgl").stdout
    assert f"left out, damaged: {cells[2].run_id()}: " in text
    assert f"left out, failed: {cells[3].run_id()}: the loss is nan" in text
    damaged = compare(tmp_path, "resnet", cells[2].run_id())
    assert damaged.exit_code == 2 and f"The record {cells[2].run_id()} is damaged: " in damaged.stderr
    failed = compare(tmp_path, "resnet", cells[3].run_id())
    assert f"{cells[3].run_id()} cannot be compared: it failed (the loss is nan)." in failed.stderr
    absent = compare(tmp_path, "resnet", "ssgrl")
    assert absent.exit_code == 2 and "No finished run of ssgrl on voc2007" in absent.stderr
    assert "the loss is nan" in absent.stderr and "damaged" in absent.stderr
    record, scores = made_record(made_cell("add-gcn", data="voc2012-server"))
    record = record.model_copy(
        update={"metrics": None, "data": record.data.model_copy(update={"eval_labels": 0})}
    )
    held = store.save(record, scores).run_id
    assert "a server holds its test labels" in compare(tmp_path, "resnet", held, data=None).stderr


def test_a_run_whose_metrics_are_not_those_of_its_scores_is_said_where_no_other_matches(
    tmp_path: Path,
) -> None:
    other = made_cell("salgl", schedule=SCHEDULE.model_copy(update={"image_size": 96}))
    cells = made_cell("resnet"), made_cell("salgl"), other
    runs_of(tmp_path, *cells)
    file = tmp_path / "results" / "runs" / cells[1].run_id() / RECORD
    record = json.loads(file.read_text("utf-8"))
    record["metrics"]["mAP"] = 0.99
    file.write_text(json.dumps(record), encoding="utf-8")
    why = "its mAP is 99.00, and its scores give "
    for first in ("resnet", cells[0].run_id()):
        refused = compare(tmp_path, first, "salgl")
        assert refused.exit_code == 2 and "differ in schedule image_size (64, 96)" in refused.stderr
        assert f"left out: {cells[1].run_id()}: {why}" in refused.stderr
    named = compare(tmp_path, cells[0].run_id(), cells[1].run_id())
    assert f"{cells[1].run_id()} cannot be compared: {why}" in named.stderr
    assert "left out" not in compare(tmp_path, "resnet", "salgl", data="voc2012").stderr


def test_scores_that_are_not_the_records_are_refused(tmp_path: Path) -> None:
    cells = made_cell("resnet"), made_cell("salgl")
    runs_of(tmp_path, *cells)
    folder = tmp_path / "results" / "runs"
    (folder / cells[0].run_id() / SCORES).write_bytes((folder / cells[1].run_id() / SCORES).read_bytes())
    result = compare(tmp_path, "resnet", "salgl")
    assert result.exit_code == 2 and "are not those that the record was written with" in result.stderr


def test_named_runs_are_seeds_of_one_method(tmp_path: Path) -> None:
    cells = made_cell("resnet"), made_cell("salgl"), made_cell("salgl", 1, limit_train=8)
    runs_of(tmp_path, *cells, made_cell("resnet", data="voc2012"))
    for names, message in (
        (f"{cells[0].run_id()},{cells[1].run_id()}", "differ in method (resnet, salgl)"),
        (f"{cells[1].run_id()},{cells[2].run_id()}", "differ in limit train (None, 8)"),
        (f"{cells[1].run_id()},{cells[1].key()}", "A run stands twice"),
        ("voc2012-resnet", "is a run on voc2012, not on voc2007"),
        (f"{cells[1].run_id()},", "Unknown method ''"),
        ("salgk", "Unknown method 'salgk'. Did you mean 'salgl'?"),
        ("voc2007-salgl", "2 runs under results/runs begin or end with 'voc2007-salgl'"),
        ("salgl/pool=max", "Unknown option of salgl 'pool'"),
    ):
        result = compare(tmp_path, cells[0].run_id(), names)
        assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1
        assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "data", "message"),
    [
        (("resnet", "salgl"), None, "Name the data set on which resnet and salgl are compared: --data"),
        (
            ("resnet", "salgl"),
            "coco2014",
            "No finished run of resnet on coco2014 under results/runs; `bench ls`",
        ),
        (
            ("resnet", "salgl", "--protocol", "ssgl"),
            "voc2007",
            "Unknown protocol 'ssgl'. Did you mean 'ssgrl'?",
        ),
        (("resnet", "salgl", "--format", "markdown"), "voc2007", "Unknown format 'markdown'."),
    ],
)
def test_what_is_missing_or_misspelt_is_said(
    arguments: tuple[str, ...], data: str | None, message: str, tmp_path: Path
) -> None:
    runs_of(tmp_path, made_cell("resnet"), made_cell("salgl"))
    result = compare(tmp_path, *arguments, data=data)
    assert result.exit_code == 2 and message in result.stderr
