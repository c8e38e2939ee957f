"""Work that does not come back, for processes that must be ended."""

import ctypes
import os
import signal

STUCK, KILLED = 5, 9


def work(number: int) -> int:
    """The square of a number; one of them hangs as a decoder in C does, one ends its process."""
    if number == STUCK:
        ctypes.PyDLL(None).sleep(1000)  # in C, with Python's lock held: no signal, no thread gets through
    if number == KILLED:
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2
