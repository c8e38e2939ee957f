"""What whoever watches cells side by side is told."""

from collections.abc import Sequence
from typing import Protocol

from bench.progress import Progress
from bench.records.holder import Held


class Screen(Protocol):
    """Told of everything that happens to the cells of a job."""

    def task(self, name: str) -> Progress:
        """Something that takes a while begins; gives what it reports to."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def running(self, ended: int, total: int, held: Sequence[Held]) -> None:
        """So many cells of all have ended, and these are running."""
