"""Take batches from loading processes, and tell when one of these is gone."""

import re
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import active_children
from multiprocessing.connection import wait
from typing import Any, Final, Generic, TypeVar

from torch.utils.data import DataLoader

from bench.errors import UserError

BatchOf = TypeVar("BatchOf")

REAPED: Final = 2.0
"""Seconds after its connection has broken in which a process that was killed shows as ended."""
_NO_ROOM: Final = re.compile(r"unable to (write to|mmap|open) .*(/torch_|shm)")
_NO_ROOM_SAID: Final = (
    "a loading process found no room in shared memory (/dev/shm)",
    "make room, or use fewer with --workers",
)


class LoadingLostError(UserError):
    """A loading process is gone, and with it the batches that it was at.

    Attributes:
        what: says so, as the beginning of a sentence.
        then: what to do.
    """

    def __init__(self, what: str, then: str) -> None:
        super().__init__(f"{what[:1].upper()}{what[1:]}: {then}.")
        self.what, self.then = what, then


class Loading(Generic[BatchOf]):
    """The batches of a loader, one epoch after the other.

    Args:
        loader: with processes or without.
    """

    def __init__(self, loader: "DataLoader[Any]") -> None:
        self.loader = loader
        self._processes: list[Any] = []
        self._batches: Any = None

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[BatchOf]:
        """The batches of an epoch.

        Raises:
            LoadingLostError: a process is gone.
        """
        try:
            self._begin()
            yield from self._batches
        except Exception as error:
            # Not the exception itself: in a local name it holds on to the frame, and so to the loader, in a
            # circle, and queues do not end in good order where that is collected.
            lost = self._lost(error)
            self._end()
            if lost:
                raise LoadingLostError(*lost) from error
            raise

    def _begin(self) -> None:
        before = active_children()
        with _handler_kept():
            self._batches = iter(self.loader)
        # Those of the epoch before are at work for this one too.
        self._processes += [one for one in active_children() if one not in before]

    def _end(self) -> None:
        """End the processes now: in forks made later, what is collected complains that it is no parent."""
        if self._processes and self._batches is not None:
            self._batches._shutdown_workers()

    def _lost(self, error: Exception) -> tuple[str, str] | None:
        """What became of a process, if one is gone, and what to do."""
        if _NO_ROOM.search(str(error)):
            return _NO_ROOM_SAID
        if isinstance(error, ConnectionError | EOFError):
            closed = wait([one.sentinel for one in self._processes], REAPED)
            for one in self._processes:
                if one.sentinel in closed:
                    one.join(REAPED)
        codes = [one.exitcode for one in self._processes if one.exitcode is not None]
        if not codes:
            return None
        if -signal.SIGBUS in codes:
            return _NO_ROOM_SAID
        killed = [signal.Signals(-code).name for code in codes if code < 0]
        ended = f"was killed ({killed[0]})" if killed else "ended"
        return (
            f"a loading process {ended}, as the system does where memory is short",
            "use fewer with --workers",
        )


@contextmanager
def _handler_kept() -> Iterator[None]:
    """In here what happens when a process ends is left as it is.

    PyTorch's handler raises wherever the main thread happens to be: while it asks another loading process for
    a tensor, whose thread then prints a traceback of the broken connection, or while it ends them. Without
    it, what waits for a batch looks every few seconds whether all are there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)
