"""`bench tables context`: what is printed of mAP in and out of context, and what is named as left out."""

import re
import zlib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

from bench import table
from bench.metrics.context import context_of
from bench.metrics.protocol import PROTOCOLS
from bench.records.context import by_companions, by_splits
from bench.records.record import Record
from bench.records.store import SCORES, RecordStore
from bench.tables.header import interval_statement
from bench_command import bench
from made_comparison import CLASSES, made, put
from made_records import ENVIRONMENT, SCHEDULE, made_cell
from places import ROOT

TRAIN = "aaaa"


def printed_by(folder: Path, *arguments: str) -> Result:
    return bench(folder, None, "tables", "context", *arguments)


def run_on(folder: Path, data: str, method: str, seed: int, noise: float = 1.5, **changes: Any) -> str:
    fingerprint = changes.pop("data_fingerprint", f"{TRAIN}-{data}")
    cell = made_cell(method, seed, data, data_fingerprint=fingerprint, **changes)
    return put(folder, cell, made(noise=noise, seed=zlib.crc32(f"{data} {method} {seed}".encode())))


def records_of(folder: Path, data: str, method: str) -> list[Record]:
    store = RecordStore(folder / "results")
    return [
        one
        for one in store.all()
        if isinstance(one, Record) and one.cell.data == data and one.cell.method.name == method
    ]


def cells_of(text: str, section: str) -> dict[str, list[str]]:
    """The rows of a section's table by their first cell."""
    part = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows}


def printed(values: Any, intervals: Any, column: int, signed: bool = False) -> str:
    mean, spread = values[:, column].mean(), values[:, column].std(ddof=1)
    _, low, high = intervals[column]
    sign = "+" if signed else ""
    text = f"{100 * mean:{sign}.1f} ± {100 * spread:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
    return text.replace("-", "−", 1) if signed and mean < 0 else text


def test_every_method_has_both_means_their_gap_and_intervals(tmp_path: Path) -> None:
    for method in ("resnet", "ml-gcn"):
        for seed in (0, 1):
            run_on(tmp_path, "voc2007", method, seed)
    result = printed_by(tmp_path)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("# mAP in and out of context (%)\n")
    rows = cells_of(result.stdout, "voc2007")
    assert rows["Method"] == ["Seeds", "mAP in context", "mAP out of context", "mAP gap"]
    for method, title in (("resnet", "ResNet baseline"), ("ml-gcn", "ML-GCN")):
        found = by_companions(RecordStore(tmp_path / "results"), records_of(tmp_path, "voc2007", method))
        assert rows[title] == [
            "2",
            *(printed(found.values(), found.intervals(), column, column == 2) for column in range(3)),
        ]
    assert f"- {interval_statement(1000)}" in result.stdout
    context = context_of(made().labels, PROTOCOLS["bench"])
    first, *others = context.measured.tolist()
    companion = CLASSES[context.companions[first]]
    assert (
        f"- {1 + len(others)} of 7 classes are in the means, those with at least 5 positives" in result.stdout
    )
    assert f" out of it: {CLASSES[first]} ({companion}), " in result.stdout
    files = sorted(path.name for path in (tmp_path / "results" / "tables").iterdir())
    assert files == [f"context.{form}" for form in ("csv", "html", "md", "tex")]


def test_the_frame_has_the_numbers(tmp_path: Path) -> None:
    run_on(tmp_path, "voc2007", "resnet", 0)
    frame = table("context", tmp_path / "results")
    found = by_companions(RecordStore(tmp_path / "results"), records_of(tmp_path, "voc2007", "resnet"))
    (row,) = frame.to_dict("records")
    assert (row["data"], row["method"], row["seeds"]) == ("voc2007", "ResNet baseline", 1)
    for name, value, one in zip(
        ("in context", "out of context", "gap"), found.values()[0], found.intervals(), strict=True
    ):
        assert row[f"mAP {name}"] == pytest.approx(100 * value)
        assert (row[f"mAP {name} low"], row[f"mAP {name} high"]) == pytest.approx(
            (100 * one.low, 100 * one.high)
        )
        assert pd.isna(row[f"mAP {name} std"])


def test_another_protocol_measures_again(tmp_path: Path) -> None:
    run_on(tmp_path, "voc2007", "resnet", 0)
    own, other = (
        table("context", tmp_path / "results", protocol=name)["mAP in context"][0] for name in (None, "ssgrl")
    )
    (record,) = records_of(tmp_path, "voc2007", "resnet")
    measured = record.model_copy(
        update={"cell": record.cell.model_copy(update={"protocol": PROTOCOLS["ssgrl"]})}
    )
    assert other == pytest.approx(
        100 * by_companions(RecordStore(tmp_path / "results"), [measured]).values()[0, 0]
    )
    assert own != other


def test_the_splits_of_scenes_are_compared_with_each_other(tmp_path: Path) -> None:
    for seed in (0, 1):
        run_on(tmp_path, "scenes", "resnet", seed, noise=0.5)
        run_on(tmp_path, "scenes-alike", "resnet", seed, noise=1.0)
        run_on(tmp_path, "scenes-independent", "resnet", seed, noise=1.5)
        run_on(tmp_path, "scenes-reversed", "resnet", seed, noise=2.0)
    text = printed_by(tmp_path).stdout
    store = RecordStore(tmp_path / "results")
    alike = records_of(tmp_path, "scenes-alike", "resnet")
    for split in ("scenes-independent", "scenes-reversed"):
        found = by_splits(store, alike, records_of(tmp_path, split, "resnet"))
        row = cells_of(text, split)["ResNet baseline"]
        assert row == ["2", *(printed(found.values(), found.intervals(), c, c == 2) for c in range(3))]
    assert text.count("in context: the runs of the same seeds on scenes-alike, trained alike;") == 2
    assert "out of context: those on scenes-reversed, where labels that go together in training avoid" in text
    own = by_splits(store, records_of(tmp_path, "scenes", "resnet"), alike)
    assert cells_of(text, "scenes-alike")["ResNet baseline"][2] == printed(own.values(), own.intervals(), 1)


def test_only_runs_that_trained_the_same_model_are_compared(tmp_path: Path) -> None:
    run_on(tmp_path, "scenes-alike", "resnet", 0, noise=1.0)
    for seed in (0, 1):
        run_on(tmp_path, "scenes-reversed", "resnet", seed, noise=2.0)
    other = SCHEDULE.model_copy(update={"epochs": 9})
    run_on(tmp_path, "scenes-alike", "ml-gcn", 0, schedule=other)
    lost = run_on(tmp_path, "scenes-reversed", "ml-gcn", 0)
    run_on(tmp_path, "scenes-alike", "ssgrl", 0, data_fingerprint="bbbb-scenes-alike")
    gone = run_on(tmp_path, "scenes-reversed", "ssgrl", 0)
    text = printed_by(tmp_path).stdout
    rows = cells_of(text, "scenes-reversed")
    assert rows["ResNet baseline"][0] == "1", "the other seed has no run on scenes-alike"
    for title, run in (("ML-GCN", lost), ("SSGRL", gone)):
        assert rows[title] == ["1", "–", "–", "–"]
        assert (
            f"*not measured in and out of context: {run}: there is no run on scenes-alike that was fed alike "
            in text
        )


def changed(folder: Path, run: str, **fields: Any) -> None:
    """Store a run anew, with other fields of its record."""
    store = RecordStore(folder / "results")
    record = store.find(run)
    store.save(record.model_copy(update=fields), store.scores(record))


def test_runs_that_were_computed_or_fed_otherwise_are_told_of(tmp_path: Path) -> None:
    for method in ("resnet", "ml-gcn"):
        inside = run_on(tmp_path, "scenes-alike", method, 0, noise=1.0)
        outside = run_on(tmp_path, "scenes-reversed", method, 0, noise=2.0)
        if method == "resnet":
            changed(tmp_path, inside, environment=ENVIRONMENT.model_copy(update={"device_name": "a GPU"}))
        else:
            record = RecordStore(tmp_path / "results").find(inside)
            fed = tuple(epoch.model_copy(update={"feed": "other pixels"}) for epoch in record.history)
            changed(tmp_path, inside, history=fed)
    text = printed_by(tmp_path).stdout
    section = text.split("\n## scenes-reversed\n")[1]
    assert "NOTE: these runs were not computed alike (device: a CPU in 2 runs, a GPU in 1 runs)" in section
    assert cells_of(text, "scenes-reversed")["ML-GCN"] == ["1", "–", "–", "–"]
    assert (
        f"{outside}: there is no run on scenes-alike that was fed alike and differs in nothing else" in text
    )


def test_a_run_without_its_scores_is_named(tmp_path: Path) -> None:
    run_on(tmp_path, "voc2007", "resnet", 0)
    lost = run_on(tmp_path, "voc2007", "ml-gcn", 0)
    (tmp_path / "results" / "runs" / lost / SCORES).write_bytes(b"of another run")
    text = printed_by(tmp_path).stdout
    rows = cells_of(text, "voc2007")
    assert rows["ML-GCN"] == ["1", "–", "–", "–"] and "[" in rows["ResNet baseline"][1]
    assert f"*not measured in and out of context: {lost}: The scores " in text


def test_runs_under_other_conditions_have_a_section_of_their_own(tmp_path: Path) -> None:
    run_on(tmp_path, "voc2007", "resnet", 0)
    run_on(tmp_path, "voc2007", "ssgrl", 0, limit_train=8)
    headings = [line for line in printed_by(tmp_path).stdout.splitlines() if line.startswith("## ")]
    assert len(headings) == 2 and all(
        re.match(r"## voc2007, \w+, conditions \w{12}$", line) for line in headings
    )


def test_few_images_give_dashes(tmp_path: Path) -> None:
    put(tmp_path, made_cell(), made(images=12))
    text = printed_by(tmp_path).stdout
    assert (
        "- 0 of 7 classes are in the means, those with at least 5 positives in context and out of it\n"
        in text
    )
    assert cells_of(text, "voc2007")["ResNet baseline"] == ["1", "–", "–", "–"]


def test_without_a_run_there_is_one_sentence(tmp_path: Path) -> None:
    result = printed_by(tmp_path)
    assert result.exit_code == 2 and "No finished run under" in " ".join(result.output.split())


def test_the_frequency_of_labels_knows_no_context() -> None:
    """It scores all images alike, so there must be no gap, however many positives either side has."""
    frame = pd.read_csv(ROOT / "results" / "tables" / "context.csv")
    prior = frame[frame["method"] == "Label frequency"]
    assert (
        len(prior) == len(frame.drop_duplicates(["data", "conditions"]))
        and (prior["mAP gap"] == 0).all()
        and (prior["mAP in context"] > 0).all()
    )
