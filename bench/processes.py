"""Share work out to processes, from wherever it is called: a command, a plain script, a notebook."""

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from typing import Any, NamedTuple, TextIO, TypeVar

from bench.stop import STOPS, leave_signals_to_the_parent

IDLE = 20
"""Seconds after which a process that has nothing to do ends."""

T = TypeVar("T")
R = TypeVar("R")


def map_in_processes(
    function: Callable[[T], R], items: Iterable[T], processes: int, at_once: int
) -> Iterator[R]:
    """The results of a function, in order.

    By loky, whose processes do not run the caller's script again as those of `multiprocessing` do: a script
    needs no main guard. They are no forks: the caller's threads (torch has many) must not be copied.

    Args:
        function: of a module that can be imported.
        items: what it is called with.
        processes: how many at a time.
        at_once: how many items a process is given at a time.

    Raises:
        concurrent.futures.process.BrokenProcessPool: a process was killed, or none could be started.
    """
    # Here, because little of what imports this module needs it.
    from loky import get_reusable_executor

    _start_tracker()
    pool = get_reusable_executor(processes, timeout=IDLE, initializer=_do_a_part, initargs=(os.getpid(),))
    _pools[:] = [pool]
    yield from pool.map(function, items, chunksize=at_once)


def _start_tracker() -> None:
    """Start the process that tidies up after loky's so that a signal to all of a task does not end it.

    What it finds to be tidied up when this process died of a signal it would warn of, after all else is said.
    """
    from loky.backend.resource_tracker import ensure_running

    warned = os.environ.get("PYTHONWARNINGS")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)  # which it inherits, as it does no handler
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (warned, "ignore:resource_tracker:UserWarning")))
    try:
        ensure_running()
    finally:
        del os.environ["PYTHONWARNINGS"]
        if warned is not None:
            os.environ["PYTHONWARNINGS"] = warned
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_pools: list[Any] = []


def end_processes() -> None:
    """End those that wait for more to do, before this process dies of a signal and leaves them behind."""
    for pool in _pools:
        pool.shutdown(wait=True, kill_workers=True)
    _pools.clear()


class Ended(NamedTuple):
    """In place of a result: the process that worked on an item was ended.

    Attributes:
        too_long: because it took longer than it may, not by itself.
    """

    too_long: bool


def map_bounded(
    function: Callable[[T], R], items: Sequence[T], processes: int, at_once: int, seconds: float
) -> Iterator[R | Ended]:
    """The results of a function, in order, with `Ended` for what it does not come back from.

    Always in processes, because nothing else ends a library that never returns to Python.

    Args:
        function: of a module that can be imported.
        items: what it is called with.
        processes: how many at a time; two at least.
        at_once: how many items a process is given at a time.
        seconds: how long one item may take.
    """
    bounded = partial(_call_within, function, seconds)
    done = 0
    while done < len(items):
        try:
            for result in map_in_processes(bounded, items[done:], max(2, processes), at_once):
                yield result
                done += 1
        except BrokenProcessPool:
            # One of those that were being worked on, most likely: each is tried by itself.
            suspects = items[done : done + 2 * at_once * max(2, processes)]
            for outcome in _one_by_one(bounded, suspects, seconds):
                yield outcome
                done += 1


def _one_by_one(function: Callable[[T], R], items: Sequence[T], seconds: float) -> Iterator[R | Ended]:
    for item in items:
        started = time.monotonic()
        try:
            yield from map_in_processes(function, [item], 2, at_once=1)
        except BrokenProcessPool:
            yield Ended(time.monotonic() - started >= seconds)


def _call_within(function: Callable[[T], R], seconds: float, item: T) -> R:
    # A thread of C that ends this process, whatever the others are doing.
    faulthandler.dump_traceback_later(seconds, exit=True, file=_nowhere())
    try:
        return function(item)
    finally:
        faulthandler.cancel_dump_traceback_later()


@cache
def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 (open for as long as the process)


def _do_a_part(parent: int) -> None:
    """What a process does first that works for another."""
    leave_signals_to_the_parent()
    end_with(parent)


def end_with(parent: int) -> None:
    """Let this process end when its parent was killed, instead of waiting for work."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
