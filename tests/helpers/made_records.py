"""Valid records without training: labels drawn from the data set's name, logits from the run's."""

import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.datasets.catalog import DATASETS
from bench.datasets.index import SplitIndex
from bench.datasets.opened import DataSet
from bench.experiment.cell import CellSpec
from bench.experiment.methods import method_named, parse_methods
from bench.experiment.schedule import Schedule
from bench.metrics.evaluate import METRICS, Metrics, evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.records.record import Cost, Environment, Epoch, Record, SplitSizes
from bench.records.store import RecordStore, Scores

CLASSES = ("boat", "dog", "person")
SCHEDULE = Schedule(
    about="made up",
    backbone="resnet18",
    weights="none",
    image_size=64,
    crop="none",
    flip=True,
    difficult="positive",
    epochs=2,
    batch_size=4,
    optimizer="adamw",
    lr=1e-3,
    backbone_lr_factor=0.1,
    weight_decay=1e-4,
    decay="cosine",
)
ENVIRONMENT = Environment(
    device="cpu",
    device_name="a CPU",
    platform="Linux",
    python="3.11.0",
    versions={"numpy": "2.0.0", "torch": "2.11.0"},
    git_revision="0123abc",
    compiled=False,
    workers=0,
)


def made_cell(method: str = "resnet", seed: int = 0, data: str = "voc2007", **changes: Any) -> CellSpec:
    """One run; `method` may carry options, and `prior` is a method here."""
    choice = (
        parse_methods((method,))[0]
        if method != "prior"
        else {"name": method_named(method).name, "options": {}}
    )
    fields: dict[str, Any] = {
        "method": choice,
        "data": data,
        "data_fingerprint": "aaaa-bbbb",
        "limit_train": None,
        "limit_eval": None,
        "seed": seed,
        "schedule_name": "made",
        "schedule": SCHEDULE,
        "weights_digest": None,
        "vectors": "label-sets",
        "protocol": PROTOCOLS["bench"],
    }
    return CellSpec(**{**fields, **changes})


def made_scores(cell: CellSpec, classes: tuple[str, ...] = CLASSES, images: int = 40) -> Scores:
    """Logits that know something of the labels; some labels are difficult, each class has a positive."""
    shape = images, len(classes)
    draw = np.random.default_rng(zlib.crc32(cell.data.encode()))
    labels = draw.choice(np.array([-1, -1, -1, 0, 1], dtype=np.int8), size=shape)
    labels[0] = 1
    noise = np.random.default_rng(zlib.crc32(cell.run_id().encode())).normal(size=shape)
    ids = np.array([f"{cell.data}-{image:04}" for image in range(images)])
    return Scores(ids, (labels + noise).astype(np.float32), labels)


def made_record(cell: CellSpec, classes: tuple[str, ...] = CLASSES, **changes: Any) -> tuple[Record, Scores]:
    """A finished record and the scores that its metrics are computed from; `changes` replace fields."""
    scores = made_scores(cell, classes)
    metrics = evaluate(scores.logits, scores.labels, cell.protocol)
    trained = cell.method.name != "prior"
    record = Record(
        run_id=cell.run_id(),
        status="finished",
        created="2030-01-02T03:04:05+00:00",
        cell=cell,
        data=SplitSizes(
            train_images=16,
            train_labels=20,
            train_difficult=1,
            eval_images=len(scores.ids),
            eval_labels=int((scores.labels == 1).sum()),
            eval_difficult=int((scores.labels == 0).sum()),
            classes=classes,
            skipped=(),
        ),
        backbone_digest=f"backbone-{cell.seed}" if trained else None,
        selected_epoch=1 if trained else None,
        history=tuple(_epoch(cell, epoch, metrics) for epoch in range(2)) if trained else (),
        metrics=metrics,
        cost=made_cost() if trained else None,
        environment=ENVIRONMENT,
    )
    return record.model_copy(update=changes), scores


def _epoch(cell: CellSpec, epoch: int, metrics: Metrics) -> Epoch:
    return Epoch(
        epoch=epoch,
        loss=0.5 / (epoch + 1),
        lr=1e-3,
        feed=f"feed-{cell.seed}-{epoch}",
        seconds=1.5,
        images=16,
        metrics=metrics if epoch else None,
    )


def made_cost(**changes: float) -> Cost:
    """A cost, all of it round numbers."""
    fields: dict[str, Any] = {
        "parameters": 2_000_000,
        "head_parameters": 500_000,
        "flops": 3_000_000_000,
        "train_images_per_second": 100.0,
        "eval_images_per_second": 200.0,
        "peak_memory_bytes": 64 * 2**20,
        "wall_seconds": 30.0,
    }
    return Cost(**{**fields, **changes})


def made_metrics(per_class: tuple[float | None, ...], others: float = 0.5) -> Metrics:
    """Metrics with these AP values, mAP their mean, and `others` in every other column."""
    known = [value for value in per_class if value is not None]
    return Metrics(
        **{name: others for name in METRICS if name != "mAP"},
        mAP=sum(known) / len(known),
        per_class_ap=per_class,
        classes_without_positives=tuple(c for c, value in enumerate(per_class) if value is None),
        num_images=40,
    )


def failed_record(cell: CellSpec, error: str = "the loss is nan") -> Record:
    """A run that ended without a result."""
    record, _ = made_record(cell)
    nothing: dict[str, Any] = {"metrics": None, "cost": None, "history": (), "selected_epoch": None}
    return record.model_copy(update={"status": "failed", "error": error, **nothing})


def store_made(results: Path, *cells: CellSpec, **changes: Any) -> RecordStore:
    """A store that holds a finished record of each cell."""
    store = RecordStore(results)
    for cell in cells:
        store.save(*made_record(cell, **changes))
    return store


def made_data(train: int = 18) -> DataSet:
    """A data set without files: enough to plan on."""
    info = replace(DATASETS["voc2007"], classes=CLASSES)
    return DataSet(info, Path("nowhere"), _split("train", train), _split("test", 6), None, ())


def _split(name: str, count: int) -> SplitIndex:
    ids = tuple(f"{name}{number}" for number in range(count))
    rows = np.where(np.arange(count)[:, None] % len(CLASSES) == np.arange(len(CLASSES)), 1, -1)
    return SplitIndex(ids, Path(), ids, rows.astype(np.int8), np.ones(count, dtype=np.uint32))
