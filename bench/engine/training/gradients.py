"""The gradients of a batch, computed at once or, where the memory does not hold that, in parts."""

from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.datasets.feed import Batch
from bench.engine.device.memory import AtOnce
from bench.engine.parallel.ranks import ALONE, Ranks
from bench.engine.scoring.predict import beside
from bench.engine.training.losses import classification_loss, counted, share_of, targets_of
from bench.engine.training.watch import Watch
from bench.experiment.schedule import Schedule


class Seeded(NamedTuple):
    """A batch on the device.

    Attributes:
        batch: its images, or those of this process.
        seed: what its random numbers, such as dropout's, are drawn from.
        images: of all processes.
    """

    batch: Batch
    seed: int
    images: int


class Gradients:
    """Adds up the gradients of the batches that share an optimiser step.

    Where the memory does not hold a batch, it is cut into parts, whose losses have the weights that give the
    loss of the whole. Batch statistics, and terms that a head takes over a batch, are then those of the
    parts; and what was counted of the attempt that failed, such as running statistics, stays counted.

    Where several processes share a batch, the part of each has the weight that gives the loss of the whole,
    and what is taken over a batch is taken over all of it.

    Attributes:
        at_once: how many images fit the memory.
    """

    def __init__(
        self,
        fabric: Fabric,
        model: nn.Module,
        optimizer: Optimizer,
        schedule: Schedule,
        watch: Watch,
        at_once: AtOnce,
        ranks: Ranks = ALONE,
    ) -> None:
        """Take them of a model.

        Args:
            fabric: of the device and the precision.
            model: behind Fabric's precision.
            optimizer: of its parameters.
            schedule: says what the loss is.
            watch: shown what the head gives.
            at_once: how many images fit the memory.
            ranks: the processes that share each batch.
        """
        self._fabric = fabric
        self._model = model
        self._optimizer = optimizer
        self._schedule = schedule
        self._watch = watch
        self.at_once = at_once
        self._ranks = ranks
        self._step: list[Seeded] = []

    def add(self, batch: Batch, seed: int, sharing: int, images: int | None = None) -> Tensor:
        """Add the gradients of a batch to those of its step.

        Args:
            batch: on the device.
            seed: what its random numbers are drawn from.
            sharing: how many batches share the step.
            images: of the batch in all processes; those here if None.

        Returns:
            The loss of the batch, a scalar on the device.

        Raises:
            torch.OutOfMemoryError: not even the smallest parts fit.
        """
        self._step.append(Seeded(batch, seed, len(batch.ids) if images is None else images))
        losses = self._attempt(self._step[-1:], sharing)
        while losses is None:
            # Some parameters have gradients of the attempt that failed: all of the step are taken anew.
            self._optimizer.zero_grad()
            losses = self._attempt(self._step, sharing)
        return losses[-1]

    def _attempt(self, batches: list[Seeded], sharing: int) -> list[Tensor] | None:
        """The loss of each batch; None where the memory did not hold them: smaller parts are to be tried."""
        largest = max(len(one.batch.ids) for one in batches)
        return self.at_once.attempt(largest, lambda: [self._of(one, sharing) for one in batches])

    def add_up(self) -> None:
        """All batches of the step were added: take in what the other processes have of them."""
        self._ranks.add_up(
            parameter.grad
            for group in self._optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        )

    def clear(self) -> None:
        """The step was taken: the next batch begins another."""
        self._optimizer.zero_grad()
        self._step.clear()

    def _of(self, seeded: Seeded, sharing: int) -> Tensor:
        batch = seeded.batch
        # Dropout draws from the global generator. Seeded here, a batch depends on nothing before it, and what
        # a head draws moves nothing that the backbone, which comes first, draws in the next one.
        _seed(self._fabric.device, seeded.seed)
        losses = []
        with self._ranks.sharing(seeded.images):
            for part in self.at_once.parts(len(batch.ids)):
                loss = self._loss(batch, part, seeded.images)
                losses.append(loss.detach())
                self._fabric.backward(loss / sharing)
        return self._ranks.total(losses[0] if len(losses) == 1 else torch.stack(losses).sum())

    def _loss(self, batch: Batch, part: slice, images: int) -> Tensor:
        """What some images of a batch add to its loss; `images` are those of all processes."""
        schedule, labels = self._schedule, batch.labels[part]
        cut = batch._replace(
            images=batch.images[part], earlier=None if batch.earlier is None else batch.earlier[part]
        )
        targets = targets_of(labels, schedule.difficult)
        output = self._model(cut.images, targets, **beside(cut))
        self._watch.output(output)
        loss = classification_loss(
            output.logits, labels, schedule.loss, schedule.difficult, schedule.reduction, output.known
        )
        more = sum(output.auxiliary.values(), torch.zeros_like(loss))
        if self._ranks.count > 1:  # where no batch is cut any further
            how = schedule.loss, schedule.difficult, schedule.reduction
            own = counted(labels, *how, output.known).to(loss.dtype)
            share = 1.0 if schedule.reduction == "sum" else own / self._ranks.total(own).clamp(min=1)
            return loss * share + more * (len(labels) / images)
        if len(labels) == len(batch.labels):
            return loss + more
        share = share_of(labels, batch.labels, schedule.loss, schedule.difficult, schedule.reduction)
        return loss * share + more * (len(labels) / len(batch.labels))


def _seed(device: torch.device, seed: int) -> None:
    """`torch.manual_seed`, which takes milliseconds to note the seed for each kind of device not in use."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)
