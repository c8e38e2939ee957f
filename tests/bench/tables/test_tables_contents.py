"""The list of tables beside them, and which tables are written without being asked for by name."""

import re
from pathlib import Path

import pandas as pd

from bench.metrics.protocol import PROTOCOLS
from bench.tables.papers.literals import PAPER_TABLES
from bench_command import bench
from full_records import full_record
from made_records import made_cell, store_made
from paper_tables import stored

KINDS = ("comparison", "per-class", "cost")


def written(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.iterdir()}


def listed(index: Path) -> dict[str, tuple[str, int, int]]:
    """By the file of a link: title, rows, and how many of them were measured here."""
    rows = [line.strip("|").split("|") for line in index.read_text("utf-8").splitlines() if line[:1] == "|"]
    found = {}
    for title, links, *counts in rows[2:]:
        for file in re.findall(r"\]\((.*?)\)", links):
            found[file] = (title.strip(), int(counts[0]), int(counts[1]))
    return found


def test_every_file_is_listed_with_its_title_and_its_rows(tmp_path: Path) -> None:
    run = full_record(made_cell("add-gcn", protocol=PROTOCOLS["add-gcn"]), 0.95)
    stored(tmp_path / "results", run)
    done = bench(tmp_path, None, "tables", "--format", "md,csv")
    assert done.exit_code == 0, done.output
    files = written(tmp_path / "results" / "tables")
    found = listed(files["index.md"])
    assert set(found) == set(files) - {"index.md"}
    assert {f"{name}.md" for name in PAPER_TABLES} <= set(found), "a run on VOC2007 concerns papers"
    for name, (title, rows, measured) in found.items():
        if name.endswith(".csv"):
            frame = pd.read_csv(files[name])
            columns = [column for column in ("group", "kind") if column in frame]
            own = int((frame[columns] == "measured here").to_numpy().sum()) if columns else len(frame)
            assert (rows, measured) == (len(frame), own), name
        else:
            assert files[name].read_text("utf-8").startswith(f"# {title}\n"), name
    assert found["add-gcn-table2.md"][2] == 1 and found["salgl-nuswide.md"][2] == 0
    # Its runs are under another protocol.
    assert found["beyond.md"][1] > 300 and found["beyond.md"][2] == 0


def test_runs_on_own_data_alone_write_no_table_of_a_paper(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell(data="birds"), made_cell("salgl", data="birds"))
    assert bench(tmp_path, None, "tables", "--format", "md").exit_code == 0
    files = written(tmp_path / "results" / "tables")
    assert set(files) == {"index.md", "context.md", *(f"birds-{kind}.md" for kind in KINDS)}
    text = files["index.md"].read_text("utf-8")
    assert "`bench tables NAME` writes one: add-gcn-table1, " in text
    asked = bench(tmp_path, None, "tables", "add-gcn-table1", "--format", "md")
    assert asked.exit_code == 0 and (tmp_path / "results" / "tables" / "add-gcn-table1.md").is_file()
    assert files["index.md"].read_text("utf-8") == text, "the list stays that of all tables"
    store_made(tmp_path / "results", made_cell(data="scenes"))
    assert bench(tmp_path, None, "tables", "--format", "md").exit_code == 0
    both = listed(files["index.md"])
    assert {"birds-cost.md", "scenes-cost.md", *(f"{name}.md" for name in PAPER_TABLES)} <= set(both)
    assert "left out" not in files["index.md"].read_text("utf-8")


def test_under_another_protocol_the_list_has_a_name_of_its_own(tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell())
    for protocol in ((), ("--protocol", "ssgrl")):
        assert bench(tmp_path, None, "tables", "--format", "html", *protocol).exit_code == 0
    files = written(tmp_path / "results" / "tables")
    tables = {*(f"voc2007-{kind}" for kind in KINDS), "context"}
    assert set(listed(files["index-ssgrl.md"])) == {f"{name}-ssgrl.html" for name in tables}
    assert not any("ssgrl.html" in name for name in listed(files["index.md"]) if name.startswith("voc"))


def test_links_lead_to_files_of_any_name(tmp_path: Path) -> None:
    from urllib.parse import unquote

    store_made(tmp_path / "results", made_cell(data="birds [2024] (a) 100%"))
    assert bench(tmp_path, None, "tables", "--format", "md").exit_code == 0
    folder = tmp_path / "results" / "tables"
    found = listed(folder / "index.md")
    assert len(found) == 4 and all((folder / unquote(name)).is_file() for name in found)
