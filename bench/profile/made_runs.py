"""A finished matrix whose scores are drawn, not trained: the records that commands are measured on."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from bench.engine.device.cost import peak_memory
from bench.engine.device.environment import choose_device, describe_environment
from bench.engine.planning.plan import Cell, plan
from bench.experiment.matrix import MatrixSpec, load_matrix
from bench.methods.catalog import METHODS
from bench.metrics.evaluate import evaluate
from bench.records.record import Cost, Environment, Epoch, Record, SplitSizes
from bench.records.store import RecordStore, Scores

DATA: Final = ("scenes", "scenes-alike", "scenes-independent", "scenes-reversed")
"""Data sets that are here without a download."""


def matrix_options(seeds: int) -> dict[str, str]:
    """The options of `bench run` that name the matrix: every method, four data sets, so many seeds."""
    return {"methods": ",".join(METHODS), "data": ",".join(DATA), "seeds": ",".join(map(str, range(seeds)))}


def make_runs(results: Path, seeds: int) -> int:
    """Write a record with scores for every cell of the matrix; returns how many there are."""
    options: dict[str, object] = {**matrix_options(seeds), "results": results}
    matrix: MatrixSpec = load_matrix(None, options, None)
    cells, store = plan(matrix), RecordStore(results)
    environment = describe_environment(choose_device("cpu", "fp32"), False, 0, "")
    for number, cell in enumerate(cells):
        store.save(*_made_run(cell, number, environment))
    return len(cells)


def _made_run(cell: Cell, number: int, environment: Environment) -> tuple[Record, Scores]:
    train, split, schedule = cell.dataset.train, cell.dataset.eval, cell.spec.schedule
    noise = np.random.default_rng(number).standard_normal((2, *split.labels.shape), dtype=np.float32)
    logits, averaged = noise + split.labels
    scores = Scores(np.array(split.ids), logits, split.labels, averaged)
    found, beside = (evaluate(one, split.labels, cell.spec.protocol) for one in (logits, averaged))
    cost = Cost(
        parameters=11_000_000,
        head_parameters=1_000_000,
        flops=2_000_000_000,
        train_images_per_second=100,
        eval_images_per_second=200,
        peak_memory_bytes=peak_memory(choose_device("cpu", "fp32")),
        wall_seconds=60,
    )
    record = Record(
        run_id=cell.spec.run_id(),
        status="finished",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        cell=cell.spec,
        data=SplitSizes(
            train_images=len(train),
            train_labels=int((train.labels == 1).sum()),
            train_difficult=int((train.labels == 0).sum()),
            eval_images=len(split),
            eval_labels=int((split.labels == 1).sum()),
            eval_difficult=int((split.labels == 0).sum()),
            classes=cell.dataset.info.classes,
            skipped=(),
        ),
        backbone_digest=f"{cell.spec.seed:016x}",
        selected_epoch=schedule.epochs - 1,
        history=tuple(
            Epoch(epoch=epoch, loss=0.5, lr=1e-3, feed="made", seconds=6, images=len(train), metrics=found)
            for epoch in range(schedule.epochs)
        ),
        metrics=found,
        averaged=beside,
        cost=cost,
        environment=environment,
    )
    return record, scores


if __name__ == "__main__":  # in a process of its own, with a work folder of its own
    print(make_runs(Path(sys.argv[1]), int(sys.argv[2])))
