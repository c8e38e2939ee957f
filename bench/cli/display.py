"""What a person sees while something takes long: live bars on a terminal, plain lines elsewhere."""

import time
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from bench.engine.planning.log import LogDisplay, describe_record
from bench.engine.planning.plan import Cell
from bench.progress import Progress
from bench.records.record import Epoch, Record


class LiveDisplay(AbstractContextManager["LiveDisplay"]):
    """Bars on a terminal: one for each task, for the matrix, and for the cell that is running."""

    def __init__(self, console: Console) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            speed_estimate_period=300,
        )
        self._tasks: list[TaskID] = []
        self._matrix: TaskID | None = None
        self._cell: TaskID | None = None
        self._number = 0
        self._epochs = 0
        self._rate = 0.0
        self._measured = ""
        self._since = time.monotonic()

    def __enter__(self) -> "LiveDisplay":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop_tasks()
        self._bars.stop()

    def task(self, name: str) -> Progress:
        """Put up a bar, which goes when the next thing begins."""
        self._drop_tasks()
        task = self._bars.add_task(name, total=None, status="")
        self._tasks.append(task)
        return lambda done, total: self._bars.update(task, completed=done, total=total)

    def _drop_tasks(self) -> None:
        for task in self._tasks:
            self._bars.remove_task(task)
        self._tasks.clear()

    def cell_started(self, cell: Cell, number: int, total: int) -> None:
        """Put up a bar for the cell, below that of the matrix."""
        self._drop_tasks()
        if self._matrix is None:
            self._matrix = self._bars.add_task("matrix", total=total, status="")
        self._number = number
        self._epochs = cell.spec.schedule.epochs
        self._measured = ""
        self._since = time.monotonic()
        self._bars.update(self._matrix, status=f"{cell.spec.data}, seed {cell.spec.seed}")
        self._cell = self._bars.add_task(cell.spec.method.label(), total=None, status="setting up")

    def step(self, epoch: int, step: int, steps: int, loss: float, images: int) -> None:
        """Move the cell's bar."""
        self._drop_tasks()
        now = time.monotonic()
        rate = images / max(1e-9, now - self._since)
        # Smoothed, so that it can be read.
        self._rate = rate if step == 1 else 0.9 * self._rate + 0.1 * rate
        self._since = now
        if self._cell is not None and self._matrix is not None:
            done = (epoch * steps + step) / (self._epochs * steps)
            self._bars.update(self._matrix, completed=self._number - 1 + done)
            where = f"epoch {epoch + 1}/{self._epochs}"
            self._bars.update(
                self._cell,
                total=self._epochs * steps,
                completed=epoch * steps + step,
                status=f"{where}  loss {loss:.4f}{self._measured}  {self._rate:.0f} images/s",
            )

    def epoch_finished(self, epoch: Epoch) -> None:
        """Keep the mAP in view."""
        self._drop_tasks()
        if epoch.metrics:
            self._measured = f"  mAP {100 * epoch.metrics.mAP:.2f}"
        self._since = time.monotonic()

    def cell_finished(self, record: Record) -> None:
        """Replace the cell's bar by a line."""
        self._drop_tasks()
        if self._cell is not None:
            self._bars.remove_task(self._cell)
            self._cell = None
        self.note(describe_record(record))
        if self._matrix is not None:
            self._bars.update(self._matrix, completed=self._number)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)


def open_display(console: Console) -> "LiveDisplay | LogDisplay":
    """The display that suits where the output goes."""
    return LiveDisplay(console) if console.is_terminal else LogDisplay(console)
