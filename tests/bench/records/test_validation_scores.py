"""Which stored scores thresholds of a run may be fitted on, and what is kept of them beside its record."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import UserError
from bench.experiment.cell import CellSpec
from bench.experiment.tuned import Tuned
from bench.metrics.calibration import fit_temperature
from bench.metrics.operating_point import NEVER
from bench.metrics.precision_recall import precision_recall_of
from bench.metrics.thresholds import Target, fit_thresholds
from bench.records.record import Record
from bench.records.store import Damaged, RecordStore, Scores
from bench.records.thresholds import THRESHOLDS, fit, save_thresholds, thresholds_of
from bench.records.validation_scores import ValidationScores, scores_of_named, stored_scores
from bench_command import bench
from made_records import CLASSES, SCHEDULE, failed_record, made_cell, made_record

TUNED = Tuned(name="mine", method="resnet", design="d", trials=4, fields=("lr",))


def stored(store: RecordStore, cell: CellSpec, **sizes: int) -> Record:
    """A record of a cell, with these numbers of images and labels."""
    record, scores = made_record(cell)
    return store.save(record.model_copy(update={"data": record.data.model_copy(update=sizes)}), scores)


def on_validation(method: str = "resnet", seed: int = 0, **changes: Any) -> CellSpec:
    return made_cell(method, seed, split="validation", data_fingerprint="cccc-dddd", **changes)


def whole() -> dict[str, int]:
    """How much the two parts of a run on the validation split hold together."""
    data = made_record(on_validation())[0].data
    return {
        f"train_{name}": getattr(data, f"train_{name}") + getattr(data, f"eval_{name}")
        for name in ("images", "labels", "difficult")
    }


def on_test(store: RecordStore, cell: CellSpec | None = None) -> Record:
    """A run that was trained on the two parts of a run on the validation split together."""
    return stored(store, cell or made_cell(), **whole())


def source(found: ValidationScores | None) -> str | None:
    return found and found.source.removeprefix("validation scores of ")


def test_the_same_run_on_the_validation_split_is_found_among_others(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    record = on_test(store)
    for other in (
        on_validation("salgl"),
        on_validation("resnet/pool=max"),
        on_validation(seed=1),
        on_validation(schedule=SCHEDULE.model_copy(update={"epochs": 3})),
        on_validation(data="voc2012"),
        on_validation(limit_train=7),
        on_validation(vectors="a file:abc"),
        on_validation(tuned=TUNED.model_copy(update={"fields": ("epochs",)}), seed=3),
    ):
        stored(store, other)
    (store.folder / "damaged").mkdir()
    store.save(failed_record(on_validation(weights_digest="w")), None)
    assert stored_scores(record, [store]) is None
    same = stored(store, on_validation())
    found = stored_scores(record, [store])
    assert found and source(found) == same.run_id
    np.testing.assert_array_equal(found.logits, store.scores(same).logits)
    own = stored_scores(same, [store])
    assert source(own) == same.run_id, "a run on the validation split has its own"


def test_the_same_run_on_other_data_is_not(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    record = stored(store, made_cell(), train_images=99)
    other = stored(store, on_validation())
    assert stored_scores(record, [store]) is None
    with pytest.raises(UserError, match=r"it differs from .* in: images or labels of the data"):
        scores_of_named(record, store, other.run_id)
    # Where an epoch was chosen on the validation split its hash tells.
    chosen = stored(store, made_cell(data_fingerprint="cccc-eeee-ffff"), chosen_on_images=40)
    assert stored_scores(chosen, [store]) is None
    chosen = stored(store, made_cell(data_fingerprint="cccc-eeee-dddd"), chosen_on_images=40)
    assert source(stored_scores(chosen, [store])) == other.run_id
    # With a part of the training images there is nothing to add up.
    few = stored(store, made_cell(limit_train=9))
    of_few = stored(store, on_validation(limit_train=9))
    assert source(stored_scores(few, [store])) == of_few.run_id


def test_what_a_tune_chose_has_been_a_trial(tmp_path: Path) -> None:
    store, trials = RecordStore(tmp_path), RecordStore(tmp_path / "tunes" / "mine")
    record = on_test(store, made_cell(tuned=TUNED))
    trial = stored(trials, on_validation())
    assert stored_scores(record, [store]) is None
    assert source(stored_scores(record, [store, trials])) == trial.run_id
    done = bench(tmp_path, None, "thresholds", record.run_id, "--results", str(tmp_path))
    assert done.exit_code == 0 and f"validation scores of {trial.run_id}" in done.output


def test_a_named_run_may_have_another_seed_and_nothing_else(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    record = on_test(store)
    other = stored(store, on_validation(seed=5))
    assert source(scores_of_named(record, store, other.run_id)) == other.run_id
    test = stored(store, made_cell(seed=6))
    with pytest.raises(UserError, match="is a run on the test split, on which nothing is fitted"):
        scores_of_named(record, store, test.run_id)
    for cell, said in (
        (on_validation("salgl"), r"method \(resnet, salgl\)"),
        (on_validation(data="coco2014"), r"data \(voc2007, coco2014\)"),
        (on_validation(schedule=SCHEDULE.model_copy(update={"lr": 1.0})), r"schedule lr \(0.001, 1.0\)"),
    ):
        with pytest.raises(UserError, match=f"differs from {record.run_id} in: {said}"):
            scores_of_named(record, store, stored(store, cell).run_id)
    part, scores = made_record(on_validation(seed=8), (*CLASSES[1:], "cat"))
    store.save(part, scores)
    with pytest.raises(UserError, match="names of the classes"):
        scores_of_named(record, store, part.run_id)
    failed = failed_record(on_validation(seed=9))
    store.save(failed, None)
    with pytest.raises(UserError, match="did not finish"):
        scores_of_named(record, store, failed.run_id)


def test_what_is_fitted_is_fitted_on_validation_scores_alone(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    record, own = made_record(made_cell())
    _, other = made_record(on_validation(data="else"))
    validation = ValidationScores(other.logits, other.labels, "validation scores of another")
    kept = fit(record, own, validation, Target("OF1"), "class")
    limits = fit_thresholds(other.logits, other.labels, Target("OF1"), record.cell.protocol)
    point = kept.point
    assert point.temperature == fit_temperature(other.logits, other.labels)
    np.testing.assert_array_equal(point.predicted(own.logits), own.logits >= limits.per_class)
    assert kept.calibrated
    assert (point.target, point.source, point.images) == ("OF1", "validation scores of another", 40)
    # Other test scores change what is measured, and nothing that is fitted.
    turned = fit(record, Scores(own.ids, -own.logits, own.labels), validation, Target("OF1"), "class")
    assert turned.point == point and turned.measured != kept.measured
    assert kept.measured and record.metrics
    assert kept.measured.fixed.OF1 == record.metrics.OF1 and kept.measured.fixed.CP == record.metrics.CP
    per_class = precision_recall_of(own.logits >= limits.per_class, own.labels, record.cell.protocol)
    overall = precision_recall_of(own.logits >= limits.overall, own.labels, record.cell.protocol)
    assert kept.measured.per_class.model_dump() == per_class._asdict()
    assert kept.measured.overall.model_dump() == overall._asdict()
    saved = store.save(record, own)
    assert thresholds_of(store, saved) is None
    save_thresholds(store, saved, kept)
    assert thresholds_of(store, saved) == kept and store.load(saved.run_id) == saved
    store.save(record, own)
    assert thresholds_of(store, saved) is None, "those of a run go with it"


def test_classes_without_a_threshold_of_their_own_are_named(tmp_path: Path) -> None:
    record, own = made_record(made_cell())
    labels = own.labels.copy()
    labels[:, 0] = -1  # boat
    logits = own.logits.copy()
    logits[:, 1] = np.where(labels[:, 1] == 1, -5, 5)  # dog
    found = fit(record, own, ValidationScores(logits, labels, "made up"), Target("precision", 0.8))
    assert (found.without_positives, found.unreached) == (("boat",), ("dog",))
    sure = ValidationScores(own.labels.astype(np.float32), own.labels, "made up")
    never_wrong = fit(record, own, sure, Target("CF1"))
    assert never_wrong.point.temperature == 1 and not never_wrong.calibrated
    assert found.point.per_class[:2] == (found.point.overall, NEVER)
    with pytest.raises(UserError, match="on the made up: no class has a positive"):
        fit(record, own, ValidationScores(logits, np.full_like(labels, -1), "made up"), Target("CF1"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is damaged"),
        (b'{"point": 3}', "'created' is missing"),
        (b"[" * 100_000, "is damaged"),
        (None, "is of other classes than the run"),
    ],
)
def test_a_damaged_file_is_reported_and_the_record_stays_good(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    store = RecordStore(tmp_path)
    record, own = made_record(made_cell())
    saved = store.save(record, own)
    validation = ValidationScores(own.logits, own.labels, "made up")
    if content is None:
        data = record.data.model_copy(update={"classes": ("a", "b", "c")})
        kept = fit(record.model_copy(update={"data": data}), own, validation, Target("CF1"))
        save_thresholds(store, saved, kept)
    else:
        (store.folder / saved.run_id / THRESHOLDS).write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        thresholds_of(store, saved)
    assert len(str(error.value)) < 600 and THRESHOLDS in str(error.value)
    assert not isinstance(store.load(saved.run_id), Damaged)
    shown = bench(tmp_path, None, "show", saved.run_id, "--results", str(tmp_path))
    assert shown.exit_code == 2 and said in shown.output


def test_nothing_is_measured_where_a_server_holds_the_labels(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "results")
    record, own = made_record(made_cell())
    hidden = Scores(own.ids, own.logits, np.zeros_like(own.labels))
    stored(store, on_validation())
    data = record.data.model_copy(update={"eval_labels": 0, **whole()})
    unmeasured = {"metrics": None, "history": (), "selected_epoch": None}
    store.save(record.model_copy(update={"data": data, **unmeasured}), hidden)
    done = bench(tmp_path, None, "thresholds", record.run_id, "--plot", "a.png")
    assert done.exit_code == 2 and "--plot has nothing to draw" in done.output
    done = bench(tmp_path, None, "thresholds", record.run_id, "--per-class")
    assert done.exit_code == 0, done.output
    assert "held by a server" in done.output and "fitted on 40 images" in done.output
    assert "thresholds for CF1" in bench(tmp_path, None, "show", record.run_id).output
