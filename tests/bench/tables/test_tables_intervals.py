"""Intervals over test images in the comparison tables and on the page."""

import shutil
from pathlib import Path

import pytest

from bench import table
from bench.leaderboard.write import write_leaderboard
from bench.metrics.protocol import PROTOCOLS
from bench.records.intervals import interval
from bench.records.store import SCORES, Record, RecordStore
from bench.tables.book import INTERVAL_STATEMENT
from bench.tables.write import write_tables
from made_comparison import made, put
from made_records import made_cell


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
    return [cell.strip(" *") for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("protocol", [None, "ml-gcn"])
def test_the_comparison_has_the_interval_of_map_cf1_and_of1(
    store: RecordStore, tmp_path: Path, protocol: str | None
) -> None:
    lines = comparison(store, tmp_path / "tables", protocol)
    assert f"- {INTERVAL_STATEMENT}" in lines
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
