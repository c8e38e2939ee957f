"""`bench compare` on made runs."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import Result

from bench.experiment.cell import CellSpec
from bench.metrics.evaluate import evaluate
from bench.records.store import RecordStore, Scores
from bench_command import bench
from made_records import made_record, store_made

CLASSES = ("boat", "dog", "person", "cat", "bus", "owl", "sofa")


def compare(folder: Path, *arguments: str, data: str | None = "voc2007") -> Result:
    options = ("--data", data) if data else ()
    return bench(folder, None, "compare", "--resamples", "200", *options, *arguments)


def rows_of(result: Result) -> dict[str, dict[str, str]]:
    assert result.exit_code == 0, result.output
    return {row["name"]: row for row in csv.DictReader(io.StringIO(result.stdout))}


def put(folder: Path, cell: CellSpec, scores: Scores, classes: tuple[str, ...] = CLASSES, **data: Any) -> str:
    """Store a run with these scores; gives its name."""
    record, _ = made_record(cell, classes)
    sizes = {
        "eval_images": len(scores.ids),
        "eval_labels": int((scores.labels == 1).sum()),
        "eval_difficult": int((scores.labels == 0).sum()),
        **data,
    }
    record = record.model_copy(
        update={
            "metrics": evaluate(scores.logits, scores.labels, cell.protocol),
            "data": record.data.model_copy(update=sizes),
        }
    )
    return RecordStore(folder / "results").save(record, scores).run_id


def made(images: int = 300, noise: float = 1.5, seed: int = 0) -> Scores:
    """Scores of seven classes, the first the rarest; the labels do not depend on the seed."""
    frequency = np.linspace(0.08, 0.6, len(CLASSES))
    labels = np.where(np.random.default_rng(9).random((images, len(CLASSES))) < frequency, 1, -1)
    logits = labels + noise * np.random.default_rng(seed).normal(size=labels.shape)
    ids = np.array([f"image-{number:03}" for number in range(images)])
    return Scores(ids, logits.astype(np.float32), labels.astype(np.int8))


def runs_of(folder: Path, *cells: CellSpec) -> None:
    store_made(folder / "results", *cells)
