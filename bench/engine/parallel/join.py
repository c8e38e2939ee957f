"""Take part as one of the processes that train a cell together."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from bench.engine.parallel.ranks import ALONE, Ranks
from bench.errors import UserError
from bench.experiment.matrix import MatrixSpec
from bench.stop import leave_signals_to_the_parent

RENDEZVOUS, LAUNCHER = "BENCH_RENDEZVOUS", "BENCH_LAUNCHER"
"""What `launch` tells the processes that it starts: where they meet, and its own number."""
_TORCHRUN = "TORCHELASTIC_RUN_ID"
# A process that is gone is noticed by who started it, or by its closed connection. For one that reads a large
# data set, computes features or evaluates, the others wait for its word, as long as that takes.
PATIENCE = timedelta(days=7)
IN_STEP = timedelta(hours=1)
"""How long sums of gradients and statistics are waited for. Processes come to them together, but for what the
first writes between epochs and what one compiles: one that takes longer hangs, on a GPU or a disk."""
LOST = 75
"""What a process ends with that has lost another, whose end has a reason of its own."""


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
        "nccl" if on_gpu else "gloo", store=store, rank=rank, world_size=count, timeout=IN_STEP
    )
    control = dist.new_group(backend="gloo", timeout=PATIENCE)
    return Ranks(rank, count, own["LOCAL_RANK"], own["LOCAL_WORLD_SIZE"], store, control)
