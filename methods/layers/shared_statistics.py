"""Batch statistics of a batch that several processes hold the parts of."""

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.nn.modules._functions import SyncBatchNorm
from torch.overrides import TorchFunctionMode

from bench.methods.layers.across import add_up


class SharedStatistics(TorchFunctionMode):
    """In here every batch normalisation that trains its statistics takes them of the whole batch.

    Whatever module it is of: one of a network's library, of a head, of a head of one's own. One that is held
    in evaluation mode is left alone.

    Args:
        rank: of this process.
        count: how many there are.
    """

    def __init__(self, rank: int, count: int) -> None:
        super().__init__()
        self._rank, self._count = rank, count

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.batch_norm:
            return self._batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))

    def _batch_norm(
        self,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
        running = running_mean, running_var
        if input.device.type == "cuda":
            world = dist.group.WORLD
            dense = input if input.is_contiguous(memory_format=torch.channels_last) else input.contiguous()
            done: Tensor = SyncBatchNorm.apply(
                dense, weight, bias, *running, eps, momentum, world, self._count
            )
            return done
        normed: Tensor = _Normalise.apply(
            input, weight, bias, *running, momentum, eps, self._rank, self._count
        )
        return normed


class _Normalise(Function):
    """Batch normalisation over the images of all processes, on a CPU, where PyTorch has none."""

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        momentum: float,
        eps: float,
        rank: int,
        processes: int,
    ) -> Tensor:
        wide = input.to(torch.promote_types(input.dtype, torch.float32))
        count, mean, squares = _statistics(wide, rank, processes)
        if count <= 1:
            raise ValueError("batch statistics need more than one value per channel")
        variance = squares / count
        scale = torch.rsqrt(variance + eps)
        if running_mean is not None and running_var is not None:
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((squares / (count - 1)).to(running_var.dtype), momentum)
        ctx.save_for_backward(input, weight, mean, scale)
        ctx.count = count
        normed = (wide - _row(mean, wide)) * _row(scale, wide)
        if weight is not None:
            normed = normed * _row(weight, wide)
        if bias is not None:
            normed = normed + _row(bias, wide)
        return normed.to(input.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        input, weight, mean, scale = ctx.saved_tensors
        wide = gradient.to(mean.dtype)
        normed = (input.to(mean.dtype) - _row(mean, wide)) * _row(scale, wide)
        over = _all_but_channels(wide)
        own = torch.stack([wide.sum(over), (wide * normed).sum(over)])
        of_bias, of_weight = own.clone()
        sums, products = add_up(own) / ctx.count
        factor = scale if weight is None else scale * weight
        to_input = (wide - _row(sums, wide) - normed * _row(products, wide)) * _row(factor, wide)
        to_weight = None if weight is None else of_weight.to(weight.dtype)
        to_bias = of_bias if ctx.needs_input_grad[2] else None
        return (to_input.to(input.dtype), to_weight, to_bias, *[None] * 6)


def _statistics(values: Tensor, rank: int, processes: int) -> tuple[float, Tensor, Tensor]:
    """How many values a channel has in all processes, their mean `(C,)`, and the squares of what they differ.

    Each process sends the mean of its own and the squares around that, because a difference of large sums
    would be all rounding.
    """
    over = _all_but_channels(values)
    variance, mean = torch.var_mean(values, over, correction=0)
    counts = torch.full_like(mean, values.numel() / values.shape[1])
    parts = values.new_zeros(processes, 3, values.shape[1])
    parts[rank] = torch.stack([counts, mean, variance * counts])
    numbers, means, squares = add_up(parts).unbind(dim=1)
    count = numbers.sum(dim=0)
    middle = (numbers * means).sum(dim=0) / count
    return float(count[0]), middle, (squares + numbers * (means - middle) ** 2).sum(dim=0)


def _all_but_channels(values: Tensor) -> list[int]:
    return [axis for axis in range(values.ndim) if axis != 1]


def _row(channels: Tensor, like: Tensor) -> Tensor:
    """`(C,)` laid along the second axis."""
    return channels.view(-1, *[1] * (like.ndim - 2))
