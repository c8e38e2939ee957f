"""What a logger is given and what it is told: all that a file for another program has to implement."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class LoggedRun:
    """The training that a log is about.

    Attributes:
        name: of the run; the same whenever it goes on.
        folder: where its log lies; empty where the training begins, else what was logged before.
        settings: what the run is, as JSON can hold it: method, data set, schedule, seed.
        steps: how many batches were trained on before. What a log holds of later steps was written by a
            process that was killed, and comes again.
    """

    name: str
    folder: Path
    settings: Mapping[str, Any]
    steps: int


class Logger(Protocol):
    """Writes the log of one training. It may raise what it likes: the log ends then, the training goes on.

    A class of this kind is built as `TheLogger(run)` with a `LoggedRun`.
    """

    def write(self, numbers: Mapping[str, float], step: int) -> None:
        """Take down some numbers.

        Args:
            numbers: by name; a `/` in a name groups what is shown together.
            step: batches trained on since the beginning; never less than the time before.
        """

    def flush(self) -> None:
        """Keep what was written so far, whatever happens to this process: a checkpoint follows."""

    def close(self) -> None:
        """The training ended, well or not."""
