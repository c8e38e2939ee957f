"""Share work out to processes, from wherever it is called: a command, a plain script, a notebook."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TypeVar

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
    from joblib import Parallel, delayed

    tasks = (delayed(_call)(function, item) for item in items)
    yield from Parallel(processes, backend="loky", return_as="generator", batch_size=at_once)(tasks)


def _call(function: Callable[[T], R], item: T) -> R:
    _end_with(os.getppid())
    return function(item)


@cache
def _end_with(parent: int) -> None:
    """Let this process end when its parent was killed, instead of waiting for work for minutes."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
