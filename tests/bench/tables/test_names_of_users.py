"""Classes and data sets that are called like the tables' own keys: every number stays where it belongs."""

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from bench import compare_methods, load_records, table
from bench.metrics.evaluate import METRICS
from bench.records.store import RecordStore
from bench.tables.book import KINDS, Book
from bench.tables.columns import AVERAGED, METRIC_COLUMNS, cost_columns
from bench_command import bench
from made_records import made_cell, store_made

DATA = "own"


def own_keys(folder: Path) -> list[str]:
    """Every key and heading that tables, frames and comparisons of made records have of their own."""
    store = store_made(folder, made_cell("resnet", data=DATA), made_cell("salgl", data=DATA))
    book = Book(store)
    frames = [book.table(name).frame for name in book.own()]
    frames += [load_records(folder), compare_methods("resnet", "salgl", DATA, folder, resamples=100)]
    heads = [column.title for column in (*METRIC_COLUMNS, AVERAGED, *cost_columns())]
    return sorted({*heads, *(str(key) for frame in frames for key in frame.columns if ":" not in str(key))})


def hostile(folder: Path) -> tuple[str, ...]:
    """Class names: all own keys, what is derived from them, and what looks like a new key."""
    keys = own_keys(folder / "keys")
    derived = [f"{key} {part}" for key in ("mAP", "cat", "boat") for part in ("std", "low", "high")]
    return tuple(
        dict.fromkeys(
            [*keys, *METRICS, "cat", *derived, "Method", "Seeds", "class seeds", "AP:cat", "std:cat"]
        )
    )


@pytest.fixture
def stored(tmp_path: Path) -> tuple[RecordStore, tuple[str, ...]]:
    classes = hostile(tmp_path)
    cells = [made_cell(method, seed, DATA) for method in ("resnet", "salgl") for seed in (0, 1)]
    return store_made(tmp_path / "results", *cells, classes=classes), classes


def expected(store: RecordStore, method: str) -> list[float]:
    """The mean AP of every class in percent, straight from the records."""
    rows = [
        record.metrics.per_class_ap
        for record in store.all()
        if record.cell.method.name == method and record.metrics  # type: ignore[union-attr]
    ]
    return [100 * (one + other) / 2 for one, other in zip(*rows, strict=True)]  # type: ignore[operator]


def test_every_number_of_the_frame_and_the_csv_is_that_of_its_class(
    stored: tuple[RecordStore, tuple[str, ...]], tmp_path: Path
) -> None:
    store, classes = stored
    frame = table(f"{DATA}-per-class", tmp_path / "results")
    assert len(set(frame.columns)) == len(frame.columns)
    assert frame.seeds.tolist() == [2, 2] and frame.method.tolist() == ["ResNet baseline", "SALGL"]
    done = bench(tmp_path, None, "tables", "--format", "csv,md,html,tex")
    assert done.exit_code == 0, done.output
    written = pd.read_csv(tmp_path / "results" / "tables" / f"{DATA}-per-class.csv")
    assert len(set(written.columns)) == len(written.columns)
    for row, method in enumerate(("resnet", "salgl")):
        values = expected(store, method)
        for name, value in zip(classes, values, strict=True):
            assert frame.loc[row, f"AP:{name}"] == pytest.approx(value), name
            assert written.loc[row, f"AP:{name}"] == pytest.approx(value, abs=1e-6), name
        record = store.find(made_cell(method, 0, DATA).run_id())
        assert record.metrics and frame.loc[row, "mAP"] > 0
        assert written.loc[row, "conditions"] == record.cell.conditions()
        assert (written.loc[row, "data"], written.loc[row, "schedule"]) == (DATA, "made")


def test_the_text_tells_them_apart(stored: tuple[RecordStore, tuple[str, ...]], tmp_path: Path) -> None:
    store, classes = stored
    text = bench(tmp_path, None, "tables", f"{DATA}-per-class").stdout
    lines = [
        [cell.strip(" *") for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line
    ]
    names = [line[0] for line in lines]
    assert len(set(names)) == len(names), "a row for each"
    values = {line[0]: line[1].split()[0] for line in lines[2:]}
    for name, value in zip(classes, expected(store, "resnet"), strict=True):
        heading = f"class {name}" if name in ("Method", "Seeds", "mAP") else name
        assert values[heading] == f"{value:.1f}", name
    assert values["Seeds"] == "2"


@pytest.mark.parametrize(
    "command", [("leaderboard",), ("compare", "resnet", "salgl", "--data", DATA), ("ls",)]
)
def test_no_other_view_breaks(
    command: tuple[str, ...], stored: tuple[RecordStore, tuple[str, ...]], tmp_path: Path
) -> None:
    done = bench(tmp_path, None, *command)
    assert done.exit_code == 0, done.output


def test_a_comparison_names_each_class_and_keeps_its_value(
    stored: tuple[RecordStore, tuple[str, ...]], tmp_path: Path
) -> None:
    store, classes = stored
    asked = ("compare", "resnet", "salgl", "--data", DATA, "--resamples", "100", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(bench(tmp_path, None, *asked).stdout)))
    of_classes = [row for row in rows if row["scope"] == "class"]
    assert [row["name"] for row in of_classes] == list(classes)
    for row, value in zip(of_classes, expected(store, "resnet"), strict=True):
        assert float(row["a"]) == pytest.approx(value, abs=1e-6)


def test_a_data_set_that_is_called_like_a_kind_of_table(tmp_path: Path) -> None:
    for name in (kind.name for kind in KINDS):
        store_made(
            tmp_path / "results", made_cell("resnet", data=name), made_cell("resnet", data=f"{name}-cost")
        )
    done = bench(tmp_path, None, "tables")
    assert done.exit_code == 0, done.output
    for name in (kind.name for kind in KINDS):
        assert set(table(f"{name}-comparison", tmp_path / "results")["seeds"]) == {1}
