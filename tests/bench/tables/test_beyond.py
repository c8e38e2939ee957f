"""The table over all sources: each printed line as it is, and what was measured beside it."""

import re
from pathlib import Path

import pytest

from bench.datasets.catalog import DATASETS
from bench.records.published import published_rows
from bench.records.store import RecordStore
from bench.tables.beyond import BEYOND, DATA
from bench.tables.papers.rows import printed_name
from bench_command import bench
from browser import Visit, chromium
from full_records import scored_record
from made_records import SCHEDULE, made_cell, store_made


def lines_of(printed: str) -> list[list[str]]:
    rows = [
        line for line in printed.splitlines() if line.startswith("| ") and not line.startswith("| Method")
    ]
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]


def test_every_printed_map_on_the_three_data_sets_is_a_line(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell())
    printed = bench(tmp_path, None, "tables", BEYOND)
    assert printed.exit_code == 0, printed.output
    splits = {split for several in DATA.values() for split in several}
    expected = [
        (
            printed_name(row.facts.row, row.facts.method),
            row.facts.backbone or "–",
            row.facts.source,
            f"{row.values['mAP']:.1f}",
        )
        for row in published_rows()
        if row.facts.data in splits and row.values.get("mAP") is not None
    ]
    found = [(line[0], line[1], line[-4], line[-3]) for line in lines_of(printed.stdout)]
    assert sorted(found) == sorted(expected) and len(found) > 300
    for part in printed.stdout.split("\n## ")[1:]:
        values = [float(line[-3]) for line in lines_of(part)]
        assert values == sorted(values, reverse=True)


def test_no_line_is_bold_and_what_is_stated_stands_beside_it(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell())
    printed = bench(tmp_path, None, "tables", BEYOND).stdout
    assert not any(cell.startswith("**") for line in lines_of(printed) for cell in line)
    of_salgl = [line for line in lines_of(printed) if (line[0], line[-4]) == ("SALGL", "zhu2023salgl")]
    (salgl,) = [line for line in of_salgl if line[-3] == "87.3"]
    assert salgl[1:9] == ["ResNet-101", "576", "576", "ImageNet", "yes", "asl", "own", "coco2014"]


@pytest.mark.parametrize("name", [BEYOND, "salgl-coco"])
def test_a_row_of_tdrg_says_which_attention_and_other_variants_their_options(
    name: str, tmp_path: Path
) -> None:
    store_made(tmp_path / "results", made_cell())
    rows = [line[0] for line in lines_of(bench(tmp_path, None, "tables", name).stdout)]
    of_tdrg = [row for row in rows if row.startswith("TDRG")]
    assert all(re.search(r" \(tdrg/attention=(batch|positions)\)$", row) for row in of_tdrg)
    assert "TDRG, best epoch (tdrg/attention=positions)" in of_tdrg
    batch = {"TDRG (tdrg/attention=batch)", "TDRG [Author] (tdrg/attention=batch)"}
    assert batch <= set(of_tdrg) or name != BEYOND
    assert "ResNet-101 GMP, other loss, user run (resnet/pool=max)" in rows


def test_whole_runs_stand_beside_them_and_others_do_not(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell(), made_cell(data="scenes"))
    printed = bench(tmp_path, None, "tables", BEYOND).stdout
    assert "measured here" not in {line[7] for line in lines_of(printed)}
    store = RecordStore(tmp_path / "results")
    for seed in (0, 1):
        store.save(*scored_record(made_cell("ml-gcn", seed)))
    lines = lines_of(bench(tmp_path, None, "tables", BEYOND).stdout)
    (mine,) = [line for line in lines if line[7] == "measured here"]
    assert mine[5] == "no"
    assert mine[8] == "voc2007" and " ± " in mine[-3]


def test_a_protocol_of_another_kind_is_refused(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell())
    done = bench(tmp_path, None, "tables", BEYOND, "--protocol", "ssgrl")
    assert done.exit_code == 2 and "have their sources' protocols" in done.output


def test_it_is_written_where_the_records_are_on_data_of_papers_alone(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell())
    assert bench(tmp_path, None, "tables").exit_code == 0
    assert (tmp_path / "results" / "tables" / "beyond.csv").is_file()
    assert set(DATA["MS-COCO"]) <= set(DATASETS)


@pytest.mark.slow
def test_a_column_sorts_its_table(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell())
    assert bench(tmp_path, None, "tables", BEYOND).exit_code == 0
    page = (tmp_path / "results" / "tables" / "beyond.html").as_uri()
    with chromium(tmp_path / "profile") as browser:
        visit = Visit(browser, page).open()
        table = browser.find_elements("css selector", "table")[1]

        buttons = {button.text: button for button in table.find_elements("css selector", "th button")}

        def column(title: str) -> list[str]:
            place = f"tbody tr > :nth-child({1 + list(buttons).index(title)})"
            return [cell.text for cell in table.find_elements("css selector", place)]

        before = column("OF1")
        buttons["OF1"].click()
        numbers = [float(text) for text in column("OF1") if text != "–"]
        assert numbers == sorted(numbers, reverse=True) and sorted(column("OF1")) == sorted(before)
        assert column("OF1")[-1] == "–", "what is not stated comes last"
        buttons["OF1"].click()
        numbers = [float(text) for text in column("OF1") if text != "–"]
        assert numbers == sorted(numbers) and column("OF1")[-1] == "–"
        buttons["Method"].click()
        names = column("Method")
        letters = [name[0].lower() for name in names if name[0].isascii() and name[0].isalpha()]
        assert letters == sorted(letters)
        assert visit.browser.get_log("browser") == []


def test_a_run_that_takes_the_better_of_average_and_weights_says_so(tmp_path: Path) -> None:
    either = {"ema_decay": 0.9, "ema_or_weights": True, "select": "best"}
    schedule = SCHEDULE.model_copy(update=either)
    store = RecordStore(tmp_path / "results")
    store.save(*scored_record(made_cell("ml-gcn", schedule=schedule)))
    lines = lines_of(bench(tmp_path, None, "tables", BEYOND).stdout)
    (mine,) = [line for line in lines if line[7] == "measured here"]
    assert mine[5] == "best"
    comparison = bench(tmp_path, None, "tables", "voc2007").stdout
    assert "weights averaged (EMA, decay 0.9), or plain where better" in comparison
