"""Tables by name: on the command line and as data frames, and which records are refused in one of them."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bench import table
from bench.cli import main
from bench.errors import UserError
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.records.store import RecordStore
from made_records import CLASSES, SCHEDULE, failed_record, made_cell, made_record, store_made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--protocol", "ssgrll"], "Did you mean 'ssgrl'"),
        (
            ["voc2007-costs"],
            "Unknown table 'voc2007-costs'. Did you mean 'voc2007-cost'? Known: add-gcn-fig3,",
        ),
        (["ad-gcn-table1"], "Did you mean 'add-gcn-table1'?"),
        (["coco2014"], "No finished run on coco2014 under"),
        (
            ["add-gcn-table1", "--protocol", "ssgrl"],
            "has its source's protocol, add-gcn: leave out another one",
        ),
        (["--format", "md,pdf"], "Unknown format 'pdf'."),
    ],
)
def test_a_wrong_name_is_one_sentence_and_writes_nothing(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    store_made(tmp_path, made_cell())
    result = CliRunner().invoke(main, ["tables", *arguments, "--results", str(tmp_path)])
    assert result.exit_code == 2 and message in " ".join(result.output.split())
    assert not (tmp_path / "tables").exists()


def test_named_tables_are_printed_and_written_in_the_formats_asked_for(tmp_path: Path) -> None:
    store_made(tmp_path, made_cell())
    arguments = ["tables", "voc2007-cost", "ssgrl-vg500", "--format", "csv, html", "--results", str(tmp_path)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert [line for line in result.output.splitlines() if line.startswith("# ")] == [
        "# voc2007: Cost",
        "# SSGRL: Visual Genome 500 (%)",
    ]
    names = [f"{name}.{form}" for name in ("ssgrl-vg500", "voc2007-cost") for form in ("csv", "html")]
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == names


def test_the_tables_of_papers_need_no_run(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["tables", "multilabelclassification", "--results", str(tmp_path)])
    assert result.exit_code == 0 and "| SSGRL " in result.output


def test_a_table_as_a_data_frame(tmp_path: Path) -> None:
    store = store_made(tmp_path, made_cell("salgl"), made_cell("resnet", 0), made_cell("resnet", 1))
    numbers = table("voc2007", tmp_path)
    assert list(numbers["method"]) == ["ResNet baseline", "SALGL"] and list(numbers["seeds"]) == [2, 1]
    measured = store.find(made_cell("salgl").run_id()).metrics
    assert measured is not None and numbers.loc[1, "mAP"] == 100 * measured.mAP
    assert numbers.equals(table("voc2007-comparison", tmp_path))
    assert list(table("voc2007-per-class", tmp_path))[2:4] == ["AP:boat", "AP std:boat"]
    scores = store.scores(store.find(made_cell("salgl").run_id()))
    expected = evaluate(scores.logits, scores.labels, PROTOCOLS["ssgrl"]).CF1
    assert table("voc2007", tmp_path, protocol="ssgrl").loc[1, "CF1"] == 100 * expected


@pytest.mark.parametrize(
    ("change", "field", "values"),
    [
        ({"protocol": PROTOCOLS["ssgrl"]}, "protocol ap", ("ap", "ap_voc2012")),
        ({"schedule": SCHEDULE.model_copy(update={"epochs": 9})}, "schedule epochs", ("2", "9")),
        ({"data_fingerprint": "cccc-dddd"}, "data fingerprint", ("aaaa-bbbb", "cccc-dddd")),
        ({"limit_eval": 8}, "limit eval", ("None", "8")),
    ],
    ids=["protocol", "schedule", "test set", "size"],
)
def test_one_frame_of_different_conditions_is_refused_with_the_difference_named(
    change: dict[str, Any], field: str, values: tuple[str, str], tmp_path: Path
) -> None:
    cells = [made_cell("resnet"), made_cell("salgl", **change)]
    store_made(tmp_path, *cells)
    hashes = [cell.conditions() for cell in cells]
    first, second = values if hashes == sorted(hashes) else reversed(values)
    with pytest.raises(UserError) as refused:
        table("voc2007", tmp_path)
    assert f"{min(hashes)} and {max(hashes)} differ in " in str(refused.value)
    assert f"{field} ({first}, {second})" in str(refused.value)
    chosen = table("voc2007", tmp_path, conditions=hashes[1][:6])
    assert list(chosen["method"]) == ["SALGL"]
    with pytest.raises(UserError, match=r"No run on voc2007 was made under the conditions 'zzz'; known: "):
        table("voc2007", tmp_path, conditions="zzz")


def test_records_of_another_order_of_classes_or_size_are_refused_where_the_hash_is_the_same(
    tmp_path: Path,
) -> None:
    store = store_made(tmp_path, made_cell("resnet"))
    store.save(*made_record(made_cell("ssgrl"), tuple(reversed(CLASSES))))
    with pytest.raises(UserError, match=r"differ in order of the classes \(class 1 is \w+, \w+\)\. "):
        table("voc2007", tmp_path)
    store = store_made(tmp_path / "names", made_cell("resnet"))
    store.save(*made_record(made_cell("ssgrl"), ("crow", *CLASSES[1:])))
    with pytest.raises(
        UserError, match=rf"names of the classes \(class 1 is ({CLASSES[0]}, crow|crow, {CLASSES[0]})\)"
    ):
        table("voc2007", tmp_path / "names")
    store = store_made(tmp_path / "sizes", made_cell("resnet"))
    record, scores = made_record(made_cell("ssgrl"))
    fewer = record.data.model_copy(update={"eval_images": 39})
    store.save(record.model_copy(update={"data": fewer}), scores)
    with pytest.raises(UserError, match=r"differ in images evaluated \((39, 40|40, 39)\)\. "):
        table("voc2007", tmp_path / "sizes")


def test_a_data_set_without_a_finished_run_says_so_and_why(tmp_path: Path) -> None:
    RecordStore(tmp_path).save(failed_record(made_cell("salgl"), "the loss is nan"), None)
    for name in ("voc2007", "voc2007-cost"):
        with pytest.raises(UserError, match=r"^No finished run on voc2007 .*: the loss is nan\); "):
            table(name, tmp_path)
