"""Numbers that a device has computed, read once they have arrived, so that nothing waits for the device."""

from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

# As many steps may be on their way: enough that the device never waits to be told what comes next, and few
# enough that a number that is not finite is found soon, and the display is not far behind.
ON_THE_WAY = 8

About = TypeVar("About")


class Arrival(Protocol):
    """Tells when a copy is done, as `torch.cuda.Event` does."""

    def query(self) -> bool:
        """Whether it is."""

    def synchronize(self) -> None:
        """Wait until it is."""


class Arrivals(Generic[About]):
    """Numbers on their way from a device, each with what it is of, in the order in which they were sent."""

    def __init__(self, limit: int = ON_THE_WAY, steady: bool = False) -> None:
        """None are on their way.

        Args:
            limit: how many may be.
            steady: read each as many numbers after it was sent, also where it is there before: in several
                processes that is after the same step.
        """
        self._limit = limit
        self._steady = steady
        self._sent: deque[tuple[About, Tensor, Arrival | None]] = deque()

    def send(self, about: About, value: Tensor) -> None:
        """Have a scalar copied; nothing waits for that.

        Args:
            about: what it is of, given back with it.
            value: the scalar, on its device.
        """
        self._sent.append((about, *_copied(value.detach())))

    def arrived(self) -> Iterator[tuple[About, float]]:
        """Those that are there, the oldest first; waited for only where more are on their way than may be."""
        while self._sent:
            about, value, arrival = self._sent[0]
            if arrival is not None and (self._steady or not arrival.query()):
                if len(self._sent) <= self._limit:
                    return
                arrival.synchronize()
            self._sent.popleft()
            yield about, value.item()

    def rest(self) -> Iterator[tuple[About, float]]:
        """All that are left, waited for."""
        while self._sent:
            about, value, arrival = self._sent.popleft()
            if arrival is not None:
                arrival.synchronize()
            yield about, value.item()


def _copied(value: Tensor) -> tuple[Tensor, Arrival | None]:
    """A copy, made by the GPU when it gets there, and what tells when that is; on a CPU the value itself."""
    if value.device.type != "cuda":
        return value, None
    copy = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
    copy.copy_(value, non_blocking=True)
    arrival = torch.cuda.Event()  # type: ignore[no-untyped-call]
    arrival.record(torch.cuda.current_stream(value.device))
    return copy, arrival
