"""Intervals over seeds and test images in the comparison tables and on the page, and what is bold there."""

import shutil
from pathlib import Path

import pytest

from bench import table
from bench.leaderboard.write import write_leaderboard
from bench.metrics.protocol import PROTOCOLS
from bench.records.record import Record
from bench.records.store import SCORES, RecordStore
from bench.tables.header import interval_statement
from bench.tables.write import write_tables
from made_comparison import made, put
from made_records import made_cell
from stored_intervals import interval


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordStore:
    """The baseline at two seeds, and a better method at one."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    put(tmp_path, made_cell("resnet", 0), made(seed=0))
    put(tmp_path, made_cell("resnet", 1), made(seed=1))
    put(tmp_path, made_cell("ml-gcn", 0), made(seed=2, noise=1.2))
    return RecordStore(tmp_path / "results")


def comparison(store: RecordStore, folder: Path, protocol: str | None = None) -> list[str]:
    (text, *_) = write_tables(
        store, folder, PROTOCOLS[protocol] if protocol else None, ["voc2007-comparison"], ["md"]
    )
    return text.splitlines()


def row_of(lines: list[str], method: str) -> list[str]:
    (line,) = (line for line in lines if line.startswith(f"| {method} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("protocol", [None, "ml-gcn"])
def test_the_comparison_has_the_interval_of_map_cf1_and_of1(
    store: RecordStore, tmp_path: Path, protocol: str | None
) -> None:
    lines = comparison(store, tmp_path / "tables", protocol)
    assert f"- {interval_statement(1000)}" in lines
    assert "- one seed: images only: ML-GCN" in lines
    assert "- nothing is bold: there are no two methods with at least 3 seeds" in lines
    assert not any("**" in line for line in lines)
    head, row = row_of(lines, "Method"), row_of(lines, "ResNet baseline")
    both = [r for r in store.all() if isinstance(r, Record) and r.cell.method.name == "resnet"]
    assert len(both) == 2
    for metric in ("mAP", "CF1", "OF1"):
        value, low, high = interval(store, both, metric, PROTOCOLS[protocol] if protocol else None)
        text = row[head.index(metric)]
        assert text.startswith(f"{100 * value:.1f} ± ") and text.endswith(
            f" [{100 * low:.1f}, {100 * high:.1f}]"
        )
        assert low < value < high
    assert "[" not in row[head.index("CP")]


def test_the_data_frame_has_the_bounds(store: RecordStore) -> None:
    found = table("voc2007", results=store.folder.parent).set_index("method")
    assert (found["mAP low"] < found["mAP"]).all() and (found["mAP"] < found["mAP high"]).all()


@pytest.fixture
def three(store: RecordStore, tmp_path: Path) -> RecordStore:
    """The floor; at three seeds two methods that are alike and a worse one; at two seeds a better one."""
    put(tmp_path, made_cell("prior"), made(noise=9))
    put(tmp_path, made_cell("resnet", 2), made(seed=2))
    for seed in range(3):
        put(tmp_path, made_cell("ssgrl", seed), made(seed=10 + seed, noise=1.45))
        put(tmp_path, made_cell("salgl", seed), made(seed=20 + seed, noise=6))
    put(tmp_path, made_cell("ml-gcn", 1), made(seed=3, noise=1.2))
    return store


def test_all_that_cannot_be_told_from_the_best_is_bold(three: RecordStore, tmp_path: Path) -> None:
    lines = comparison(three, tmp_path / "tables")
    head = row_of(lines, "Method")
    for metric in ("mAP", "CF1", "OF1"):
        texts = {
            title: row_of(lines, title)[head.index(metric)]
            for title in ("Label frequency", "ResNet baseline", "ML-GCN", "SSGRL", "SALGL")
        }
        assert {title for title, text in texts.items() if text.startswith("**")} == {
            "ResNet baseline",
            "SSGRL",
        }
        printed = {title: float(text.strip("*").split()[0]) for title, text in texts.items()}
        assert printed["ML-GCN"] == max(printed.values()), "but it has two seeds"
    assert sum(line.count("**") for line in lines) == 2 * 2 * 3, "no other column is tested"
    assert (
        "- bold: mAP, CF1 and OF1 that cannot be told from the best of the methods with at least 3 seeds "
        "(mAP is the primary metric; p of all 6 pairs in the 3 metrics, adjusted together, Holm; "
        "the label frequency has no seed)"
    ) in lines
    assert not any("one seed" in line for line in lines)
    numbers = table("voc2007", results=three.folder.parent).set_index("method")
    assert numbers["mAP best"].to_dict() == {
        "Label frequency": False,
        "ResNet baseline": True,
        "ML-GCN": False,
        "SSGRL": True,
        "SALGL": False,
    }


def test_no_class_is_bold_and_the_page_marks_what_the_table_does(three: RecordStore, tmp_path: Path) -> None:
    (text,) = write_tables(three, tmp_path / "tables", None, ["voc2007-per-class"], ["md"])
    assert "**" not in text and "- nothing is bold: `bench compare` tests the classes" in text
    page = write_leaderboard(three, tmp_path / "out")[1].read_text(encoding="utf-8")
    found = page.partition('<table id="data-1-comparison"')[2].partition("</table>")[0]
    assert found.count("<b>") == 6
    classes = page.partition('<table id="data-1-classes"')[2].partition("</table>")[0]
    assert classes.count("<tr>") > 7 and "<b>" not in classes


def test_the_ranking_marks_and_gives_the_ranks_that_a_method_may_have(
    three: RecordStore, tmp_path: Path
) -> None:
    text = write_leaderboard(three, tmp_path / "out")[0].read_text(encoding="utf-8").partition("\n## ")[0]
    ranks = {
        title: row_of(text.splitlines(), title)[-1].split("(")[-1].strip("*)")
        for title in ("ML-GCN", "ResNet baseline", "SSGRL", "SALGL")
    }
    # ML-GCN, with two seeds, may stand anywhere, so the others may stand behind it.
    assert ranks == {
        "ML-GCN": "#1 [1, 4]",
        "ResNet baseline": ranks["ResNet baseline"],
        "SSGRL": ranks["SSGRL"],
        "SALGL": "#4 [3, 4]",
    }
    assert {ranks["ResNet baseline"], ranks["SSGRL"]} == {"#2 [1, 3]", "#3 [1, 3]"}
    bold = [line for line in text.splitlines() if line.startswith("| ") and "**" in line]
    assert [line.split("|")[1].strip() for line in bold] in (
        ["ResNet baseline", "SSGRL"],
        ["SSGRL", "ResNet baseline"],
    )


def test_a_run_whose_scores_are_not_its_own_has_no_interval_and_is_named(
    store: RecordStore, tmp_path: Path
) -> None:
    lost = next(r for r in store.all() if isinstance(r, Record) and r.cell.method.name == "ml-gcn")
    another = next(r for r in store.all() if isinstance(r, Record) and r.run_id != lost.run_id)
    shutil.copy(*(store.folder / record.run_id / SCORES for record in (another, lost)))
    lines = comparison(store, tmp_path / "tables")
    head = row_of(lines, "Method")
    assert "[" not in row_of(lines, "ML-GCN")[head.index("mAP")]
    assert "[" in row_of(lines, "ResNet baseline")[head.index("mAP")]
    assert any(f"without an interval: {lost.run_id}" in line for line in lines)


def test_the_page_has_them_too(store: RecordStore, tmp_path: Path) -> None:
    both = [r for r in store.all() if isinstance(r, Record) and r.cell.method.name == "resnet"]
    _, low, high = interval(store, both, "mAP")
    page = write_leaderboard(store, tmp_path / "out")[1].read_text(encoding="utf-8")
    assert f"[{100 * low:.1f}, {100 * high:.1f}]" in page and "bootstrap resamples" in page
