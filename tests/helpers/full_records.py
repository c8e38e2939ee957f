"""Records that say they are of a whole data set: its sizes and classes, labels and logits drawn."""

from typing import Any

import numpy as np

from bench.datasets.catalog import DATASETS
from bench.experiment.cell import CellSpec
from bench.metrics.evaluate import evaluate
from bench.records.record import Record, SplitSizes
from bench.records.store import Scores
from made_records import made_metrics, made_record


def full_sizes(data: str, **changes: Any) -> SplitSizes:
    """The published sizes of a data set; `changes` replace some."""
    info = DATASETS[data]
    train, test = info.counts[info.train_split], info.counts[info.eval_split]
    fields: dict[str, Any] = {
        "train_images": train.images,
        "train_labels": train.positives or 3 * train.images,
        "train_difficult": train.difficult or 0,
        "eval_images": test.images,
        "eval_labels": test.positives or 3 * test.images,
        "eval_difficult": test.difficult or 0,
        "classes": info.classes,
        "skipped": (),
    }
    return SplitSizes(**{**fields, **changes})


def full_record(cell: CellSpec, ap: float = 0.5, others: float = 0.25, **sizes: Any) -> tuple[Record, Scores]:
    """A run with this AP of every class and `others` in every other metric; its scores are a few only."""
    data = full_sizes(cell.data, **sizes)
    metrics = made_metrics((ap,) * len(data.classes), others)
    metrics = metrics.model_copy(update={"num_images": data.eval_images})
    return made_record(cell, data.classes, data=data, metrics=metrics)


def scored_record(cell: CellSpec) -> tuple[Record, Scores]:
    """A run with scores of every test image, which its metrics are computed from."""
    data = full_sizes(cell.data)
    draw = np.random.default_rng(cell.seed)
    labels = np.full(data.eval_images * len(data.classes), -1, dtype=np.int8)
    places = draw.permutation(labels.size)
    labels[places[: data.eval_labels]] = 1
    labels[places[data.eval_labels : data.eval_labels + data.eval_difficult]] = 0
    labels = labels.reshape(data.eval_images, len(data.classes))
    logits = (labels + draw.normal(size=labels.shape)).astype(np.float32)
    scores = Scores(np.array([f"{image:06}" for image in range(data.eval_images)]), logits, labels)
    metrics = evaluate(logits, labels, cell.protocol)
    record, _ = made_record(cell, data.classes, data=data, metrics=metrics)
    return record, scores
