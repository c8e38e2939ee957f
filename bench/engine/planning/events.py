"""What happens while a matrix is planned and run, told to whoever shows it."""

from typing import Protocol

from bench.engine.planning.plan import Cell
from bench.progress import Progress
from bench.records.record import Epoch, Record


class Events(Protocol):
    """Told of everything that happens."""

    def task(self, name: str) -> Progress:
        """Something that takes a while begins, such as reading a data set; gives what it reports to."""

    def cell_started(self, cell: Cell, number: int, total: int) -> None:
        """A cell begins, the `number`-th of `total`."""

    def step(self, epoch: int, step: int, steps: int, loss: float, images: int) -> None:
        """A batch of `images` was trained on."""

    def epoch_finished(self, epoch: Epoch) -> None:
        """An epoch ended."""

    def cell_finished(self, record: Record) -> None:
        """A cell ended, well or not."""

    def note(self, text: str) -> None:
        """Something worth a line."""


class Silent:
    """Told of everything that happens, and shows nothing."""

    def task(self, name: str) -> Progress:
        """Nothing is shown of what takes a while."""
        return lambda done, total: None

    def cell_started(self, cell: Cell, number: int, total: int) -> None:
        """Nothing is shown."""

    def step(self, epoch: int, step: int, steps: int, loss: float, images: int) -> None:
        """Nothing is shown."""

    def epoch_finished(self, epoch: Epoch) -> None:
        """Nothing is shown."""

    def cell_finished(self, record: Record) -> None:
        """Nothing is shown."""

    def note(self, text: str) -> None:
        """Nothing is shown."""
