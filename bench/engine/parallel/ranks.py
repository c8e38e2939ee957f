"""The processes that train a cell together, as each of them sees the others.

They are not wrapped by PyTorch's DistributedDataParallel: gradients are added up once for each optimiser
step, however many batches share it, and with the weights that make their sum the gradient of the whole batch.
So Fabric sees one process on one device, and what a scheduler says of its tasks is nothing to it.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from torch import Tensor, nn

T = TypeVar("T")

# Within which processes fail that fail for the same reason.
TOGETHER = timedelta(seconds=10)
NUMBERS_AT_ONCE = 2**23
"""Of gradients that are sent together, which are copied for that."""


class Unlike(RuntimeError):  # noqa: N818 (what is said of the processes)
    """The processes no longer have the same model."""


class _Outcome(NamedTuple):
    value: Any
    error: Exception | None


@dataclass(frozen=True)
class Ranks:
    """One of the processes; alone, unless it was started as one of several.

    Attributes:
        rank: of this one, from 0.
        count: of all.
        local_rank: of this one among those of its machine.
        local_count: of its machine.
        store: where they leave each other notes.
        control: the group in which they exchange objects, beside that in which they sum tensors.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1
    store: Any = None
    control: Any = None

    @property
    def leads(self) -> bool:
        """Whether this process decides, shows and writes."""
        return self.rank == 0

    def from_first(self, compute: Callable[[], T]) -> T:
        """What the first process computes, in every process; what it raises is raised in all."""
        if self.count == 1:
            return compute()
        import torch.distributed as dist

        told = [_attempt(compute) if self.leads else None]
        with _noticing():
            dist.broadcast_object_list(told, src=0, group=self.control)
        outcome = told[0]
        assert outcome is not None
        if outcome.error is not None:
            raise outcome.error
        value: T = outcome.value
        return value

    def first_then_others(self, work: Callable[[], T]) -> T:
        """What every process does for itself; the others after the first, whose files they then find."""
        if self.leads:
            done = work()
            self._wait()
            return done
        self._wait()
        return work()

    def _wait(self) -> None:
        """Until all are here."""
        self.each(None)

    def each(self, value: T) -> list[T]:
        """The values of all processes, in the order of the ranks, in every process."""
        if self.count == 1:
            return [value]
        import torch.distributed as dist

        values: list[Any] = [None] * self.count
        with _noticing():
            dist.all_gather_object(values, value, group=self.control)
        return values

    def to_first(self, value: T) -> list[T]:
        """The values of all processes in the first; in the others their own alone."""
        if self.count == 1:
            return [value]
        import torch.distributed as dist

        values: list[Any] | None = [None] * self.count if self.leads else None
        with _noticing():
            dist.gather_object(value, values, dst=0, group=self.control)
        return [value] if values is None else values

    def in_order_of_batches(self, own: Iterable[T]) -> list[T]:
        """What each process has of each batch: of the first batch, in the order of the ranks, and so on."""
        return [part for batch in zip(*self.each(list(own)), strict=True) for part in batch]

    @contextmanager
    def sharing(self, images: int) -> Iterator[None]:
        """In here a batch of so many images is computed with, of which each process has a part."""
        if self.count == 1:
            yield
            return
        from bench.datasets.feed import part_sizes
        from bench.methods.layers.across import shared
        from bench.methods.layers.shared_statistics import SharedStatistics

        with shared(part_sizes(images, self.count), self.rank), SharedStatistics(self.rank, self.count):
            yield

    def total(self, number: "Tensor") -> "Tensor":
        """The sum over the processes of a scalar, which is left as it is."""
        if self.count == 1:
            return number
        from bench.methods.layers.across import add_up

        return add_up(number.detach().clone())

    def add_up(self, tensors: Iterable["Tensor"]) -> None:
        """Replace tensors, the same ones in every process, by their sums over the processes."""
        if self.count == 1:
            return
        import torch

        from bench.methods.layers.across import add_up

        for together in _sent_together(tensors):
            if len(together) == 1 and together[0].is_contiguous():
                add_up(together[0])
                continue
            sums = add_up(torch.cat([one.flatten() for one in together]))
            sizes = [one.numel() for one in together]
            for one, part in zip(together, torch.split(sums, sizes), strict=True):
                one.copy_(part.view(one.shape))

    def check_alike(self, model: "nn.Module") -> None:
        """See that all processes have the same model, to the bit.

        Raises:
            Unlike: naming what differs: what a head counts of the images of its own process alone.
        """
        if self.count == 1:
            return
        import torch
        import xxhash

        digests = {
            name: xxhash.xxh3_64_intdigest(
                tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data
            )
            for name, tensor in model.state_dict().items()
            if tensor.numel()
        }
        all_digests = self.each(digests)
        different = [name for name in digests if len({found.get(name) for found in all_digests}) > 1]
        if different:
            raise Unlike(
                f"{different[0]} ({len(different)} in all) is not the same in all {self.count} processes; a "
                "head that counts the images of a batch, or computes over them, does so with "
                "bench.methods.layers.across"
            )

    def failed_together(self, what: str) -> bool:
        """Whether the other processes have failed too, so that all may go on to what comes next.

        Args:
            what: has failed in this one.
        """
        if self.count == 1:
            return True
        try:
            self.store.set(f"failed/{what}/{self.rank}", "")
            self.store.wait([f"failed/{what}/{rank}" for rank in range(self.count)], TOGETHER)
        except RuntimeError:
            return False
        return True


ALONE = Ranks()


def _attempt(compute: Callable[[], Any]) -> _Outcome:
    try:
        return _Outcome(compute(), None)
    except Exception as error:
        return _Outcome(None, error)


@contextmanager
def _noticing() -> Iterator[None]:
    """A connection that breaks is another process that is gone."""
    from bench.methods.layers.across import ProcessLostError

    try:
        yield
    except RuntimeError as error:
        raise ProcessLostError(str(error)) from error


def _sent_together(tensors: Iterable["Tensor"]) -> Iterator[list["Tensor"]]:
    """Tensors of one kind in a row, so many that the number of messages and the copy of them stay small."""
    together: list[Tensor] = []
    for tensor in tensors:
        numbers = sum(one.numel() for one in together) + tensor.numel()
        if together and (together[0].dtype != tensor.dtype or numbers > NUMBERS_AT_ONCE):
            yield together
            together = []
        together.append(tensor)
    if together:
        yield together
