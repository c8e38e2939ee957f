"""Who is at work on a run, and how far: what others see of a claim."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from bench.alive import Process


@dataclass(frozen=True)
class Holder:
    """Who has claimed a run.

    Attributes:
        token: of this claim alone.
        process: that is at work.
        user: whose.
        since: when it began, in UTC.
        job: the job that the run is part of, and `task` its part of it; empty for a plain command.
        task: see `job`.
    """

    token: str
    process: Process
    user: str
    since: str
    job: str = ""
    task: str = ""

    def describe(self) -> str:
        """Who, where and since when."""
        part = f", job {self.job}" if self.job else ""
        return (
            f"{self.user} on {self.process.host}, process {self.process.pid}{part}, since {self.since[:19]}"
        )


NOBODY = Holder("", Process("", "", 0, ""), "somebody", "")
"""The holder of a claim that cannot be read, as of one that is just being written."""


@dataclass
class Progress:
    """How far a run is: what is being done, epochs and steps from 1, and images per second."""

    doing: str = ""
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    images_per_second: float = 0.0


@dataclass(frozen=True)
class Held:
    """A claim as others see it; `over` where its holder is gone."""

    run_id: str
    holder: Holder
    progress: Progress
    over: bool


_HOLDER, _PROGRESS = TypeAdapter(Holder), TypeAdapter(Progress)


def holder_of(fields: object) -> Holder:
    """A holder as it was written down.

    Raises:
        ValueError: it is none.
    """
    return _HOLDER.validate_python(fields)


def progress_of(fields: object) -> Progress:
    """A progress as it was written down.

    Raises:
        ValueError: it is none.
    """
    return _PROGRESS.validate_python(fields)
