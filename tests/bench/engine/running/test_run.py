"""The main job, end to end, on a small tree."""

import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from bench.methods.catalog import ALL
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.tables.beyond import BEYOND
from bench.tables.context import CONTEXT
from bench.tables.known import KNOWN
from bench.tables.papers.literals import PAPER_TABLES
from bench_command import SALGL, TINY, bench
from trees import write_voc

pytestmark = pytest.mark.slow


def finished(folder: Path) -> dict[str, Record]:
    records = [record for record in RecordStore(folder / "results").all() if isinstance(record, Record)]
    assert all(record.status == "finished" for record in records)
    return {record.cell.method.label(): record for record in records}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    write_voc(root, train=20, test=8)
    return root


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A folder in which the whole matrix was run once."""
    folder = tmp_path_factory.mktemp("matrix")
    done = bench(folder, data, "run", "--methods", "all", "--epochs", "2", *TINY)
    assert done.exit_code == 0, done.output
    return folder


def test_every_method_and_the_prior_come_out_with_all_that_a_record_holds(matrix: Path) -> None:
    records = finished(matrix)
    assert set(records) == {"prior", *ALL}
    for name, record in records.items():
        assert record.metrics is not None and record.metrics.num_images == 8
        assert record.data.train_images == 20 and len(record.data.classes) == 20
        if name == "prior":
            continue
        assert [epoch.epoch for epoch in record.history] == [0, 1]
        assert record.cost is not None and record.cost.parameters > record.cost.head_parameters > 0
        assert record.cost.flops > 1e6 and record.cost.peak_memory_bytes > 2**26
        assert record.cost.train_images_per_second > 0 and record.cost.eval_images_per_second > 0
        assert record.environment.device == "cpu" and "torch" in record.environment.versions


def test_all_methods_are_fed_alike_and_start_from_the_same_backbone(matrix: Path) -> None:
    trained = [record for record in finished(matrix).values() if record.history]
    assert len({tuple(epoch.feed for epoch in record.history) for record in trained}) == 1
    assert len({record.backbone_digest for record in trained}) == 1
    assert len({epoch.feed for epoch in trained[0].history}) == 2, "augmentation must differ between epochs"


def test_the_stored_scores_and_weights_are_those_of_the_record(matrix: Path) -> None:
    from bench.metrics.evaluate import evaluate

    store = RecordStore(matrix / "results")
    for record in finished(matrix).values():
        scores = store.scores(record)
        assert evaluate(scores.logits, scores.labels, record.cell.protocol) == record.metrics
        if record.history:
            weights = load_file(matrix / "work" / "runs" / record.run_id / "model.safetensors")
            assert sum(name.startswith("backbone.") for name in weights) > 10


def test_a_finished_matrix_trains_nothing_and_overwrite_always_gives_the_same_result(
    matrix: Path, data: Path
) -> None:
    before = finished(matrix)["salgl"]
    again = bench(matrix, data, "run", "--methods", "all", "--epochs", "2", *TINY)
    count = len(ALL) + 1  # and the prior
    assert f"0 of {count} runs done now, {count} have a result" in again.stdout
    forced = bench(matrix, data, "run", "--methods", "salgl", "--epochs", "2", "--overwrite", "always", *TINY)
    assert "2 of 2 runs done now" in forced.stdout
    after = finished(matrix)["salgl"]
    assert after.created >= before.created and after.metrics == before.metrics
    assert after.scores_sha256 == before.scores_sha256


def test_the_number_of_workers_changes_nothing(matrix: Path, data: Path, tmp_path: Path) -> None:
    # SALGL has dropout, which draws from the global generator, as a loader with workers would.
    done = bench(tmp_path, data, "run", "--methods", "salgl", "--epochs", "2", "--workers", "2", *TINY)
    assert done.exit_code == 0, done.output
    mine, theirs = finished(tmp_path)["salgl"], finished(matrix)["salgl"]
    assert mine.run_id == theirs.run_id
    assert [epoch.feed for epoch in mine.history] == [epoch.feed for epoch in theirs.history]
    assert mine.scores_sha256 == theirs.scores_sha256


def test_tables_come_from_the_records_alone_with_the_same_bytes_twice(matrix: Path, tmp_path: Path) -> None:
    outputs = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        done = bench(tmp_path, None, "tables", "--results", str(matrix / "results"), "--out", str(folder))
        assert done.exit_code == 0, done.output
        assert "saw the same pixels in the same order" in done.stdout
        outputs.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert outputs[0] == outputs[1]
    own = [f"voc2007-{kind}" for kind in ("comparison", "per-class", "cost")]
    ends = ("md", "csv", "tex", "html")
    tables = {f"{name}.{end}" for name in (*own, CONTEXT, BEYOND, KNOWN, *PAPER_TABLES) for end in ends}
    assert tables | {"index.md"} == set(outputs[0])
    for title in ("Label frequency", "ResNet baseline (pool=max)", "ML-GCN", "SSGRL", "ADD-GCN", "SALGL"):
        assert title in outputs[0]["voc2007-comparison.md"].decode()


def test_seeds_give_other_batches_and_a_standard_deviation(data: Path, tmp_path: Path) -> None:
    done = bench(tmp_path, data, "run", "--methods", "resnet", "--seeds", "0,1", "--epochs", "1", *TINY)
    assert done.exit_code == 0, done.output
    first, second = (
        r for r in RecordStore(tmp_path / "results").all() if isinstance(r, Record) and r.history
    )
    assert first.history[0].feed != second.history[0].feed
    assert first.backbone_digest != second.backbone_digest
    assert " ± " in bench(tmp_path, data, "tables").stdout


def test_a_dry_run_tells_the_steps_and_writes_no_record(data: Path, tmp_path: Path) -> None:
    done = bench(tmp_path, data, "run", "--methods", "all", "--epochs", "3", "--dry-run", *TINY)
    count = len(ALL)
    said = f"{count + 1} of {count + 1} runs to do, {15 * count} steps in all"
    assert said in done.stdout, "each method: 3 epochs x 20 / 4 batches"
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "lines",
    [
        "ema_decay: 0.5",
        "accumulate: 2",
        "{select: best, select_on: test}",
        "precision: bf16",
        "{optimizer: sgd, decay: step, milestones: [1], clip_norm: null, evaluate_every: 0}",
        "{decay: cosine, eval_image_size: 96, crop: none, flip: false, difficult: ignored}",
    ],
)
def test_what_a_schedule_asks_for_is_done(lines: str, data: Path, tmp_path: Path) -> None:
    import yaml

    from bench.experiment.schedule import load_schedule

    fields = {**load_schedule("demo", {}).model_dump(mode="json"), **yaml.safe_load(lines)}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(fields))
    for name, more in (("one", ()), ("two", ("--seeds", "0"))):
        done = bench(
            tmp_path / name, data, "run", "--methods", SALGL, "--epochs", "3",
            "--schedule", str(tmp_path / "mine.yaml"), *TINY, *more,
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    one, two = (
        next(record for record in finished(tmp_path / name).values() if record.history)
        for name in ("one", "two")
    )
    assert one.scores_sha256 == two.scores_sha256, "the same cell gives the same scores"
    assert one.cell.schedule == two.cell.schedule and len(one.history) == 3
    measured = [epoch.metrics.mAP for epoch in one.history if epoch.metrics]
    if "best" in lines:
        assert one.metrics is not None and one.metrics.mAP == max(measured)
    if "evaluate_every: 0" in lines:
        assert len(measured) == 1
    logits = RecordStore(tmp_path / "one" / "results").scores(one).logits
    assert logits.dtype == np.float32 and np.isfinite(logits).all()


def test_a_compiled_model_gives_the_same_up_to_rounding(
    matrix: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The default backend runs a C++ compiler for minutes; tracing and autograd are the same without it.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    done = bench(tmp_path, data, "run", "--methods", "resnet", "--epochs", "2", "--compile", *TINY)
    assert done.exit_code == 0, done.output
    mine, plain = finished(tmp_path)["resnet"], finished(matrix)["resnet"]
    assert mine.environment.compiled and mine.run_id == plain.run_id
    assert mine.history[0].loss == pytest.approx(plain.history[0].loss, rel=1e-3)
