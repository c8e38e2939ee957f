"""The matrices that come with the harness: the tables of a paper, by name."""

import re
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.experiment.matrix import load_matrix, matrix_names
from bench.experiment.methods import parse_methods
from bench_command import TINY, bench
from trees import write_voc

# The rows of each table as methods; those of Table 4 stand in the paper's order.
ROWS = {
    "table4": [
        "resnet",
        "add-gcn/graph=static",
        "add-gcn/graph=dynamic",
        "add-gcn/graph=parallel-add",
        "add-gcn/graph=parallel-mul",
        "add-gcn/graph=parallel-cat",
        "add-gcn/graph=dynamic-static",
        "add-gcn",
    ],
    "table5": [
        "add-gcn/representation=sum",
        "add-gcn/representation=avg",
        "add-gcn/representation=max",
        "add-gcn",
    ],
    "table6": ["add-gcn/maps=gap-cls", "add-gcn/maps=gmp-cls", "add-gcn"],
    "fig3": ["resnet", "add-gcn/graph=none", "add-gcn/nodes=conv", "add-gcn"],
}


@pytest.mark.parametrize("name", ROWS)
def test_each_matrix_has_the_rows_of_its_table(name: str) -> None:
    matrix = load_matrix(None, {"data": "voc2007"}, name)
    assert [choice.label() for choice in parse_methods(matrix.methods)] == ROWS[name]


def test_every_matrix_is_tested_and_told_in_the_help(tmp_path: Path) -> None:
    assert set(matrix_names()) == {*ROWS, "backbones"}
    text = bench(tmp_path, None, "run", "--help").output
    assert all(name in text for name in matrix_names())


def test_the_command_line_wins_over_the_file_and_the_file_over_the_matrix(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("data: voc2007\nepochs: 3\nseeds: [1, 2]\n", encoding="utf-8")
    matrix = load_matrix(file, {"epochs": 5}, "table6")
    assert (matrix.data, matrix.epochs, matrix.seeds) == (("voc2007",), 5, (1, 2))
    assert list(matrix.methods) == ROWS["table6"]
    assert load_matrix(file, {"methods": "resnet"}, "backbones").methods == ("resnet",)
    file.write_text("data: voc2007\nmethods: salgl\n", encoding="utf-8")
    assert load_matrix(file, {}, "backbones").methods == ("salgl",)


@pytest.mark.parametrize("given", ["methods: resnet", ""])
def test_a_matrix_of_which_nothing_is_left_is_refused(given: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"data: voc2007\n{given}\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"^Nothing is left of the matrix table6, which gives methods alone"):
        load_matrix(file, {} if given else {"methods": "resnet"}, "table6")


def test_an_unknown_matrix_gets_the_nearest_name() -> None:
    with pytest.raises(UserError, match=r"Unknown matrix 'tabel4'. Did you mean 'table4'\? Known: back"):
        load_matrix(None, {"data": "voc2007"}, "tabel4")
    with pytest.raises(UserError, match="'data' is missing"):
        load_matrix(None, {}, "table4")


def test_a_table_is_planned_and_a_row_of_it_that_is_in_another_is_the_same_run(tmp_path: Path) -> None:
    write_voc(tmp_path / "data")

    def runs(name: str) -> set[str]:
        done = bench(tmp_path, tmp_path / "data", "run", "--matrix", name, *TINY, "--dry-run")
        assert done.exit_code == 0, done.output
        return set(re.findall(r"^to run +(\S+):", done.output, re.MULTILINE))

    # A row more than the table has: the label frequency.
    assert {name: len(runs(name)) - 1 for name in ROWS} == {name: len(rows) for name, rows in ROWS.items()}
    shared = runs("table4") & runs("fig3")
    assert sorted(run.rpartition("-s0-")[0] for run in shared) == [
        "voc2007-add-gcn",
        "voc2007-prior",
        "voc2007-resnet",
    ]


@pytest.mark.slow
def test_a_figure_is_run_into_one_table(tmp_path: Path) -> None:
    write_voc(tmp_path / "data", train=8, test=4)
    done = bench(tmp_path, tmp_path / "data", "run", "--matrix", "fig3", *TINY, "--epochs", "1")
    assert done.exit_code == 0, done.output
    assert bench(tmp_path, None, "tables").exit_code == 0
    tables = [path.read_text(encoding="utf-8") for path in (tmp_path / "results" / "tables").rglob("*.md")]
    for title in ("ResNet baseline", "ADD-GCN (graph=none)", "ADD-GCN (nodes=conv)", "ADD-GCN"):
        assert any(f"| {title} " in table for table in tables), title
