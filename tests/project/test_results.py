"""The committed tables are what the committed records and the published values give, byte for byte."""

import re
import shutil
from pathlib import Path
from statistics import mean, stdev

import pytest
import yaml

from bench.experiment.schedule import load_schedule
from bench.methods.catalog import METHODS
from bench.metrics.evaluate import METRICS, evaluate
from bench.records.published import published_rows
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.records.tunes import TUNES
from bench.tables.write import write_tables
from bench.tune.report import REPORT, tune_names, write_report
from places import ROOT

RESULTS = ROOT / "results"
CONTEXT = RESULTS / "context"
"""The runs on test pictures out of context, kept apart: they are no more data sets."""
PRECISION = RESULTS / "precision"
"""Runs of the untuned table again, in fp32 instead of bf16."""
UNTUNED = ("voc2007-train-val-comparison", "frozen, conditions")
"""The table of the methods under one setting for all: its file, and the beginning of its heading."""


@pytest.mark.parametrize(("folder", "names"), [(RESULTS, ()), (CONTEXT, ("context",))])
def test_the_committed_tables_are_made_from_the_committed_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path, names: tuple[str, ...]
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_tables(RecordStore(folder), tmp_path / "tables", names=names)
    made = {path.name: path.read_bytes() for path in (tmp_path / "tables").iterdir()}
    committed = {path.name: path.read_bytes() for path in (folder / "tables").iterdir()}
    assert made.keys() == committed.keys()
    assert [name for name in made if made[name] != committed[name]] == []


@pytest.mark.parametrize("name", tune_names(RESULTS))
def test_the_committed_reports_of_tunes_are_made_from_their_committed_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    shutil.copytree(RESULTS / TUNES / name, tmp_path / TUNES / name)
    (tmp_path / "runs").symlink_to(RESULTS / "runs")
    committed = (RESULTS / TUNES / name / REPORT).read_text(encoding="utf-8")
    assert write_report(tmp_path, name) == committed


def test_every_method_and_seed_of_the_comparison_is_there() -> None:
    asked = yaml.safe_load((RESULTS / "demo.yaml").read_text())
    records = [record for record in RecordStore(RESULTS).all() if isinstance(record, Record)]
    of_scenes = [record for record in records if record.cell.data == "scenes"]
    found = {(one.cell.method.label(), one.cell.seed) for one in of_scenes if one.status == "finished"}
    methods = ("resnet", "ml-gcn", "ssgrl", "add-gcn", "salgl")
    assert {(method, seed) for method in methods for seed in asked["seeds"]} <= found
    assert len({record.cell.conditions() for record in of_scenes}) == 1


def test_the_schedule_of_the_demo_is_that_of_its_committed_runs() -> None:
    """Any field of it is in their ids: who runs the demo after a change trains all of them anew."""
    asked = load_schedule("demo", {}).model_dump(exclude={"about", "weights"})
    records = [record for record in RecordStore(RESULTS).all() if isinstance(record, Record)]
    of_scenes = [record for record in records if record.cell.data == "scenes"]
    assert of_scenes
    for record in of_scenes:
        assert record.cell.schedule.model_dump(exclude={"about", "weights"}) == asked, record.run_id


def tables_under(text: str, head: str) -> list[list[list[str]]]:
    """The cells of every Markdown table of a text whose head begins so, without that head."""
    found = []
    for block in text.split(f"\n{head}")[1:]:
        lines = block.split("\n\n")[0].splitlines()[2:]
        found.append([[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines])
    return found


def table_of(name: str, group: str = "") -> dict[str, list[str]]:
    """The rows by method of the table of a committed file, or of the one whose heading begins so."""
    text = (RESULTS / "tables" / f"{name}.md").read_text(encoding="utf-8")
    if group:
        text = text.partition(f"\n## {group}")[2].partition("\n## ")[0]
    (table,) = tables_under(text, "| Method ")
    return {row[0]: row[1:] for row in table}


def main_table() -> list[list[str]]:
    """The cells of the README's first table, without its head."""
    return tables_under((ROOT / "README.md").read_text(encoding="utf-8"), "| Method ")[0]


def test_the_readme_prints_what_was_measured() -> None:
    scenes, untuned, tuned = table_of("scenes-comparison"), table_of(*UNTUNED), table_of("tuned")
    for method, _, _, on_scenes, on_voc2007, after in main_table():
        assert on_scenes == (scenes[method][1] if method in scenes else "–")
        assert on_voc2007 == (untuned[method][1] if method in untuned else "–")
        assert after == (tuned[method][2] if method in tuned else "–")


def test_the_readme_of_the_results_prints_what_was_measured() -> None:
    untuned, tuned = table_of(*UNTUNED), table_of("tuned")
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    (printed,) = tables_under(text, "| Method | untuned ")
    assert {row[0]: row[1] for row in printed} == {method: row[1] for method, row in untuned.items()}
    for method, _, *rest in printed:
        chosen, _, after, gain = tuned.get(method, ["–"] * 4)
        assert rest == [after, gain, chosen], method


def test_the_readme_prints_what_was_published() -> None:
    own: dict[tuple[str, str], set[str]] = {}
    for row in published_rows():
        if row.facts.kind == "own" and row.facts.method and row.values.get("mAP") is not None:
            method = row.facts.method.partition("/")[0]
            own.setdefault((method, row.facts.data), set()).add(f"{row.values['mAP']:.1f}")
    titles = {method.title: name for name, method in METHODS.items()}
    seen = 0
    for title, coco, voc, *_ in main_table():
        for cell, names in ((coco, ("coco2014", "coco2014-all")), (voc, ("voc2007",))):
            if cell != "–":
                value = re.match(r"\d+\.\d", cell)
                assert value and any(value[0] in own.get((titles[title], data), ()) for data in names), cell
                seen += 1
    assert seen == 15


def test_the_readme_of_the_results_prints_both_precisions() -> None:
    found = {precision: untuned(folder, precision) for precision, folder in BOTH.items()}
    methods = {label.partition(" seed ")[0] for label in found["fp32"]}
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    (printed,) = tables_under(text, "| Method | Seeds ")
    assert {row[0] for row in printed} == methods and len(methods) >= 4
    for method, seeds, *values in printed:
        names = [name for name in found["fp32"] if name.startswith(f"{method} seed ")]
        assert int(seeds) == len(names)
        for value, of_precision in zip(values, found.values(), strict=True):
            scores = [100 * of_precision[name] for name in names]
            spread = f" ± {stdev(scores):.2f}" if len(scores) > 1 else ""
            assert value == f"{mean(scores):.2f}{spread}", method


BOTH = {"bf16": RESULTS, "fp32": PRECISION}


def untuned(folder: Path, precision: str) -> dict[str, float]:
    """The mAP of the untuned runs on VOC2007 in a precision, by method and seed."""
    found = {}
    for record in RecordStore(folder).all():
        assert isinstance(record, Record) and record.metrics
        cell = record.cell
        of_table = cell.data == "voc2007-train-val" and not cell.tuned and record.history
        if of_table and cell.schedule.precision == precision:
            found[f"{cell.method.label()} seed {cell.seed}"] = record.metrics.mAP
    return found


@pytest.mark.parametrize("folder", [RESULTS, CONTEXT, PRECISION])
def test_every_record_has_the_metrics_of_its_scores(folder: Path) -> None:
    store = RecordStore(folder)
    for record in store.all():
        assert isinstance(record, Record), record
        scores = store.scores(record)
        found = evaluate(scores.logits, scores.labels, record.cell.protocol)
        assert record.metrics is not None
        for name in METRICS:  # another BLAS may sum in another order
            assert found.value(name) == pytest.approx(record.metrics.value(name), abs=1e-12), record.run_id
        assert found.num_images == record.data.eval_images
