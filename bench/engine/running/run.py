"""Run one cell: set up, fit, evaluate, record."""

import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from bench.datasets.catalog import DATASETS
from bench.datasets.fetch.disk import FULL
from bench.datasets.info import DataSetInfo
from bench.datasets.loading import LoadingLostError
from bench.datasets.opened import DataSet
from bench.engine.building.build import build
from bench.engine.device.cost import count_flops, count_parameters, reset_peak_memory
from bench.engine.device.environment import (
    describe_environment,
)
from bench.engine.models.model_file import card_of_run, save_model
from bench.engine.planning.events import Events
from bench.engine.planning.machine import Machine
from bench.engine.planning.plan import Cell
from bench.engine.running.code import code_digest
from bench.engine.running.failure import reason
from bench.engine.running.leftovers import begin_anew, finish
from bench.engine.scoring.predict import Predicted, predict, telling
from bench.engine.training.checkpoint import weights_of
from bench.engine.training.fit import fit
from bench.engine.training.in_training import Run, best_epoch
from bench.engine.training.set_up import set_up
from bench.engine.training.watch import Watch
from bench.errors import UserError, cut
from bench.files import write_text
from bench.labels import count_labels
from bench.methods.catalog import PRIOR
from bench.methods.label_space import log_odds
from bench.methods.layers.across import ProcessLostError
from bench.methods.model import state_digest
from bench.metrics.evaluate import measure
from bench.metrics.known import PERCENTS
from bench.records.known import measure_known
from bench.records.record import TITLE, Cost, Environment, Epoch, Record, SplitSizes
from bench.records.store import RecordStore, Scores
from bench.settings import MODEL, work_folder
from bench.stop import stop_if_asked

GOES_ON = 2
"""How often a run goes on that has lost a loading process; what ends it again then is no chance."""


def run_cell(
    cell: Cell,
    machine: Machine,
    store: RecordStore,
    events: Events,
    folder: Path | None = None,
    loggers: Sequence[str] = (),
    before_saving: Callable[[], None] = lambda: None,
) -> Record:
    """Run one cell and store its record, also where it fails.

    Of several processes the first stores it; where one fails and the others do not, that one.

    Args:
        cell: what to run.
        machine: where to run it.
        store: where its record goes.
        events: told of the progress.
        folder: where its checkpoint and its model go; one of its name in the work folder if None.
        loggers: the names of those that write down the training.
        before_saving: called before a record is stored; what it raises leaves none.

    Raises:
        UserError: this process alone of several has failed; it has stored the record.
    """
    ranks = machine.ranks
    code = code_digest(cell.spec.method.name)
    environment = describe_environment(machine.device, machine.compiled, machine.workers, code, ranks.count)
    folder = folder or work_folder() / "runs" / cell.spec.run_id()
    is_prior = cell.spec.method.name == PRIOR.name
    if cell.fresh and ranks.leads and not is_prior:  # which leaves nothing to go on from
        begin_anew(folder, cell.stamp)
    loggers = loggers if ranks.leads else ()
    scores: Scores | None
    with Watch(loggers, cell.spec, cell.dataset.info.classes, events.note) as watch:
        try:
            if is_prior:
                record, scores = _run_prior(cell, environment)
            else:
                record, scores = _trained(cell, machine, environment, folder, events, watch)
        except Exception as error:
            if _ends_all(error):
                raise
            # A NaN, no memory left, a photograph that is gone, a mistake in a head: this cell ends, the
            # matrix goes on.
            stop_if_asked()  # a signal to all processes may have ended a loading one too
            before_saving()
            failed = _record(cell, environment, status="failed", error=reason(error))
            together = ranks.failed_together(cell.spec.run_id())
            if ranks.leads or not together:
                write_text(folder / "error.txt", traceback.format_exc())
                failed = store.save(failed, None)
            if not together:
                raise UserError(
                    f"{failed.run_id} failed in process {ranks.rank + 1} of {ranks.count} alone, which ends "
                    f"them all: {failed.error}; the same command goes on with the other runs."
                ) from error
            return failed
        if not ranks.leads:
            return record
        before_saving()
        record = store.save(record, scores)
        watch.finish(record)
    finish(folder, record, store, events)
    return record


def _record(cell: Cell, environment: Environment, **fields: object) -> Record:
    return Record(
        run_id=cell.spec.run_id(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        cell=cell.spec,
        data=_split_sizes(cell.dataset),
        environment=environment,
        **fields,
    )


def _split_sizes(dataset: DataSet) -> SplitSizes:
    train, held_out = dataset.train.labels, dataset.eval.labels
    return SplitSizes(
        train_images=len(train),
        train_labels=int((train == 1).sum()),
        train_difficult=int((train == 0).sum()),
        eval_images=len(held_out),
        eval_labels=int((held_out == 1).sum()),
        eval_difficult=int((held_out == 0).sum()),
        chosen_on_images=None if dataset.chosen_on is None else len(dataset.chosen_on),
        classes=dataset.info.classes,
        skipped=tuple(f"{problem.image}: {problem.reason}" for problem in dataset.skipped),
        title=_given_title(dataset.info),
    )


def _given_title(info: DataSetInfo) -> str | None:
    """What the owner of a data set that is not built in calls it, where that is not its name."""
    title = cut(" ".join(info.title.split()), TITLE)
    return title if title and title != info.name and info.name not in DATASETS else None


def _scores(
    cell: Cell,
    logits: NDArray[np.float32],
    averaged: NDArray[np.float32] | None = None,
    told: list[NDArray[np.float32]] | None = None,
) -> Scores:
    index = cell.dataset.eval
    return Scores(np.array(index.ids), logits, index.labels, averaged, np.stack(told) if told else None)


def _run_prior(cell: Cell, environment: Environment) -> tuple[Record, Scores]:
    """Score every image by the frequency of each class in the training split."""
    counts, _ = count_labels(cell.dataset.train.labels)
    logits = np.tile(log_odds(counts, len(cell.dataset.train)), (len(cell.dataset.eval), 1))
    metrics = measure(logits, cell.dataset.eval.labels, cell.spec.protocol)
    return _record(cell, environment, status="finished", metrics=metrics), _scores(cell, logits)


def _ends_all(error: Exception) -> bool:
    """Whether what was raised says nothing of the cell, and would end the others too."""
    if isinstance(error, OSError):  # a full disk: the cell goes on when there is room
        return error.errno in FULL
    return isinstance(error, UserError | ProcessLostError) and not isinstance(error, LoadingLostError)


def _trained(
    cell: Cell, machine: Machine, environment: Environment, folder: Path, events: Events, watch: Watch
) -> tuple[Record, Scores | None]:
    """Train and score a cell as `_train` does, going on from its last epoch when a loading process is lost.

    Raises:
        LoadingLostError: one was lost again and again.
        UserError: one was lost, and others share its batches, who wait for this process.
    """
    ranks = machine.ranks
    lost = 0
    while True:
        try:
            return _train(cell, machine, environment, folder, events, watch)
        except LoadingLostError as error:
            stop_if_asked()  # a signal to all processes may have ended it
            if ranks.count > 1:
                raise UserError(
                    f"{error.what[:1].upper()}{error.what[1:]} in process {ranks.rank + 1} of {ranks.count}, "
                    f"which ends them all: {error.then}; the same command goes on from the last epoch."
                ) from error
            lost += 1
            if lost > GOES_ON:
                raise
            events.note(f"warning: {cell.spec.run_id()}: {error.what}; it goes on from its last epoch")


def _train(
    cell: Cell, machine: Machine, environment: Environment, folder: Path, events: Events, watch: Watch
) -> tuple[Record, Scores | None]:
    """Train and score a cell; what a process that does not lead returns is not complete."""
    spec, ranks = cell.spec, machine.ranks
    reset_peak_memory(machine.device)
    started = time.perf_counter()
    built = build(cell, machine.device, machine.workers, ranks, machine.computed)
    model = built.model
    backbone_digest = state_digest(model.backbone)
    flops = count_flops(model, spec.schedule.test_size, torch.device("cpu"))
    run = set_up(spec, machine, built, folder, events, watch, started)
    history = fit(run, environment)
    selected = best_epoch(history) if spec.schedule.select == "best" else len(history) - 1
    # Of the last epoch too, where a resumed run does not know which of both was better.
    if selected != len(history) - 1 or spec.schedule.ema_or_weights:
        run.plain.load_state_dict(ranks.from_first(lambda: load_file(weights_of(folder, selected))))
    logits, eval_rate, eval_feed = _reported(run, selected == len(history) - 1)
    averaged = None
    if spec.schedule.ema_beside and run.averaged:
        task = events.task("evaluating, batch")
        averaged = predict(run.fabric, run.averaged, built.eval, task, ranks=ranks).logits
    told = _told(run, cell)
    spent = run.spent()
    peak_memory = max(ranks.each(spent.peak_memory))
    if not ranks.leads:
        return _record(cell, environment, status="finished"), None
    card = card_of_run(spec, cell.dataset, model.backbone)
    save_model(folder / MODEL, run.plain, built.labels, card)
    cost = Cost(
        parameters=count_parameters(model),
        head_parameters=count_parameters(model.head),
        flops=flops,
        train_images_per_second=_training_rate(history),
        eval_images_per_second=eval_rate,
        peak_memory_bytes=peak_memory,
        wall_seconds=spent.seconds,
        images_at_once=spent.images_at_once,
    )
    scores = _scores(cell, logits, averaged, told)
    record = _record(
        cell,
        environment,
        status="finished",
        backbone_digest=backbone_digest,
        vectors_digest=sha256(np.ascontiguousarray(built.labels.vectors).tobytes()).hexdigest()[:16],
        eval_feed=eval_feed,
        selected_epoch=selected,
        history=tuple(history),
        trained_before=run.trained_before,
        metrics=measure(logits, cell.dataset.eval.labels, spec.protocol),
        averaged=None if averaged is None else measure(averaged, cell.dataset.eval.labels, spec.protocol),
        known=measure_known(scores, PERCENTS, spec.protocol) if told else (),
        cost=cost,
    )
    return record, scores


def _reported(run: Run, last: bool) -> Predicted:
    """The scores that are reported; those of the last epoch are there, if it was evaluated on that split."""
    if last and run.latest is not None and run.built.watched is run.built.eval:
        return run.latest
    task = run.events.task("evaluating, batch")
    return predict(run.fabric, run.evaluated, run.built.eval, task, ranks=run.ranks)


def _told(run: Run, cell: Cell) -> list[NDArray[np.float32]]:
    """The scores where a share of the labels is known, of a head that can be told; not of a tune's trials."""
    spec = cell.spec
    labelled = bool(cell.dataset.eval.labels.any())
    if spec.split == "validation" or not labelled or not spec.head_options().uses_known_labels:
        return []
    return [
        predict(
            run.fabric,
            run.evaluated,
            run.built.eval,
            run.events.task(f"evaluating with {percent} % of the labels known, batch"),
            telling(percent),
            run.ranks,
        ).logits
        for percent in PERCENTS
    ]


def _training_rate(history: list[Epoch]) -> float:
    """Images per second in training, without the first epoch, which warms up, where there are more."""
    timed = history[1:] or history
    return sum(epoch.images for epoch in timed) / sum(epoch.seconds for epoch in timed)
