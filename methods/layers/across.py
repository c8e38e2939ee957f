"""What a head computes over the images of a whole batch, which several processes may hold the parts of.

Each process has the images of its rank, in the order of the ranks. With one process, and in evaluation, where
each process scores whole batches, every function here is what it is without, to the bit.

A loss is the sum of what the processes compute, so gradients are sums too: what goes back through a sum over
the processes is the sum of what each of them sends back.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function


class ProcessLostError(Exception):
    """Another process that trains the same batch is gone, and what was asked of it will not come."""


class Parts(NamedTuple):
    """A batch that is shared.

    Attributes:
        sizes: the images of each process.
        rank: of this one.
    """

    sizes: tuple[int, ...]
    rank: int

    @property
    def own(self) -> slice:
        """Where the images of this process lie in the batch."""
        first = sum(self.sizes[: self.rank])
        return slice(first, first + self.sizes[self.rank])


_present: Parts | None = None


@contextmanager
def shared(sizes: Sequence[int], rank: int) -> Iterator[None]:
    """In here the batch at work is shared by the processes of `torch.distributed`, by these parts."""
    global _present
    _present = Parts(tuple(sizes), rank)
    try:
        yield
    finally:
        _present = None


def add_up(tensor: Tensor) -> Tensor:
    """Replace a contiguous tensor by its sum over the processes, without a gradient.

    Raises:
        ProcessLostError: one of them is gone.
    """
    try:
        dist.all_reduce(tensor)
    except RuntimeError as error:
        raise ProcessLostError(str(error)) from error
    return tensor


def total(tensor: Tensor) -> Tensor:
    """The sum over the processes of what each of them has summed over its images."""
    if _present is None:
        return tensor
    summed: Tensor = _Total.apply(tensor)
    return summed


def mean_of_images(values: Tensor) -> Tensor:
    """The mean over the images of the batch, of `(b, ...)` for those here."""
    if _present is None:
        return values.mean(dim=0)
    return total(values.sum(dim=0)) / sum(_present.sizes)


def of_all_images(values: Tensor) -> Tensor:
    """From `(b, ...)` for the images here to `(B, ...)` for those of the batch, in its order."""
    if _present is None:
        return values
    gathered: Tensor = _Gather.apply(values, _present)
    return gathered


def of_own_images(values: Tensor) -> Tensor:
    """From `(B, ...)` for the images of the batch to `(b, ...)` for those here."""
    return values if _present is None else values[_present.own]


def drawn(draw: Callable[[int], Tensor], images: int) -> Tensor:
    """What is drawn for the images here: their part of what one process draws for the batch.

    Args:
        draw: from a number of images to a tensor with so many rows.
        images: how many are here.
    """
    if _present is None:
        return draw(images)
    of_all = draw(sum(_present.sizes))
    # Dropout has other numbers in every process: what the first has drawn counts.
    numbers = of_all.to(torch.int64 if of_all.dtype == torch.bool else of_all.dtype)
    counts = numbers if _present.rank == 0 else torch.zeros_like(numbers)
    return add_up(counts)[_present.own].to(of_all.dtype)


class _Total(Function):
    """A sum over the processes."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        return add_up(tensor.clone(memory_format=torch.contiguous_format))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return add_up(gradient.clone(memory_format=torch.contiguous_format))


class _Gather(Function):
    """The images of all processes."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, parts: Parts) -> Tensor:
        ctx.own = parts.own
        whole = values.new_zeros(sum(parts.sizes), *values.shape[1:])
        whole[parts.own] = values
        # Parts of different sizes, which no gathering takes on every kind of device.
        return add_up(whole)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return add_up(gradient.clone(memory_format=torch.contiguous_format))[ctx.own], None
