"""Tables are a function of the stored records alone: their cells, and which of them are bold."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.leaderboard.write import write_leaderboard
from bench.metrics.evaluate import METRICS, Metrics
from bench.records.groups import Group
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tables.columns import METRIC_COLUMNS, Column, cost_columns, frame
from bench.tables.grid import grid_of
from bench.tables.header import interval_statement
from bench.tables.render import markdown_grid
from bench.tables.write import write_tables
from made_records import CLASSES, made_cell, made_cost, made_metrics, made_record, store_made

HEADER = """\
# voc2007: Average precision per class (%)

- data: voc2007, 16 of 5,011 training and 40 of 4,952 test images, 21 positive and 18 difficult test labels
- schedule: made — resnet18 from none weights at 64 px, 2 epochs, batch 4, adamw, fp32, last epoch reported; \
label vectors: label-sets
- protocol: bench — AP not interpolated; difficult ignored in AP and P/R; ≥ 0.5; CF1 harmonic; \
top-3 over threshold, ties by class order; an unpredicted class is 0 in CP
- at seed 0, which all have, all methods saw the same pixels in the same order and started from the same \
backbone (hashes equal)
- mAP: mean over 3 of 3 classes, 3 with fewer than 10; it estimates the expected mAP on test sets of this size
"""
PER_CLASS = """\
- nothing is bold: `bench compare` tests the classes of two methods

| Method                     | Seeds |       boat |        dog |     person |        mAP |
|:---------------------------|------:|-----------:|-----------:|-----------:|-----------:|
| Label frequency            |     1 |       10.0 |       20.0 |       30.0 |       20.0 |
| ResNet baseline            |     2 | 60.0 ± 2.8 | 70.0 ± 0.0 | 80.0 ± 1.4 | 70.0 ± 1.4 |
| ResNet baseline (pool=max) |     1 |       50.0 |       90.0 |       80.0 |       73.3 |
"""


def small_matrix(results: Path) -> RecordStore:
    """The prior; the baseline at two seeds; the baseline with an option at one."""
    store = RecordStore(results)
    for method, seed, ap in (
        ("prior", 0, (0.1, 0.2, 0.3)),
        ("resnet", 0, (0.58, 0.7, 0.79)),
        ("resnet", 1, (0.62, 0.7, 0.81)),
        ("resnet/pool=max", 0, (0.5, 0.9, 0.8)),
    ):
        store.save(*made_record(made_cell(method, seed), metrics=made_metrics(ap)))
    return store


def write_own(store: RecordStore, folder: Path) -> list[str]:
    """Write the tables of the one data set; those of the papers have tests of their own."""
    return write_tables(store, folder, names=["voc2007"], formats=["md", "csv"])


def rows_of(text: str) -> dict[str, list[str]]:
    """The cells of each row of a Markdown table, by its first cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows}


def markdown_table(numbers: pd.DataFrame, columns: list[Column]) -> str:
    return markdown_grid(grid_of(numbers, {"Method": "method", "Seeds": "seeds"}, columns, left=1))


def column(values: dict[int, float | None], higher: bool = True, digits: int = 1) -> tuple[Group, Column]:
    """A group of one record per value, and a column that reads it by the record's seed."""
    methods = ["resnet", "resnet/pool=max", "ml-gcn", "ssgrl", "add-gcn", "salgl"]
    records = [made_record(made_cell(methods[seed], seed))[0] for seed in values]
    return Group(tuple(records)), Column("it", higher, digits, value=lambda record: values[record.cell.seed])


def column_of_cells(values: dict[int, float | None], higher: bool = True, digits: int = 1) -> list[str]:
    group, only = column(values, higher, digits)
    return [row[1] for row in list(rows_of(markdown_table(frame(group, [only]), [only])).values())[2:]]


def test_a_small_table_to_the_letter(tmp_path: Path) -> None:
    write_own(small_matrix(tmp_path), tmp_path / "tables")
    assert (tmp_path / "tables" / "voc2007-per-class.md").read_text(encoding="utf-8") == HEADER + PER_CLASS


def test_the_comparison_has_the_columns_of_the_papers(tmp_path: Path) -> None:
    text, *_ = write_own(small_matrix(tmp_path), tmp_path / "tables")
    assert (tmp_path / "tables" / "voc2007-comparison.md").read_text(encoding="utf-8") == text
    head = HEADER.replace("Average precision per class (%)", "Comparison (%)").rstrip()
    lines = (
        interval_statement(1000),
        "one seed: images only: ResNet baseline (pool=max)",
        "nothing is bold: there are no two methods with at least 3 seeds",
    )
    assert text.startswith("\n- ".join((head, *lines)) + "\n\n")
    rows = rows_of(re.sub(r" \[[^]]*\]", "", text))  # test_tables_intervals.py is about the intervals
    both = ["CP", "CR", "CF1", "OP", "OR", "OF1"]
    assert rows["Method"] == ["Seeds", "mAP", *both, *(f"{name} top-3" for name in both)]
    assert rows["ResNet baseline"] == ["2", "70.0 ± 1.4", *["50.0 ± 0.0"] * 12]
    assert rows["ResNet baseline (pool=max)"] == ["1", "73.3", *["50.0"] * 12]


def test_every_metric_is_read_from_its_own_field() -> None:
    numbers = {name: (position + 1) / 100 for position, name in enumerate(METRICS)}
    metrics = Metrics(**numbers, per_class_ap=(0.01,), classes_without_positives=(), num_images=1)
    group = Group((made_record(made_cell(), metrics=metrics)[0],))
    row = frame(group, METRIC_COLUMNS).iloc[0]
    assert [row[info.title] for info in METRICS.values()] == pytest.approx(range(1, 14))


def test_methods_stand_in_the_order_of_the_catalogue_with_the_prior_first(tmp_path: Path) -> None:
    methods = ["salgl", "ml-gcn", "prior", "add-gcn", "resnet/pool=max", "ssgrl", "resnet"]
    text, *_ = write_own(store_made(tmp_path, *map(made_cell, methods)), tmp_path / "tables")
    titles = ["Label frequency", "ResNet baseline", "ResNet baseline (pool=max)"]
    assert list(rows_of(text))[2:] == [*titles, "ML-GCN", "SSGRL", "ADD-GCN", "SALGL"]


@pytest.mark.parametrize(
    ("values", "higher", "expected"),
    [
        ({0: 1.0, 1: 3.0, 2: 2.0}, True, ["1.0", "**3.0**", "2.0"]),
        ({0: 1.0, 1: 3.0, 2: 2.0}, False, ["**1.0**", "3.0", "2.0"]),
        ({0: 3.0, 1: 3.0, 2: 2.0}, True, ["**3.0**", "**3.0**", "2.0"]),
        # What is printed alike is equally good, also where rounding to even differs from what is printed.
        ({0: 3.01, 1: 2.99, 2: 2.9}, True, ["**3.0**", "**3.0**", "2.9"]),
        ({0: 87.65, 1: 87.7, 2: 87.6}, True, ["**87.7**", "**87.7**", "87.6"]),
        ({0: None, 1: 3.0, 2: 2.0}, False, ["–", "3.0", "**2.0**"]),
        ({0: None, 1: None}, True, ["–", "–"]),
        ({0: 0.0, 1: 3.0}, False, ["**0.0**", "3.0"]),
    ],
)
def test_the_best_value_is_bold(values: dict[int, float | None], higher: bool, expected: list[str]) -> None:
    assert column_of_cells(values, higher) == expected


def test_mean_and_sample_standard_deviation_over_seeds() -> None:
    maps = [0.70, 0.74, 0.81]
    records = [
        made_record(made_cell("salgl", seed), metrics=made_metrics((value,)))[0]
        for seed, value in enumerate(maps)
    ]
    single, _ = made_record(made_cell("ssgrl", 0), metrics=made_metrics((0.75,)))
    columns = METRIC_COLUMNS[:1]
    table = frame(Group((*records, single)), columns).set_index("method")
    assert table.loc["SALGL", "mAP"] == pytest.approx(75.0)
    assert table.loc["SALGL", "mAP std"] == pytest.approx(np.sqrt((25 + 1 + 36) / 2))
    assert list(table["seeds"]) == [1, 3]
    assert table["mAP std"].isna().to_dict() == {"SSGRL": True, "SALGL": False}
    rows = rows_of(markdown_table(table.reset_index(), columns))
    assert (rows["SALGL"], rows["SSGRL"]) == (["3", "75.0 ± 5.6"], ["1", "75.0"])


def test_a_mean_over_seeds_of_which_one_lacks_the_value_is_a_dash() -> None:
    records = (
        made_record(made_cell("resnet", 0))[0],
        made_record(made_cell("resnet", 1), cost=None)[0],
    )
    columns = cost_columns()
    rows = rows_of(markdown_table(frame(Group(records), columns), columns))
    assert rows["ResNet baseline"] == ["2", *["–"] * len(columns)]


def test_cost(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    fast = made_cost(train_images_per_second=300.0, parameters=2_500_000, wall_seconds=10.0)
    for method, cost in (("prior", None), ("resnet", made_cost()), ("salgl", fast)):
        store.save(*made_record(made_cell(method), cost=cost))
    write_own(store, tmp_path / "tables")
    text = (tmp_path / "tables" / "voc2007-cost.md").read_text(encoding="utf-8")
    assert "\n- device: a CPU\n" in text
    rows = rows_of(text)
    units = ["parameters (M)", "of the head (M)", "GFLOPs per image", "train images/s", "test images/s"]
    assert rows["Method"] == ["Seeds", *units, "peak memory (MiB)", "wall time (s)"]
    assert rows["Label frequency"] == ["1", *["–"] * 7]
    same = ["**0.50**", "**3.00**"]
    assert rows["ResNet baseline"] == ["1", "**2.00**", *same, "100", "**200**", "**64**", "30"]
    assert rows["SALGL"] == ["1", "2.50", *same, "**300**", "**200**", "**64**", "**10**"]


def test_the_speed_of_a_first_epoch_alone_is_no_training_speed(tmp_path: Path) -> None:
    """It warms up; the best of the others is marked."""
    store = RecordStore(tmp_path)
    for method, rate, epochs in (("resnet", 100.0, 2), ("ml-gcn", 300.0, 1), ("salgl", 50.0, 2)):
        record, scores = made_record(
            made_cell(method), cost=made_cost(train_images_per_second=rate), selected_epoch=0
        )
        store.save(record.model_copy(update={"history": record.history[:epochs]}), scores)
    write_own(store, tmp_path / "tables")
    text = (tmp_path / "tables" / "voc2007-cost.md").read_text(encoding="utf-8")
    rows = rows_of(text)
    assert rows["Method"][4] == "train images/s"
    assert {name: row[4] for name, row in rows.items() if name[:1].isalpha() and name != "Method"} == {
        "ResNet baseline": "**100**",
        "ML-GCN": "–",
        "SALGL": "50",
    }
    said = "device: a CPU; a run of fewer than two epochs has no training speed: the first warms up"
    assert f"\n- {said}\n" in text
    numbers = pd.read_csv(tmp_path / "tables" / "voc2007-cost.csv")["train images/s"]
    assert numbers.isna().tolist() == [False, True, False]
    page = [path.read_text(encoding="utf-8") for path in write_leaderboard(store, tmp_path / "out")]
    assert all(said in one and ">300<" not in one and "| 300" not in one for one in page)


@pytest.mark.parametrize(("count", "as_rows"), [(20, False), (25, True), (80, True)])
def test_many_classes_are_rows(count: int, as_rows: bool, tmp_path: Path) -> None:
    classes = tuple(f"class {number}" for number in range(count))
    low, high = ((base,) * count for base in (0.25, 0.5))
    store = RecordStore(tmp_path)
    for method, ap in (("resnet", low), ("salgl", high)):
        store.save(*made_record(made_cell(method), classes, metrics=made_metrics(ap)))
    write_own(store, tmp_path / "tables")
    rows = rows_of((tmp_path / "tables" / "voc2007-per-class.md").read_text(encoding="utf-8"))
    if as_rows:
        assert rows[""] == ["ResNet baseline", "SALGL"]
        assert rows["Seeds"] == ["1", "1"]
        assert all(rows[name] == ["25.0", "50.0"] for name in (*classes, "mAP"))
        assert len(rows) == count + 4
    else:
        assert rows["Method"] == ["Seeds", *classes, "mAP"]
        assert rows["SALGL"] == ["1", *["50.0"] * (count + 1)]


def test_a_class_without_positives_is_a_dash_and_empty_in_csv(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    store.save(*made_record(made_cell(), metrics=made_metrics((0.5, None, 0.25))))
    write_own(store, tmp_path / "tables")
    rows = rows_of((tmp_path / "tables" / "voc2007-per-class.md").read_text(encoding="utf-8"))
    assert rows["ResNet baseline"] == ["1", "50.0", "–", "25.0", "37.5"]
    table = pd.read_csv(tmp_path / "tables" / "voc2007-per-class.csv")
    assert table["AP:dog"].isna().all()


NUMBERS: dict[str, dict[str, Callable[[Record], Any]]] = {
    "comparison": {
        info.title: lambda record, name=name: 100 * record.metrics.value(name)  # type: ignore[misc]
        for name, info in METRICS.items()
    },
    "per-class": {
        f"AP:{name}": lambda record, c=c: 100 * record.metrics.per_class_ap[c]  # type: ignore[misc]
        for c, name in enumerate(CLASSES)
    },
    "cost": {
        "parameters (M)": lambda record: dict(record.cost or ())["parameters"] / 1e6,
        "train images/s": lambda record: dict(record.cost or ())["train_images_per_second"],
        "peak memory (MiB)": lambda record: dict(record.cost or ())["peak_memory_bytes"] / 2**20,
    },
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_csv_holds_the_numbers(kind: str, tmp_path: Path) -> None:
    cells = [made_cell(method, seed) for method in ("resnet", "ml-gcn") for seed in (0, 1, 2)]
    store = store_made(tmp_path, *cells)
    write_own(store, tmp_path / "tables")
    text = (tmp_path / "tables" / f"voc2007-{kind}.csv").read_bytes().decode()
    assert "\r" not in text
    table = pd.read_csv(io.StringIO(text)).set_index("method")
    assert list(table.index) == ["ResNet baseline", "ML-GCN"] and list(table["seeds"]) == [3, 3]
    for title, name in (("ResNet baseline", "resnet"), ("ML-GCN", "ml-gcn")):
        records = [store.find(cell.run_id()) for cell in cells if cell.method.name == name]
        for heading, number in NUMBERS[kind].items():
            values = [number(record) for record in records]
            assert table.loc[title, heading] == pytest.approx(np.mean(values), abs=1e-6)
            deviation = heading.replace("AP:", "AP std:") if kind == "per-class" else f"{heading} std"
            assert table.loc[title, deviation] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
        assert table.loc[title, "conditions"] == cells[0].conditions()
