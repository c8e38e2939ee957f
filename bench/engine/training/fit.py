"""The training loop: epochs, steps and evaluations."""

import math
import time
import zlib
from collections.abc import Iterator
from typing import NamedTuple, cast

from bench.datasets.feed import FeedDigest
from bench.engine.device.ahead import bring
from bench.engine.device.arrivals import Arrivals
from bench.engine.scoring.predict import NonFiniteError, Predicted, predict
from bench.engine.training.in_training import Run
from bench.engine.training.losses import mean_loss
from bench.engine.training.optimisation import ends_early, set_learning_rate
from bench.engine.training.resume import keep, resume
from bench.experiment.schedule import Schedule
from bench.metrics.evaluate import Metrics, measure
from bench.records.record import Environment, Epoch
from bench.stop import in_steps, stop_if_asked


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
    history = resume(run, environment)
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
            keep(run, history, environment)
        run.events.epoch_finished(history[-1])
    return history


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
        run.average.follow()


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
