"""Bring batches to the device one ahead, while it computes with the one before."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from bench.datasets.feed import Batch


class Brought(NamedTuple):
    """A batch twice.

    Attributes:
        batch: as it was fed, in the machine's memory.
        there: the same with its tensors on the device; on a CPU it is the batch itself.
    """

    batch: Batch
    there: Batch


def bring(feed: Iterable[Batch], device: torch.device) -> Iterator[Brought]:
    """The batches of a feed on a device.

    To a GPU, each is copied from pinned memory on a stream of its own while the one before is computed with.
    """
    if device.type != "cuda":
        for batch in feed:
            yield Brought(batch, batch)
        return
    copies = _Copies(device)
    ahead: tuple[Brought, torch.cuda.Event] | None = None
    for batch in feed:
        following = copies.begin(batch)
        if ahead is not None:
            yield copies.hand_over(*ahead)
        ahead = following
    if ahead is not None:
        yield copies.hand_over(*ahead)


class _Copies:
    """Copies to a GPU on a stream of their own."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def begin(self, batch: Batch) -> tuple[Brought, torch.cuda.Event]:
        """Begin to copy a batch; the event tells when that is done."""
        with torch.cuda.stream(self._stream):
            there = on_each(batch, self._copy)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record(self._stream)
        return Brought(batch, there), done

    def _copy(self, tensor: Tensor) -> Tensor:
        # A loader pins what it loads; stored features are gathered into ordinary memory.
        pinned = tensor if tensor.is_pinned() else tensor.pin_memory()
        return pinned.to(self._device, non_blocking=True)

    def hand_over(self, brought: Brought, done: torch.cuda.Event) -> Brought:
        """Let the stream that computes, not this process, wait for the copy of a batch."""
        computing = torch.cuda.current_stream(self._device)
        computing.wait_event(done)

        def used(tensor: Tensor) -> Tensor:
            tensor.record_stream(computing)  # so that its memory is not copied to while it is computed with
            return tensor

        on_each(brought.there, used)
        return brought


def on_each(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """A batch with each of its tensors changed."""
    earlier = None if batch.earlier is None else change(batch.earlier)
    return batch._replace(images=change(batch.images), labels=change(batch.labels), earlier=earlier)
