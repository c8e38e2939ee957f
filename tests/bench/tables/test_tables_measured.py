"""What is measured here in the tables of papers: runs on the whole data set, and no others."""

import math
from pathlib import Path
from typing import Any

import pytest

from bench import table
from bench.datasets.catalog import DATASETS
from bench.experiment.start import InitFrom
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.records.store import RECORD, SCORES
from bench.tables.papers.literals import PAPER_TABLES
from bench.tables.papers.rows import MEASURED
from full_records import full_record, scored_record
from made_records import ENVIRONMENT, SCHEDULE, made_cell, made_record, store_made
from paper_tables import of, rows_of, stored, text_of

R101 = SCHEDULE.model_copy(update={"backbone": "resnet101", "weights": "imagenet1k_v1", "image_size": 448})


def test_runs_on_the_whole_data_set_stand_beside_the_published_rows(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"schedule": R101, "protocol": PROTOCOLS["add-gcn"]}
    runs = [
        full_record(made_cell("add-gcn", seed, **settings), ap) for seed, ap in enumerate((0.95, 0.96, 0.97))
    ]
    baseline = full_record(made_cell("resnet", **settings), 0.9)
    stored(tmp_path, *runs, baseline)
    measured = of(table("add-gcn-table2", tmp_path), MEASURED)
    assert list(measured["method"]) == ["resnet", "add-gcn"] and list(measured["seeds"]) == ["1", "3"]
    row = measured.iloc[1]
    assert row["mAP"] == pytest.approx(96) and row["mAP std"] == pytest.approx(1)
    assert row["aero"] == pytest.approx(96) and row["Δ mAP"] == pytest.approx(0, abs=1e-9)
    assert measured.loc[0, "Δ mAP"] == pytest.approx(90 - 90.8)
    assert (row["test_images"], row["weights"], row["backbone"]) == ("4952", "imagenet1k_v1", "resnet101")
    cells = rows_of(text_of("add-gcn-table2", tmp_path))["ADD-GCN"]
    assert cells[0] == (
        "resnet101, 448 px, weights imagenet1k_v1, schedule made, 2 epochs, last reported, 3 seeds, N = 4952"
    )
    assert cells[1] == "96.0 ± 1.0" and cells[-1] == "+0.0"
    assert "measured here: no run" not in text_of("add-gcn-table2", tmp_path)


def test_runs_are_measured_under_the_protocol_of_the_source(tmp_path: Path) -> None:
    record, scores = scored_record(made_cell("ssgrl"))
    stored(tmp_path, (record, scores))
    expected = evaluate(scores.logits, scores.labels, PROTOCOLS["ssgrl"])
    assert record.metrics is not None and expected.mAP != record.metrics.mAP
    measured = of(table("ssgrl-voc2007", tmp_path), MEASURED)
    assert measured.loc[0, "mAP"] == pytest.approx(100 * expected.mAP)
    assert "of the rows measured here: ssgrl — " in text_of("ssgrl-voc2007", tmp_path)


def test_a_run_measured_under_two_protocols_is_one_run(tmp_path: Path) -> None:
    first, scores = scored_record(made_cell("ssgrl"))
    second, _ = scored_record(made_cell("ssgrl", protocol=PROTOCOLS["salgl"]))
    stored(tmp_path, (first, scores), (second, scores))
    measured = of(table("ssgrl-voc2007", tmp_path), MEASURED)
    assert list(measured["seeds"]) == ["1"]


def with_sizes(method: str = "salgl", **sizes: Any) -> tuple[Any, Any]:
    return full_record(made_cell(method, protocol=PROTOCOLS["salgl"]), **sizes)


REVERSED = tuple(reversed(DATASETS["voc2007"].classes))
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "fewer test images": ({"eval_images": 4000}, "4000 of 4952 test images"),
    "fewer training images": ({"train_images": 200}, "200 of 5011 training images"),
    "other labels": (
        {"eval_difficult": 0, "eval_labels": 7632},
        "7632 of 7013 positive test labels; 0 of 619 ",
    ),
    "class order": ({"classes": REVERSED}, "its classes are not those of voc2007, in that order"),
}


@pytest.mark.parametrize(("sizes", "reason"), REFUSED.values(), ids=list(REFUSED))
def test_a_run_on_something_else_is_refused_with_the_difference_named(
    sizes: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    record, scores = with_sizes(**sizes)
    stored(tmp_path, (record, scores))
    assert of(table("salgl-voc2007", tmp_path), MEASURED).empty
    text = text_of("salgl-voc2007", tmp_path)
    assert f"*left out: {record.run_id}: {reason}" in text
    assert "*measured here: no run on the whole of voc2007 is stored*" in text


def test_limited_runs_never_enter_the_table_of_a_paper(tmp_path: Path) -> None:
    store_made(tmp_path, made_cell("resnet"), made_cell("salgl", limit_eval=40), made_cell(data="scenes"))
    for name in PAPER_TABLES:
        assert of(table(name, tmp_path), MEASURED).empty
    text = text_of("salgl-voc2007", tmp_path)
    assert text.count("*left out: voc2007-") == 2 and text.count("40 of 4952 test images") == 2
    assert "scenes" not in text


@pytest.mark.parametrize(
    ("name", "data"),
    [("add-gcn-table1", "coco2014-all"), ("ssgrl-coco", "coco2014"), ("add-gcn-table3", "voc2012")],
)
def test_another_split_is_refused_by_name(name: str, data: str, tmp_path: Path) -> None:
    record, scores = full_record(made_cell("ssgrl", data=data))
    stored(tmp_path, (record, scores))
    assert of(table(name, tmp_path), MEASURED).empty
    (wanted,) = PAPER_TABLES[name].data()
    assert f"*left out: {record.run_id}: {data} is another split than {wanted}*" in text_of(name, tmp_path)


def test_scores_that_cannot_be_measured_under_the_protocol_are_refused(tmp_path: Path) -> None:
    changed, scores = scored_record(made_cell("ssgrl"))
    store = stored(tmp_path, (changed, scores), full_record(made_cell("ssgrl", 1)))
    other, _ = made_record(made_cell("ssgrl", 2))
    store.save(other, made_record(other.cell)[1])
    (store.folder / changed.run_id / SCORES).write_bytes((store.folder / other.run_id / SCORES).read_bytes())
    text = text_of("ssgrl-voc2007", tmp_path)
    assert "are not those that the record was written with" in text
    assert "its scores are of 40 images, not of 4952" in text
    assert of(table("ssgrl-voc2007", tmp_path), MEASURED).empty


def test_a_damaged_record_is_listed(tmp_path: Path) -> None:
    store = stored(tmp_path, with_sizes(), with_sizes("ssgrl"))
    damaged = next(run.run_id for run in store.all() if "ssgrl" in run.run_id)
    (store.folder / damaged / RECORD).write_text("{")
    assert list(of(table("salgl-voc2007", tmp_path), MEASURED)["method"]) == ["salgl"]
    assert f"*left out, damaged: {damaged}: " in text_of("salgl-voc2007", tmp_path)


def test_runs_on_another_copy_of_the_test_set_are_refused(tmp_path: Path) -> None:
    protocol = PROTOCOLS["salgl"]
    cells = [made_cell("salgl", seed, protocol=protocol) for seed in (0, 1)]
    other = made_cell("ssgrl", protocol=protocol, data_fingerprint="aaaa-cccc")
    stored(tmp_path, *map(full_record, (*cells, other)))
    measured = of(table("salgl-voc2007", tmp_path), MEASURED)
    assert list(measured["method"]) == ["salgl"] and list(measured["seeds"]) == ["2"]
    copies = "(hash aaaa-cccc, theirs aaaa-bbbb)"
    line = f"left out: {other.run_id()}: its images or labels are not the others' {copies}"
    assert line in text_of("salgl-voc2007", tmp_path)


def test_schedules_are_rows_of_their_own(tmp_path: Path) -> None:
    protocol = PROTOCOLS["salgl"]
    longer: dict[str, Any] = {"schedule": SCHEDULE.model_copy(update={"epochs": 9}), "schedule_name": "long"}
    cells = [made_cell("salgl", protocol=protocol), made_cell("salgl", protocol=protocol, **longer)]
    stored(tmp_path, *map(full_record, cells))
    measured = of(table("salgl-voc2007", tmp_path), MEASURED)
    assert sorted(measured["schedule"]) == ["long, 9 epochs, last reported", "made, 2 epochs, last reported"]


def test_a_run_from_another_model_says_so(tmp_path: Path) -> None:
    start = InitFrom(file="coco.safetensors", sha256="ab" * 32, method="add-gcn", parts="all", classes=17)
    cells = [
        made_cell("add-gcn", protocol=PROTOCOLS["add-gcn"], init_from=init, schedule=R101)
        for init in (start, None)
    ]
    stored(tmp_path, *map(full_record, cells))
    measured = of(table("add-gcn-table2", tmp_path), MEASURED)
    assert set(measured["weights"]) == {start.describe(), "imagenet1k_v1"}


def test_one_row_over_two_data_sets_and_dashes_where_one_is_missing(tmp_path: Path) -> None:
    protocol = PROTOCOLS["add-gcn"]
    both = [
        made_cell("add-gcn/graph=static", data=data, protocol=protocol) for data in ("coco2014", "voc2007")
    ]
    alone = made_cell("add-gcn", protocol=protocol)
    stored(tmp_path, *(full_record(cell, 0.8) for cell in (*both, alone)))
    measured = of(table("add-gcn-table4", tmp_path), MEASURED)
    assert list(measured["method"]) == ["add-gcn/graph=static", "add-gcn"]
    assert list(measured["test_images"]) == ["40137; 4952", "4952"]
    assert measured.loc[0, "MS-COCO mAP"] == pytest.approx(80)
    assert measured.loc[0, "MS-COCO Δ mAP"] == pytest.approx(80 - 82.9)
    assert math.isnan(measured.loc[1, "MS-COCO mAP"]) and math.isnan(measured.loc[1, "MS-COCO Δ mAP"])
    cells = rows_of(text_of("add-gcn-table4", tmp_path))["ADD-GCN"]
    assert cells[1:] == ["–", "–", "–", "80.0", "25.0", "25.0", "–", "−16.0"]


def test_a_seed_that_lacks_a_value_leaves_a_dash(tmp_path: Path) -> None:
    protocol = PROTOCOLS["salgl"]
    whole = full_record(made_cell("salgl", 0, protocol=protocol))
    record, scores = full_record(made_cell("salgl", 1, protocol=protocol))
    assert record.metrics is not None
    lacking = {"per_class_ap": (None, *record.metrics.per_class_ap[1:]), "classes_without_positives": (0,)}
    part = record.model_copy(update={"metrics": record.metrics.model_copy(update=lacking)})
    stored(tmp_path, whole, (part, scores))
    measured = of(table("salgl-voc2007", tmp_path), MEASURED).iloc[0]
    assert math.isnan(measured["aero"]) and measured["bike"] == pytest.approx(50)
    assert rows_of(text_of("salgl-voc2007", tmp_path))["SALGL"][1:3] == ["–", "50.0 ± 0.0"]


@pytest.mark.parametrize(
    ("changes", "published"),
    [
        ({}, 85.8),  # resnet101 at 448
        ({"eval_image_size": 576}, 87.3),
        ({"backbone": "vit_large_patch16_224"}, 85.8),  # none is alike, so ResNet-101 at this size
        ({"image_size": 576}, 87.3),
    ],
)
def test_the_difference_is_to_the_row_made_most_alike(
    changes: dict[str, Any], published: float, tmp_path: Path
) -> None:
    schedule = R101.model_copy(update=changes)
    cell = made_cell("salgl", data="coco2014", protocol=PROTOCOLS["salgl"], schedule=schedule)
    stored(tmp_path, full_record(cell, 0.86))
    measured = of(table("salgl-coco", tmp_path), MEASURED)
    assert measured.loc[0, "Δ mAP"] == pytest.approx(86 - published)


def test_seeds_of_a_row_that_were_not_computed_alike_are_told_of(tmp_path: Path) -> None:
    gpu = ENVIRONMENT.model_copy(update={"device_name": "a GPU"})
    (first, scores), (second, others) = (
        scored_record(made_cell("ssgrl", seed, schedule=R101, protocol=PROTOCOLS["bench"])) for seed in (0, 1)
    )
    stored(tmp_path, (first, scores), (second.model_copy(update={"environment": gpu}), others))
    said = "SSGRL: NOTE: these runs were not computed alike (device: a CPU in 1 runs, a GPU in 1 runs)"
    assert said in text_of("ssgrl-voc2007", tmp_path) and said in text_of("beyond", tmp_path)
