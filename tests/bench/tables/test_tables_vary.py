"""Comparisons whose rows differ in the loss or in the backbone, and in nothing else."""

from pathlib import Path

import pytest

from bench.experiment.loss import ASL
from bench.experiment.tuned import Tuned
from bench_command import bench
from made_records import SCHEDULE, made_cell, store_made

WITH_ASL = SCHEDULE.model_copy(update={"loss": ASL()})
OTHER_BACKBONE = SCHEDULE.model_copy(update={"backbone": "resnet50", "weights": "imagenet1k_v1"})
SEEDS = (0, 1, 2)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """Two methods with two losses, one of them with a second backbone too; what a tune chose; the prior."""
    cells = [
        made_cell(method, seed, schedule=schedule)
        for method in ("resnet", "ml-gcn")
        for schedule in (SCHEDULE, WITH_ASL)
        for seed in SEEDS
    ]
    cells += [made_cell("resnet", seed, schedule=OTHER_BACKBONE, weights_digest="0" * 64) for seed in SEEDS]
    tuned = Tuned(name="a", method="resnet", design="0" * 12, trials=4, fields=("lr",))
    store_made(tmp_path / "results", *cells, made_cell("prior"), made_cell("resnet", tuned=tuned))
    return tmp_path


def sections(folder: Path, *asked: str) -> dict[str, list[list[str]]]:
    """The rows of each section of the comparison on VOC2007, by its heading."""
    done = bench(folder, None, "tables", "voc2007-comparison", *asked)
    assert done.exit_code == 0, done.output
    found = {}
    for part in done.stdout.split("\n## ")[1:]:
        heading, *lines = part.splitlines()
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")]
        found[heading.split(", ")[0]] = rows
    return found


def test_losses_are_compared_within_each_method(stored: Path) -> None:
    found = sections(stored, "--vary", "loss")
    assert set(found) == {"ML-GCN", "ResNet baseline"}
    for rows in found.values():
        head, *lines = rows
        assert head[:2] == ["Loss", "Seeds"]
        assert [line[0] for line in lines] == [str(ASL()), "bce"] and {line[1] for line in lines} == {"3"}
        assert all("±" in line[2] and "[" in line[2] for line in lines)


@pytest.mark.parametrize("vary", ["loss", "backbone"])
def test_sections_say_that_the_method_is_what_they_differ_in(vary: str, stored: Path) -> None:
    other = [made_cell("ml-gcn", seed, schedule=OTHER_BACKBONE, weights_digest="0" * 64) for seed in SEEDS]
    store_made(stored / "results", *other)
    printed = bench(stored, None, "tables", "voc2007-comparison", "--vary", vary).stdout
    said = [line.partition("differs in: ")[2] for line in printed.splitlines() if "differs in: " in line]
    assert set(said) <= {"method (ml-gcn, resnet)", "method (resnet, ml-gcn)"} and len(said) == 1, printed


def test_backbones_are_compared_where_nothing_else_differs(stored: Path) -> None:
    found = sections(stored, "--vary", "backbone")
    # The file of one group is the whole text: it has one section, which needs no heading of conditions.
    (rows,) = found.values()
    assert rows[0][0] == "Backbone"
    assert [row[0] for row in rows[1:]] == [
        "resnet18 from none weights",
        "resnet50 from imagenet1k_v1 weights",
    ]
    printed = bench(stored, None, "tables", "voc2007-comparison", "--vary", "backbone").stdout
    assert "the backbone of each row at 64 px" in printed and "hashes equal" not in printed


def test_the_files_say_what_varies_and_stand_beside_the_others(stored: Path) -> None:
    assert bench(stored, None, "tables").exit_code == 0
    done = bench(stored, None, "tables", "--vary", "loss")
    assert done.exit_code == 0, done.output
    written = {path.name for path in (stored / "results" / "tables").iterdir()}
    assert {"voc2007-comparison.md", "voc2007-comparison-by-loss.md", "index-by-loss.md"} <= written
    assert not {"context-by-loss.md", "beyond-by-loss.md"} & written
    assert "all losses saw the same pixels" in done.stdout


@pytest.mark.parametrize(("vary", "said"), [("loss", "--set loss=asl"), ("backbone", "--backbone NAME")])
def test_without_two_rows_it_is_said_what_makes_them(vary: str, said: str, tmp_path: Path) -> None:
    store_made(tmp_path / "results", made_cell("resnet"), made_cell("ml-gcn"))
    done = bench(tmp_path, None, "tables", "--vary", vary)
    assert done.exit_code == 2
    assert f"differ in the {vary} alone" in done.output and said in done.output


def test_another_thing_cannot_vary(tmp_path: Path) -> None:
    done = bench(tmp_path, None, "tables", "--vary", "seed")
    assert done.exit_code == 2 and "'seed'" in done.output


def test_two_files_of_weights_with_one_name_are_two_rows(stored: Path) -> None:
    file = SCHEDULE.model_copy(update={"weights": "checkpoint.pth"})
    for digest in ("a" * 64, "b" * 64):
        cells = [made_cell("resnet", seed, schedule=file, weights_digest=digest) for seed in SEEDS]
        store_made(stored / "results", *cells)
    _, *lines = sections(stored, "--vary", "backbone")["ResNet baseline"]
    assert [line[:2] for line in lines] == [
        ["resnet18 from checkpoint.pth weights, aaaaaaaaaaaa", "3"],
        ["resnet18 from checkpoint.pth weights, bbbbbbbbbbbb", "3"],
        ["resnet18 from none weights", "3"],
        ["resnet50 from imagenet1k_v1 weights", "3"],
    ]
