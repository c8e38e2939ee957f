"""Tell loggers of a training: what they are told, under which names, and that none of them can end it."""

import math
import shutil
from collections.abc import Callable, Sequence
from types import TracebackType

import torch
from torch import Tensor

from bench.errors import one_line
from bench.experiment.cell import CellSpec
from bench.loggers.catalog import open_logger
from bench.loggers.logger import LoggedRun, Logger
from bench.methods.head import HeadOutput
from bench.metrics.evaluate import METRICS, Metrics
from bench.records.record import Epoch, Record
from bench.settings import work_folder

SCENES = "scene_probs"
"""The view that says to which scenes an image belongs."""


class Watch:
    """The logs of one training; nothing is done where no logger was asked for.

    What is logged was computed for the training anyhow, and is read only: a run has the same bits with and
    without. Nothing is fetched from a GPU within an epoch that the loop does not fetch itself.
    """

    def __init__(
        self, loggers: Sequence[str], cell: CellSpec, classes: Sequence[str], note: Callable[[str], None]
    ) -> None:
        """Prepare the logs.

        Args:
            loggers: by name.
            cell: what is trained.
            classes: names of the classes.
            note: told where a log ends early.
        """
        self._cell = cell
        self._classes = classes
        self._note = note
        self._names = tuple(loggers)
        self._open: dict[str, Logger] = {}
        self._step = 0
        self._sums: dict[str, Tensor] = {}
        self._batches = self._images = 0

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._each(lambda logger: logger.close())

    def begin(self, steps: int) -> None:
        """Open the logs of a training that has done `steps` batches before; 0 where it begins.

        Where it goes on in the same process, what was added up of the epoch that is lost is forgotten.
        """
        self._each(lambda logger: logger.close())
        self._open, self._sums = {}, {}
        self._step, self._batches, self._images = steps, 0, 0
        for name in self._names:
            folder = work_folder() / "logs" / name / self._cell.run_id()
            run = LoggedRun(self._cell.run_id(), folder, self._cell.model_dump(mode="json"), steps)
            try:
                if not steps and folder.exists():
                    shutil.rmtree(folder)
                self._open[name] = open_logger(name, run)
            except Exception as error:
                self._give_up(name, error)

    def step(self, loss: float, lr: float) -> None:
        """A batch was trained on, and its loss has arrived.

        Args:
            loss: all of it.
            lr: the learning rate of the head.
        """
        self._step += 1
        if self._open:
            self._write({"training/loss": loss, "training/learning_rate": lr})

    def output(self, output: HeadOutput) -> None:
        """A head gave this in training; what is kept of it stays on the device until the epoch ends."""
        if not self._open:
            return
        self._batches += 1
        self._images += len(output.logits)
        for name, term in output.auxiliary.items():
            self._add(f"auxiliary/{name}", term.detach().float())
        if SCENES in output.views:
            self._add(SCENES, output.views[SCENES].detach().float().sum(dim=0))

    def epoch(self, epoch: Epoch) -> None:
        """An epoch ended; its checkpoint is written next, so that no epoch is lost between the two."""
        if not self._open:
            return
        numbers = {"epoch/number": epoch.epoch + 1.0, "epoch/loss": epoch.loss}
        numbers["epoch/images_per_second"] = epoch.images / epoch.seconds if epoch.seconds else 0.0
        scenes = self._sums.pop(SCENES, None)
        if scenes is not None:
            numbers |= scenes_use(scenes / self._images)
        numbers |= {name: float(total) / self._batches for name, total in self._sums.items()}
        if epoch.metrics is not None:
            numbers |= self._measured("evaluation", epoch.metrics)
        self._sums, self._batches, self._images = {}, 0, 0
        self._write(numbers)
        self._each(lambda logger: logger.flush())

    def finish(self, record: Record) -> None:
        """What is reported of the run: of the epoch that was chosen, on the split that is evaluated."""
        if record.metrics is not None:
            self._write(self._measured("final", record.metrics))

    def _measured(self, group: str, metrics: Metrics) -> dict[str, float]:
        """Every metric and the AP of every class where it is kept, percent; none of what has no value."""
        found = {f"{group}/{name}": getattr(metrics, name) for name in METRICS}
        # A tune's trial is kept without them.
        of_classes = zip(self._classes, metrics.per_class_ap, strict=True) if metrics.per_class_ap else ()
        found |= {f"{group}_AP/{name}": value for name, value in of_classes}
        return {name: 100 * value for name, value in found.items() if value is not None}

    def _add(self, name: str, value: Tensor) -> None:
        # A copy, because what a CUDA graph gives is written over by its next step.
        self._sums[name] = self._sums[name] + value if name in self._sums else value.clone()

    def _write(self, numbers: dict[str, float]) -> None:
        self._each(lambda logger: logger.write(numbers, self._step))

    def _each(self, do: Callable[[Logger], None]) -> None:
        for name, logger in list(self._open.items()):
            try:
                do(logger)
            except Exception as error:
                self._give_up(name, error)

    def _give_up(self, name: str, error: Exception) -> None:
        """A training is worth more than its log, whatever the code of another package raises."""
        self._open.pop(name, None)
        self._note(
            f"warning: the {name} log of {self._cell.run_id()} ends here and the training goes on: "
            f"{type(error).__name__}: {one_line(error)}"
        )


def scenes_use(share: Tensor) -> dict[str, float]:
    """How much the scenes were used.

    Args:
        share: `(S,)`, the mean over images of the probability of each scene.

    Returns:
        The share of each, percent, and how many scenes used equally would be as mixed: the exponential of
        the entropy of the shares, from 1 to S.
    """
    in_use = math.exp(float(torch.special.entr(share).sum()))
    named = {f"scenes/share_{number}": 100 * float(one) for number, one in enumerate(share, start=1)}
    return {"scenes/in_use": in_use, **named}
