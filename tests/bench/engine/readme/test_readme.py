"""The model card: metadata that a hub's library reads, the numbers of the record, what is not known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard as HubCard

from bench.engine.models.model_file import ModelCard
from bench.engine.readme.file import card_text, readme_path, stated_licence, write_beside
from bench.engine.readme.page import readme
from bench.engine.readme.subject import Described, measured
from bench.metrics.uncertainty import SHARE, estimate
from bench.records.intervals import metrics_of, sample_of
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.settings import KEPT
from made_records import made_cell, made_record
from small_models import small_model, write_small

NAMES = ("<b>bold</b>", "a|b", "snow *and* ice", "back`tick", "[link](x)", "_under_", "tür & tor")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecordStore:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return RecordStore(tmp_path / "results")


@pytest.fixture(scope="module")
def header() -> ModelCard:
    return small_model("resnet").card


def stored(store: RecordStore, classes: tuple[str, ...], **changes: Any) -> Record:
    return store.save(*made_record(made_cell("ml-gcn", 3, **changes), classes))


def sentences(header: ModelCard, record: Record | None) -> str:
    return readme(Described(header, record)).partition("## Limits")[2]


def test_its_metadata_is_read_by_the_library_of_the_hub(store: RecordStore, header: ModelCard) -> None:
    record = stored(store, header.classes)
    text = readme(Described(header, record, measured(store, record), licence="mit"))
    data = HubCard(text).data
    assert (data.license, data.library_name, data.pipeline_tag) == (
        "mit",
        "mlr-bench",
        "image-classification",
    )
    assert data.datasets == ["voc2007"] and {"multi-label-classification", "resnet"} <= set(data.tags)
    assert data.model_name == record.run_id and record.metrics is not None
    found = {one.metric_type: one.metric_value for one in data.eval_results}
    assert found == {
        name: pytest.approx(100 * record.metrics.value(name), abs=0.006) for name in ("mAP", "CF1", "OF1")
    }
    assert {(one.dataset_type, one.dataset_split) for one in data.eval_results} == {("voc2007", "test")}


def test_scores_stand_with_their_intervals_and_the_same_bytes_come_out_again(
    store: RecordStore, header: ModelCard
) -> None:
    record = stored(store, header.classes)
    text = readme(Described(header, record, measured(store, record)))
    sample = sample_of(store, record, record.cell.protocol)
    for name, one in zip(("mAP", "CF1", "OF1"), estimate(metrics_of([sample])).intervals(SHARE), strict=True):
        assert f"| {name} | {100 * one.value:.2f} | {100 * one.low:.2f} to {100 * one.high:.2f} |" in text
    assert record.metrics is not None
    labels = store.scores(record).labels
    for number, name in enumerate(header.classes):
        ap = record.metrics.per_class_ap[number]
        assert ap is not None
        assert f"| {name} | {100 * ap:.2f} | {np.sum(labels[:, number] == 1)} |" in text
    assert "of seed 3. What other seeds give cannot be told from it" in text
    assert readme(Described(header, record, measured(store, record))) == text


def test_names_with_markup_stay_names(store: RecordStore, header: ModelCard) -> None:
    record = stored(store, NAMES)
    changed = header.model_copy(update={"classes": NAMES})
    text = readme(Described(changed, record, measured(store, record)))
    table = [line for line in text.splitlines() if line.startswith("| ")]
    for shown in (
        "&lt;b&gt;bold&lt;/b&gt;",
        r"a\|b",
        r"snow \*and\* ice",
        r"back\`tick",
        r"\[link\](x)",
        r"\_under\_",
        "tür &amp; tor",
    ):
        assert any(line.startswith(f"| {shown} |") for line in table), shown
    assert "<b>" not in text


def test_what_is_not_known_is_said(store: RecordStore, header: ModelCard) -> None:
    plain = sentences(header, stored(store, header.classes))
    assert "Nobody has stated a licence" in plain and "validation split" not in plain
    chosen = made_cell().schedule.model_copy(update={"select": "best", "select_on": "test"})
    assert "chosen on the images that it was measured on" in sentences(
        header, stored(store, header.classes, schedule=chosen)
    )
    validated = sentences(header, stored(store, header.classes, split="validation"))
    assert "nothing is known of it on test images" in validated
    assert "Only a part of the data set" in sentences(header, stored(store, header.classes, limit_eval=5))
    record = stored(store, header.classes)
    few = readme(Described(header, record, measured(store, record)))
    assert "have fewer than 10 positive test images" in few


def test_a_model_without_a_record_says_so(header: ModelCard) -> None:
    text = readme(Described(header))
    assert "None were measured" in text and "no record of its training is here" in text
    assert "model-index" not in text and HubCard(text).data.license == "unknown"


def test_labels_that_a_server_holds_are_not_measured(store: RecordStore, header: ModelCard) -> None:
    record = stored(store, header.classes)
    held = record.model_copy(update={"metrics": None})
    text = readme(Described(header, held, measured(store, held)))
    assert "are held by a server" in text and HubCard(text).data.eval_results is None


def test_notes_below_the_line_stay_and_a_card_without_it_is_left_alone(
    store: RecordStore, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    made = write_small(folder / "model.safetensors", "resnet")
    record = stored(store, made.card.classes)
    write_beside(folder, record, store)
    path = readme_path(folder / "model.safetensors")
    first = path.read_text()
    assert path == folder / "README.md" and first.rstrip().endswith(KEPT)
    path.write_text(first.replace("license: unknown", "license: mit") + "My own note.\n")
    assert stated_licence(path) == "mit"
    write_beside(folder, record, store)
    assert path.read_text() == first + "My own note.\n"
    write_beside(folder, record, store)
    assert path.read_text() == first + "My own note.\n", "notes move with every writing"
    path.write_text("# All mine\n")
    write_beside(folder, record, store)
    assert path.read_text() == "# All mine\n" and card_text(path, Described(made.card)) is None
    for odd in ("", "---\n[1\n---\n", "---\n- 1\n---\n", "---\nlicense: [1]\n---\n"):
        path.write_text(odd)
        assert stated_licence(path) == "unknown"
