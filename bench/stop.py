"""Being told to stop: a run then ends at a step's end, and the next command goes on from its last epoch."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPS = (signal.SIGTERM, signal.SIGUSR2)
"""What a scheduler sends when the time is up or the place is needed; USR1 is left to libraries."""


class Stopped(BaseException):
    """The process was told to stop; past whoever catches what goes wrong in a run, as Ctrl-C is.

    Attributes:
        signal: by what.
    """

    def __init__(self, number: int, then: str = "") -> None:
        super().__init__(then)
        self.signal = signal.Signals(number)


class _Asked:
    """What this process was told, and whether it is at work in steps, whose end is waited for."""

    def __init__(self) -> None:
        self.stop: BaseException | None = None
        self.in_steps = 0


_asked = _Asked()


@contextmanager
def heeding_signals() -> Iterator[None]:
    """Stop when a signal says so: at a step's end, or at once where there are no steps.

    In the main thread alone, which is the one that Python gives signals to.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _heed) for number in STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.stop = None


def _heed(number: int, _: FrameType | None) -> None:
    if not _asked.in_steps:
        raise Stopped(number)
    _asked.stop = _asked.stop or Stopped(number)


@contextmanager
def in_steps() -> Iterator[None]:
    """What is done here calls `stop_if_asked` after each step."""
    _asked.in_steps += 1
    try:
        yield
    finally:
        _asked.in_steps -= 1


def ask(stop: BaseException) -> None:
    """Have the next step's end raise this, from any thread."""
    _asked.stop = _asked.stop or stop


def forget(kind: type[BaseException]) -> None:
    """Take back what was asked, if it is of this kind."""
    if isinstance(_asked.stop, kind):
        _asked.stop = None


def stop_if_asked() -> None:
    """Called where a training can be left.

    Raises:
        Stopped: this process was told to.
    """
    if _asked.stop is not None:
        raise _asked.stop


def leave_signals_to_the_parent(_: int = 0) -> None:
    """For processes that do a part: a signal to all of a task must not end them before the parent stops."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
