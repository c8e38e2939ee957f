"""What happens while something takes long, as plain lines: for logs and pipes."""

import threading
import time
from contextlib import AbstractContextManager, suppress
from types import TracebackType

from rich.console import Console

from bench.engine.planning.plan import Cell
from bench.progress import Progress
from bench.records.record import Epoch, Record

PATIENCE = 3.0
"""Seconds without a line after which a log shows a sign of life; then twice as many, and so on."""
LONGEST = 60.0
"""Seconds between two such signs at most."""


def describe_seconds(seconds: float) -> str:
    """A duration in words: `40 s`, `5 min`, `2 h 10 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def describe_epoch(epoch: Epoch) -> str:
    """One line on an epoch."""
    rate = epoch.images / epoch.seconds if epoch.seconds else 0.0
    measured = f", mAP {100 * epoch.metrics.mAP:.2f}" if epoch.metrics else ""
    return f"epoch {epoch.epoch + 1}: loss {epoch.loss:.4f}{measured}, {rate:.0f} images/s, lr {epoch.lr:.2e}"


def describe_record(record: Record) -> str:
    """One line on a run that ended."""
    if record.status == "failed":
        return f"{record.run_id}: FAILED: {record.error}"
    took = f" in {record.cost.wall_seconds:.0f} s" if record.cost else ""
    measured = f"mAP {100 * record.metrics.mAP:.2f}" if record.metrics else "scored; a server has the labels"
    return f"{record.run_id}: {measured}{took}"


class LogDisplay(AbstractContextManager["LogDisplay"]):
    """Plain lines for log files and pipes: one for each event, and signs of life in between."""

    def __init__(self, console: Console, patience: float | None = None) -> None:
        self._console = console
        self._patience = PATIENCE if patience is None else patience
        self._stop = threading.Event()
        self._watch = threading.Thread(target=self._show_signs, daemon=True)
        self._busy: _Busy | None = None
        self._last = time.monotonic()
        self._signs = 0

    def __enter__(self) -> "LogDisplay":
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._watch.join()

    def _show_signs(self) -> None:
        """Print what is going on when nothing was printed for a while; more rarely the longer it takes.

        Where nothing can be printed any more, the run's own next line finds that.
        """
        with suppress(OSError):
            self._signs_until_stopped()

    def _signs_until_stopped(self) -> None:
        while not self._stop.wait(self._patience / 10):
            wait = min(self._patience * 2**self._signs, LONGEST)
            busy = self._busy
            if busy is not None and time.monotonic() - self._last > wait:
                self._print(f"  {busy.describe()}")
                self._signs += 1

    def task(self, name: str) -> Progress:
        """From now on show signs of this."""
        busy = self._begin(name)

        def report(done: int, total: int) -> None:
            busy.done, busy.total = done, total

        return report

    def _begin(self, name: str) -> "_Busy":
        self._busy = busy = _Busy(name)
        self._last, self._signs = time.monotonic(), 0
        return busy

    def cell_started(self, cell: Cell, number: int, total: int) -> None:
        """Print the name of the cell."""
        self.note(f"[{number}/{total}] {cell.spec.method.label()} on {cell.spec.data}, seed {cell.spec.seed}")
        self._begin("setting up")

    def step(self, epoch: int, step: int, steps: int, loss: float, images: int) -> None:
        """Have something to show of a long epoch."""
        if self._busy is None or step == 1:
            self._begin("")
        assert self._busy is not None
        self._busy.name = f"epoch {epoch + 1}, loss {loss:.4f}, batch"
        self._busy.done, self._busy.total = step, steps

    def epoch_finished(self, epoch: Epoch) -> None:
        """Print the epoch's line."""
        self.note(f"  {describe_epoch(epoch)}")
        self._begin("setting up the next epoch")

    def cell_finished(self, record: Record) -> None:
        """Print the outcome."""
        self.note(describe_record(record))
        self._busy = None

    def note(self, text: str) -> None:
        """Print a line."""
        self._print(text)
        self._signs = 0

    def _print(self, text: str) -> None:
        self._last = time.monotonic()
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Busy:
    """What is going on."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.since = time.monotonic()
        self.done = 0
        self.total = 0

    def describe(self) -> str:
        """How far it is, and how long it will take where that can be known."""
        spent = time.monotonic() - self.since
        if not self.done or not self.total:
            return f"{self.name} ... {describe_seconds(spent)} so far"
        left = spent / self.done * (self.total - self.done)
        return f"{self.name} {self.done} of {self.total}, about {describe_seconds(left)} left"
