"""The processes that train a cell together, as each of them sees the others.

They are not wrapped by PyTorch's DistributedDataParallel: gradients are added up once for each optimiser
step, however many batches share it, and with the weights that make their sum the gradient of the whole batch.
So Fabric sees one process on one device, and what a scheduler says of its tasks is nothing to it.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from bench.errors import UserError
from bench.experiment.matrix import MatrixSpec
from bench.stop import leave_signals_to_the_parent

if TYPE_CHECKING:
    from torch import Tensor, nn

T = TypeVar("T")

RENDEZVOUS, LAUNCHER = "BENCH_RENDEZVOUS", "BENCH_LAUNCHER"
"""What `bench.engine.launch` tells the processes that it starts: where they meet, and its own number."""
_TORCHRUN = "TORCHELASTIC_RUN_ID"
# A process that is gone is noticed by who started it, or by its closed connection; one that reads a large
# data set or computes features has all the time that it takes.
PATIENCE = timedelta(days=7)
# Within which processes fail that fail for the same reason.
TOGETHER = timedelta(seconds=10)
LOST = 75
"""What a process ends with that has lost another, whose end has a reason of its own."""
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

    @property
    def machines(self) -> int:
        """Among which the processes are spread."""
        return self.count // self.local_count

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


def started() -> bool:
    """Whether this process was started as one of several."""
    return RENDEZVOUS in os.environ or _TORCHRUN in os.environ


@contextmanager
def joined(matrix: MatrixSpec) -> Iterator[Ranks]:
    """Take part as one of the processes that a matrix asks for; in here they are connected.

    Raises:
        UserError: there are not as many as it asks for, or not as many GPUs.
    """
    if matrix.processes == 1 or matrix.dry_run:
        if _TORCHRUN in os.environ and os.environ.get("WORLD_SIZE", "1") != "1":
            raise UserError(
                "torchrun has started several processes, which would all train the same: give --devices and "
                "--nodes, or start the command without torchrun."
            )
        yield ALONE
        return
    own = {name: _number(name) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")}
    asked = matrix.devices, matrix.processes
    if (own["LOCAL_WORLD_SIZE"], own["WORLD_SIZE"]) != asked:
        raise UserError(
            f"--devices {matrix.devices} --nodes {matrix.nodes} asks for {asked[1]} processes, {asked[0]} on "
            f"a machine, and {own['WORLD_SIZE']} were started, {own['LOCAL_WORLD_SIZE']} on this one: give "
            "torchrun's --nproc-per-node and --nnodes the same numbers."
        )
    ranks = _connected(matrix, own)
    # Here, because they import torch.
    import torch.distributed as dist

    from bench.methods.layers.across import ProcessLostError

    try:
        yield ranks
        ranks.each(None)  # none leaves while another still asks it for something
    except ProcessLostError as error:
        # At once: what closes connections in good order would wait for the one that is gone.
        sys.stderr.write(f"{error}\n")
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(LOST)
    dist.destroy_process_group()


def _number(name: str) -> int:
    try:
        return int(os.environ[name])
    except (KeyError, ValueError):
        raise UserError(f"{name} is no number in the environment: start the processes by torchrun.") from None


def _connected(matrix: MatrixSpec, own: dict[str, int]) -> Ranks:
    import torch
    import torch.distributed as dist
    from torch.distributed.rendezvous import rendezvous

    launcher = os.environ.get(LAUNCHER)
    if launcher is not None:
        from bench.processes import end_with

        end_with(int(launcher))
    on_gpu = matrix.device != "cpu" and torch.cuda.is_available()
    if on_gpu:
        there = torch.cuda.device_count()
        if there < matrix.devices:
            raise UserError(
                f"--devices {matrix.devices} asks for as many GPUs, and PyTorch sees {there}: ask for fewer, "
                "or use --device cpu."
            )
        torch.cuda.set_device(own["LOCAL_RANK"])
    rank, count = own["RANK"], own["WORLD_SIZE"]
    if rank:  # the first decides when they end; the others do when it is gone
        leave_signals_to_the_parent()
    if place := os.environ.get(RENDEZVOUS):
        store: Any = dist.FileStore(place, count)  # type: ignore[attr-defined]
    else:
        store, _, _ = next(rendezvous("env://", timeout=PATIENCE))
    dist.init_process_group(
        "nccl" if on_gpu else "gloo", store=store, rank=rank, world_size=count, timeout=PATIENCE
    )
    control = dist.new_group(backend="gloo", timeout=PATIENCE)
    return Ranks(rank, count, own["LOCAL_RANK"], own["LOCAL_WORLD_SIZE"], store, control)
