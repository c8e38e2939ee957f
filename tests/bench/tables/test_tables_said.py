"""What a table has to say of its runs: validation images, a tune, an epoch that was chosen on test images."""

import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench import load_records, table
from bench.experiment.tuned import Tuned
from bench.metrics.protocol import PROTOCOLS
from bench.tables.papers.literals import PAPER_TABLES
from bench_command import bench
from full_records import full_record
from made_records import SCHEDULE, made_cell, store_made
from paper_tables import stored, text_of

ON_TEST: dict[str, Any] = {"schedule": SCHEDULE.model_copy(update={"select": "best", "select_on": "test"})}
OF_DATA = ("voc2007-comparison", "voc2007-per-class", "voc2007-cost")


def tuned_cell(method: str, **changes: Any) -> Any:
    tuned = Tuned(name="a", method=method, design="0" * 12, trials=4, fields=("lr",))
    return made_cell(method, tuned=tuned, **changes)


def written(folder: Path, name: str, form: str = "md") -> str:
    assert bench(folder, None, "tables", name).exit_code == 0
    return (folder / "results" / "tables" / f"{name}.{form}").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*OF_DATA, "context"])
def test_a_table_of_validation_runs_says_so_in_title_header_and_csv(name: str, tmp_path: Path) -> None:
    store_made(tmp_path / "results", *(made_cell(one, split="validation") for one in ("resnet", "salgl")))
    text = written(tmp_path, name)
    first = next(line for line in text.splitlines() if line.startswith("##" if name == "context" else "#"))
    assert first.endswith(", on validation images")
    assert "- VALIDATION: nothing here was measured on test images" in text
    assert set(pd.read_csv(io.StringIO(written(tmp_path, name, "csv")))["split"]) == {"validation"}


@pytest.mark.parametrize("name", OF_DATA)
def test_beside_test_runs_their_section_says_so_and_no_other(name: str, tmp_path: Path) -> None:
    test, validation = made_cell("resnet"), made_cell("salgl", split="validation")
    store_made(tmp_path / "results", test, validation)
    text = written(tmp_path, name)
    title, *headings = re.findall(r"^##? (.*)$", text, flags=re.M)
    assert "validation" not in title
    assert sorted(headings) == sorted(
        [
            f"made, conditions {test.conditions()}",
            f"made, conditions {validation.conditions()}, on validation images",
        ]
    )
    rows = pd.read_csv(io.StringIO(written(tmp_path, name, "csv")))
    assert dict(zip(rows["method"], rows["split"], strict=True)) == {
        "ResNet baseline": "test",
        "SALGL": "validation",
    }


def test_a_data_frame_of_validation_runs_says_so(tmp_path: Path) -> None:
    store_made(tmp_path, *(made_cell(one, split="validation") for one in ("resnet", "salgl")))
    store_made(tmp_path, made_cell(data="voc2012"))
    assert list(table("voc2007", tmp_path)["split"]) == ["validation", "validation"]
    assert "split" not in table("voc2012", tmp_path)
    assert set(load_records(tmp_path, data="voc2007")["split"]) == {"validation"}


def test_a_list_of_runs_says_which_are_on_validation_images(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell("resnet"), made_cell("salgl", split="validation"))
    lines = bench(tmp_path, None, "ls").stdout.splitlines()
    assert ["voc2007, validation" in line for line in lines if "salgl" in line or "resnet" in line] == [
        "salgl" in line for line in lines if "salgl" in line or "resnet" in line
    ]


def test_tuned_runs_are_marked_beside_published_values(tmp_path: Path) -> None:
    cells = [
        of("add-gcn", seed=seed, protocol=PROTOCOLS["add-gcn"])
        for of in (made_cell, tuned_cell)
        for seed in (0, 1)
    ]
    results = tmp_path / "results"
    stored(results, *map(full_record, cells))
    lines = [line for line in text_of("add-gcn-table2", results).splitlines() if ", schedule made" in line]
    assert len(lines) == 2 and all("2 seeds" in line for line in lines)
    assert sorted("schedule made, tuned, 4 trials, 2 epochs" in line for line in lines) == [False, True]
    frame = pd.read_csv(io.StringIO(written(tmp_path, "add-gcn-table2", "csv")))
    assert sum("tuned, 4 trials" in schedule for schedule in frame["schedule"].dropna()) == 1


@pytest.mark.parametrize("tuned", [False, True])
def test_the_lines_of_all_sources_mark_what_was_tuned_and_chosen_on_test(tuned: bool, tmp_path: Path) -> None:
    of = tuned_cell if tuned else made_cell
    cells = of("ml-gcn"), of("resnet", **ON_TEST)
    stored(tmp_path / "results", *map(full_record, cells))
    text = written(tmp_path, "beyond")
    names = [
        line.split("|")[1].strip()
        for line in text.splitlines()
        if line.startswith("|") and "measured here" in line
    ]
    mark = ", tuned, 4 trials" if tuned else ""
    assert sorted(names) == [f"ML-GCN{mark}", f"ResNet baseline{mark}, chosen on test images"]
    (line,) = [line for line in text.splitlines() if line.startswith("- by their codes")]
    assert "ML-GCN, SSGRL, ADD-GCN" in line and "best on the test images" in line


@pytest.mark.parametrize("name", list(PAPER_TABLES))
def test_a_paper_whose_code_chooses_on_test_images_says_so(name: str, tmp_path: Path) -> None:
    """Every source here with a table of its own does, by the schedules that follow their codes."""
    store_made(tmp_path / "results", made_cell())
    assert "\n- chosen on test images: the source's code reports" in text_of(name, tmp_path / "results")


def test_a_row_measured_here_says_on_what_its_epoch_was_chosen(tmp_path: Path) -> None:
    best = {"select": "best", "select_on": "validation"}
    steered = {"decay": "plateau", "patience": 1, "select_on": "test"}
    cells = [
        made_cell("salgl", protocol=PROTOCOLS["salgl"], schedule=SCHEDULE.model_copy(update=one))
        for one in ({"select": "best", "select_on": "test"}, best, steered, {})
    ]
    stored(tmp_path, *map(full_record, cells))
    text = text_of("salgl-voc2007", tmp_path)
    found = set(re.findall(r"2 epochs, (.+?), 1 seed", text))
    assert found == {
        "best reported, chosen on test images",
        "best reported, chosen on validation images",
        "last reported, steered by test images",
        "last reported",
    }


def test_a_comparison_says_what_was_steered_by_test_images(tmp_path: Path) -> None:
    steered = SCHEDULE.model_copy(update={"decay": "plateau", "patience": 1, "select_on": "test"})
    store_made(tmp_path / "results", made_cell(schedule=steered), made_cell(data="voc2012", **ON_TEST))
    assert "last epoch reported, training steered by the test images" in written(
        tmp_path, "voc2007-comparison"
    )
    assert "best epoch reported, chosen on the test images" in written(tmp_path, "voc2012-comparison")


def test_ties_and_the_primary_metric_are_said_once(tmp_path: Path) -> None:
    cells = [made_cell(method, seed) for method in ("resnet", "salgl") for seed in (0, 1, 2)]
    store_made(tmp_path / "results", *cells)
    text = written(tmp_path, "voc2007-comparison")
    assert text.count("top-3 over threshold, ties by class order") == text.count("ties") == 1
    assert text.count("mAP is the primary metric; p of all 1 pairs") == text.count("primary") == 1
