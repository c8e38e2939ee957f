"""The training loop: epochs and steps, evaluation, checkpoints, going on after an interruption."""

import json
import math
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision, Precision
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from bench.datasets.feed import FeedDigest
from bench.engine.ahead import bring
from bench.engine.arrivals import Arrivals
from bench.engine.build import Built
from bench.engine.checkpoint import Spent, TrainingState, load_state, save_state, save_weights
from bench.engine.cost import peak_memory
from bench.engine.events import Events
from bench.engine.gradients import Gradients
from bench.engine.leftovers import BEST, CHECKPOINT
from bench.engine.losses import mean_loss
from bench.engine.optimisation import ends_early, set_learning_rate
from bench.engine.predict import NonFiniteError, Predicted, predict
from bench.engine.ranks import ALONE, Ranks
from bench.engine.watch import Watch
from bench.experiment.cell import CellSpec
from bench.experiment.schedule import Schedule
from bench.files import write_text
from bench.methods.model import MultiLabelModel
from bench.metrics.evaluate import Metrics, measure
from bench.records.numerics import changes
from bench.records.record import Environment, Epoch, TrainedBefore
from bench.settings import EPOCHS
from bench.stop import in_steps, stop_if_asked


@dataclass
class Run:
    """All that training one cell needs.

    The backbone and the head of `built` are trained in place.
    """

    spec: CellSpec
    fabric: Fabric
    precision: Precision
    wrapped: torch.nn.Module  # that of the model behind Fabric's precision, and compiled if asked for
    optimizer: Optimizer
    gradients: Gradients
    average: AveragedModel | None
    built: Built
    folder: Path
    events: Events
    watch: Watch
    started: float  # of the clock that measures what the run takes
    spent_before: Spent  # by the process that was interrupted
    trained_before: tuple[TrainedBefore, ...] = ()  # the epochs before, where they were trained otherwise
    latest: Predicted | None = None  # the last evaluation between epochs, of `Built.watched`
    ranks: Ranks = ALONE
    weights_ahead: bool = False  # of their average, in the last evaluation of both

    def spent(self) -> Spent:
        """What the run took so far, resumed parts included."""
        seconds = self.spent_before.seconds + time.perf_counter() - self.started
        return Spent(seconds, max(self.spent_before.peak_memory, peak_memory(self.fabric.device)))

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps in an epoch."""
        return math.ceil(len(self.built.batches) / self.spec.schedule.accumulate)

    @property
    def averaged(self) -> torch.nn.Module | None:
        """The average of the weights where there is one."""
        return self.average and self.built.fed(cast(MultiLabelModel, self.average.module))

    @property
    def evaluated(self) -> torch.nn.Module:
        """What is evaluated and reported: the weights, or their average where the schedule says so."""
        return self.averaged if self.averaged and self.by_average else self.wrapped

    @property
    def plain(self) -> torch.nn.Module:
        """The same as it is stored: not wrapped, not compiled."""
        return self.average.module if self.average and self.by_average else self.built.model

    @property
    def by_average(self) -> bool:
        """Whether the average is what is reported, where there is one."""
        return self.spec.schedule.ema_decay is not None and not self.weights_ahead


def fit(run: Run, environment: Environment) -> list[Epoch]:
    """Train until the last epoch or an early end, going on from the last checkpoint where there is one.

    Of several processes the first decides and writes; what it decides on is the same in all of them.

    Args:
        run: what is trained; it is told which epochs were trained in another environment before.
        environment: this one, which goes into the checkpoint.

    Returns:
        The history, one entry per epoch.

    Raises:
        NonFiniteError: naming the step, the learning rate and the images of the batch.
        Stopped: the process was told to stop; what is lost is the epoch that it was in.
    """
    history = _resume(run, environment)
    run.watch.begin(len(history) * len(run.built.batches))
    with in_steps():
        return _fit(run, history, environment)


def _fit(run: Run, history: list[Epoch], environment: Environment) -> list[Epoch]:
    """The epochs after those that are done."""
    schedule = run.spec.schedule
    while len(history) < schedule.epochs and not ends_early(schedule, _scores(history)):
        epoch = len(history)
        started = time.perf_counter()
        loss, lr, feed = train_epoch(run, epoch, _followed(history, schedule))
        seconds = time.perf_counter() - started
        images = run.built.batches.images
        metrics = _evaluate(run) if schedule.evaluates_after(epoch + 1) else None
        watched_loss = _watched_loss(run) if metrics and schedule.plateau_of == "loss" else None
        history.append(
            Epoch(
                epoch=epoch,
                loss=loss,
                lr=lr,
                feed=feed,
                seconds=seconds,
                images=images,
                metrics=metrics,
                watched_loss=watched_loss,
            )
        )
        run.ranks.check_alike(run.plain)
        if run.ranks.leads:
            _keep(run, history, environment)
        run.events.epoch_finished(history[-1])
    return history


def _keep(run: Run, history: list[Epoch], environment: Environment) -> None:
    """Write down what the last epoch has left."""
    if run.spec.schedule.select == "best" and best_epoch(history) == history[-1].epoch:
        save_weights(run.folder / BEST, run.plain)
    run.watch.epoch(history[-1])
    before = sum(part.epochs for part in run.trained_before)
    trained = (*run.trained_before, TrainedBefore(epochs=len(history) - before, environment=environment))
    save_state(run.folder / CHECKPOINT, TrainingState(history, run.spent(), _state_dicts(run), trained))
    write_text(run.folder / EPOCHS, json.dumps({"epochs": len(history)}) + "\n")


def best_epoch(history: list[Epoch]) -> int:
    """The first epoch with the highest mAP among those that were evaluated."""
    evaluated = [epoch for epoch in history if epoch.metrics is not None]
    return max(
        evaluated, key=lambda epoch: epoch.metrics.mAP if epoch.metrics else 0.0, default=history[-1]
    ).epoch


def _scores(history: list[Epoch]) -> list[float]:
    """The mAP after each epoch that was evaluated."""
    return [epoch.metrics.mAP for epoch in history if epoch.metrics]


def _followed(history: list[Epoch], schedule: Schedule) -> list[float]:
    """What the learning rate follows after each epoch, where it does; more is better."""
    if schedule.plateau_of == "loss":
        return [-epoch.watched_loss for epoch in history if epoch.watched_loss is not None]
    return _scores(history)


class Trained(NamedTuple):
    """A batch that was trained on.

    Attributes:
        number: of the batch in its epoch, from 0.
        step: optimiser steps before it.
        lr: learning rate of the head.
        ids: its images.
    """

    number: int
    step: int
    lr: float
    ids: list[str]


def train_epoch(run: Run, epoch: int, scores: list[float]) -> tuple[float, float, str]:
    """One pass over the training images; returns the mean loss, the last learning rate, the feed's hash."""
    schedule, batches = run.spec.schedule, run.built.batches
    run.wrapped.train()
    batches.epoch = epoch
    digest, losses = FeedDigest(), Arrivals[Trained](steady=run.ranks.count > 1)
    total, lr = 0.0, 0.0
    for number, (batch, there) in enumerate(bring(run.built.train, run.fabric.device)):
        step = epoch * run.steps_per_epoch + number // schedule.accumulate
        lr = set_learning_rate(run.optimizer, schedule, step, run.steps_per_epoch, scores)
        digest.update(batch)
        sharing = _group_size(number, schedule.accumulate, len(batches))
        loss = run.gradients.add(there, _seed(run, epoch, number), sharing, batches.size(number))
        losses.send(Trained(number, step, lr, batch.ids), loss)
        total = _tell(run, epoch, losses.arrived(), total)
        if (number + 1) % schedule.accumulate == 0 or number + 1 == len(batches):
            _step(run)
            stop_if_asked()
    total = _tell(run, epoch, losses.rest(), total)
    fed = FeedDigest(run.ranks.in_order_of_batches(digest.batches))
    return total / len(batches), lr, fed.value()


def _seed(run: Run, epoch: int, number: int) -> int:
    """What a batch's random numbers, such as dropout's, are drawn from; each process draws others."""
    of_rank = f"/{run.ranks.rank}" if run.ranks.rank else ""
    return zlib.crc32(f"{run.spec.seed}/{epoch}/{number}{of_rank}".encode())


def _tell(run: Run, epoch: int, losses: Iterator[tuple[Trained, float]], total: float) -> float:
    """Show losses that have arrived, and add them to those before.

    Raises:
        NonFiniteError: one is not finite.
    """
    for trained, value in losses:
        if not math.isfinite(value):
            # Every process is here, with the same sum of losses.
            named = [name for names in run.ranks.each(trained.ids) for name in names]
            raise NonFiniteError(
                f"the loss is {value} in epoch {epoch + 1}, step {trained.step + 1}, at learning rate "
                f"{trained.lr:.3g}; the images of the batch: {', '.join(named)}"
            )
        total += value
        images = run.built.batches.size(trained.number)
        run.events.step(epoch, trained.number + 1, len(run.built.batches), value, images)
        run.watch.step(value, trained.lr)
    return total


def _group_size(number: int, accumulate: int, batches: int) -> int:
    """How many batches share the step of batch `number`; the last step of an epoch may have fewer."""
    return min(accumulate, batches - number // accumulate * accumulate)


def _step(run: Run) -> None:
    """Add up the gradients of all processes, clip, update the weights, follow them with the average."""
    run.gradients.add_up()
    if run.spec.schedule.clip_norm:
        # An overflow under fp16 is no error: the gradient scaler skips that step.
        run.fabric.clip_gradients(
            run.wrapped, run.optimizer, max_norm=run.spec.schedule.clip_norm, error_if_nonfinite=False
        )
    run.optimizer.step()
    run.gradients.clear()
    if run.average is not None:
        run.average.update_parameters(run.built.model)


def _evaluate(run: Run) -> Metrics | None:
    if not run.built.watched_labels.any():
        return None  # held by a server
    if not run.spec.schedule.ema_or_weights:
        run.latest, metrics = _scored(run)
        return metrics
    run.weights_ahead = True
    of_weights, weights = _scored(run)
    run.weights_ahead = False
    of_average, average = _scored(run)
    run.weights_ahead = bool(weights and average and weights.mAP > average.mAP)
    run.latest = of_weights if run.weights_ahead else of_average
    return weights if run.weights_ahead else average


def _scored(run: Run) -> tuple[Predicted, Metrics | None]:
    """What is evaluated, on the split that is watched."""
    progress = run.events.task("evaluating, batch")
    found = predict(run.fabric, run.evaluated, run.built.watched, progress, ranks=run.ranks)
    labels = run.built.watched_labels
    return found, run.ranks.from_first(lambda: measure(found.logits, labels, run.spec.protocol))


def _watched_loss(run: Run) -> float:
    """The mean loss over the split that is watched, of what the evaluation before has scored."""
    schedule, latest = run.spec.schedule, cast(Predicted, run.latest)
    labels = run.built.watched_labels
    return run.ranks.from_first(lambda: mean_loss(latest.logits, labels, schedule.loss, schedule.difficult))


def _state_dicts(run: Run) -> dict[str, dict[str, Any]]:
    states = {"model": run.built.model.state_dict(), "optimizer": run.optimizer.state_dict()}
    if run.average is not None:
        states["average"] = run.average.state_dict()
    if isinstance(run.precision, MixedPrecision):
        states["precision"] = run.precision.state_dict()
    return states


def _resume(run: Run, environment: Environment) -> list[Epoch]:
    state = run.ranks.from_first(lambda: load_state(run.folder / CHECKPOINT))
    if state is None:
        return []
    run.built.model.load_state_dict(state.tensors["model"])
    run.optimizer.load_state_dict(state.tensors["optimizer"])
    if run.average is not None:
        run.average.load_state_dict(state.tensors["average"])
    if isinstance(run.precision, MixedPrecision):
        run.precision.load_state_dict(state.tensors["precision"])
    run.spent_before = state.spent
    other = _note_conditions(run, state, environment)
    run.events.note(f"going on after epoch {len(state.history)} of {run.spec.schedule.epochs}{other}")
    return state.history


def _note_conditions(run: Run, state: TrainingState, environment: Environment) -> str:
    """Remember the epochs of a checkpoint that were trained otherwise; gives what is to be said of that."""
    trained = state.trained or (TrainedBefore(epochs=len(state.history), environment=None),)
    last = changes(trained[-1].environment, environment)
    run.trained_before = trained if last else trained[:-1]
    if not last:
        return ""
    return f", under other conditions than before, which the record keeps: {', '.join(last)}"
