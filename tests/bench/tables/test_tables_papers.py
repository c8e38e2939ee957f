"""The tables of papers: what their sources print, and what others report, in the printed columns."""

from pathlib import Path

import pandas as pd
import pytest

from bench import table
from bench.datasets.catalog import DATASETS
from bench.experiment.matrix import load_matrix, matrix_names
from bench.experiment.methods import parse_methods
from bench.metrics.protocol import PROTOCOLS
from bench.records.published import published_rows, references
from bench.tables.beyond import DATA, METRICS
from bench.tables.papers.literals import PAPER_TABLES
from bench.tables.papers.rows import MEASURED, PUBLISHED, REPRODUCED, reproduced_lines
from full_records import full_record
from made_records import made_cell
from paper_tables import of, rows_of, stored, text_of

VOC_HEAD = [
    *("aero", "bike", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "table", "dog"),
    *("horse", "mbike", "person", "plant", "sheep", "sofa", "train", "tv", "mAP"),
]
PR = ["CP", "CR", "CF1", "OP", "OR", "OF1"]


def test_every_table_is_made_of_what_its_source_prints() -> None:
    for name, paper in PAPER_TABLES.items():
        printed = [
            row
            for row in published_rows()
            if (row.facts.source, row.facts.table) == (paper.source, paper.table)
        ]
        assert printed and name == paper.name and paper.source in references() and paper.protocol in PROTOCOLS
        assert [choice.label() for choice in parse_methods(paper.methods)] == list(paper.methods)
        frame = of(table(name, "nowhere"), PUBLISHED)
        keys = {
            (column.data, column.metric): f"{column.span} {column.title}".strip() for column in paper.columns
        }
        assert len(keys) == len(paper.columns)
        values = [v for row in printed for v in row.values.values() if v is not None]
        shown = frame[list(keys.values())].to_numpy()
        assert sorted(shown[~pd.isna(shown)]) == sorted(values), name
        assert list(dict.fromkeys(frame["row"])) == list(dict.fromkeys(row.facts.row for row in printed))


def test_all_tables_asked_for_are_there() -> None:
    assert set(PAPER_TABLES) >= {
        *(f"add-gcn-table{number}" for number in range(1, 7)),
        *("add-gcn-fig3", "ml-gcn-table1", "ml-gcn-table2", "multilabelclassification"),
        *("ssgrl-coco", "ssgrl-voc2007", "ssgrl-voc2012", "ssgrl-vg500"),
        *("salgl-coco", "salgl-voc2007", "salgl-nuswide"),
        *("tdrg-coco", "tdrg-coco-per-class", "tdrg-voc2007", "tdrg-table1", "query2label-table1"),
    }


def test_a_wide_table_stands_on_its_side_with_its_groups_beside_each_other(tmp_path: Path) -> None:
    text = text_of("tdrg-voc2007", tmp_path)
    (head,) = (line for line in text.splitlines() if f"{PUBLISHED} TDRG" in line)
    assert head.index(f"{PUBLISHED} TDRG") < head.index(f"{REPRODUCED} TDRG")
    rows = rows_of(text)
    assert rows["All CP"][0] != rows["Top-3 CP"][0] and rows["dog"][0] != "–"
    assert rows["dog"][1:] == ["–"] * (len(rows["dog"]) - 1), "the others print no class"


LATER = {
    *("liu2021query2label", "query2label-code", "leilei-query2label"),
    *("zhao2021tdrg", "tdrg-code", "leilei-tdrg"),
    *("csra-code", "mmpretrain-csra", "mldecoder-code"),
}


def test_every_value_of_the_later_methods_stands_in_some_table() -> None:
    """In one of its own source, in that of another as reproduced, or in the one over all."""
    shown = set()
    for paper in PAPER_TABLES.values():
        reproduced = {(line.source, line.source_table, line.row) for line in reproduced_lines(paper)}
        for row in published_rows():
            facts = row.facts
            inside = (facts.source, facts.table) == (paper.source, paper.table)
            if inside or (facts.source, facts.table, facts.row) in reproduced:
                metrics = {column.metric for column in paper.columns if column.data == facts.data}
                shown |= {(facts, metric) for metric in metrics & row.values.keys()}
    everywhere = {name for splits in DATA.values() for name in splits}
    later = [row for row in published_rows() if row.facts.source in LATER]
    assert {row.facts.source for row in later} == LATER
    left = {}
    for row in later:
        beyond = set(METRICS) if row.facts.data in everywhere and row.values.get("mAP") is not None else set()
        missing = [one for one in row.values if one not in beyond and (row.facts, one) not in shown]
        if missing:
            left[row.facts.table] = missing
    assert left.keys() == {"log-nuswide"}, "no paper has a table that this log would stand in"


@pytest.mark.parametrize("name", [name for name in matrix_names() if name != "backbones"])
def test_the_ablations_are_those_of_the_matrices(name: str) -> None:
    matrix = load_matrix(None, {"data": "voc2007"}, name)
    assert [choice.label() for choice in parse_methods(matrix.methods)] == list(
        PAPER_TABLES[f"add-gcn-{name}"].methods
    )


def test_table_1_to_the_letter(tmp_path: Path) -> None:
    rows = rows_of(text_of("add-gcn-table1", tmp_path))
    head = ["All mAP", *(f"All {name}" for name in PR), *(f"Top-3 {name}" for name in PR), "Δ mAP"]
    assert rows["Method"] == ["Setting", *head]
    assert rows["RARL"] == ["–", *["–"] * 7, "78.8", "57.2", "66.2", "84.0", "61.6", "71.1", "–"]
    ours = ["**85.2**", "84.7", "**75.9**", "**80.1**", "84.9", "**79.4**", "**82.0**"]
    top3 = ["88.8", "**66.2**", "**75.8**", "90.3", "**68.5**", "**77.9**"]
    assert rows["Ours"] == ["ResNet-101, 448/512 px, ImageNet", *ours, *top3, "–"]


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("add-gcn-table2", VOC_HEAD),
        ("add-gcn-table3", VOC_HEAD),
        ("ml-gcn-table2", VOC_HEAD),
        ("ssgrl-voc2012", [*DATASETS["voc2012"].classes, "mAP"]),
        (
            "add-gcn-table4",
            [f"{data} {name}" for data in ("MS-COCO", "VOC 2007") for name in ("mAP", "OF1", "CF1")],
        ),
        ("salgl-coco", ["All mAP", *(f"All {name}" for name in PR), *(f"Top-3 {name}" for name in PR)]),
        ("multilabelclassification", ["VOC2012", "COCO", "VG500"]),
    ],
)
def test_columns_are_the_printed_ones_in_their_order(name: str, head: list[str]) -> None:
    columns = list(table(name, "nowhere"))
    start = columns.index("test_images") + 1
    assert columns[start : start + 2 * len(head) : 2] == head
    assert columns[start + 1 : start + 1 + 2 * len(head) : 2] == [f"{title} std" for title in head]


def test_reproductions_stand_between_with_their_source(tmp_path: Path) -> None:
    frame = of(table("add-gcn-table1", tmp_path), REPRODUCED)
    assert list(dict.fromkeys(frame["method"])) == ["resnet", "resnet/pool=max", "ml-gcn", "ssgrl", "add-gcn"]
    (run,) = frame[(frame["source"] == "leilei-addgcn") & (frame["test_size"] == "576")].to_dict("records")
    assert (run["All mAP"], run["train_size"]) == (85.28, "448") and run["Δ mAP"] == pytest.approx(0.08)
    text = text_of("add-gcn-table1", tmp_path)
    order = [text.index(f"| **{group}** ") for group in (PUBLISHED, REPRODUCED)]
    assert order == sorted(order) and f"**{MEASURED}**" not in text
    assert "*leilei-addgcn: yu-gi-oh-leilei, ADD-GCN, a reproduction, https://" in text


def test_nothing_is_put_beside_a_split_of_the_sources_own(tmp_path: Path) -> None:
    cell = made_cell("ssgrl", data="vg500", protocol=PROTOCOLS["multilabelclassification"])
    stored(tmp_path, full_record(cell, classes=("thing",)))
    frame = table("multilabelclassification", tmp_path)
    assert frame[frame["group"] != PUBLISHED]["VG500"].isna().all() and "Δ VG500" not in frame
    text = text_of("multilabelclassification", tmp_path)
    assert "- VG500: the source has another split or states none; nothing is beside it" in text
