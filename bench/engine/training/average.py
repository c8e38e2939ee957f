"""An exponential moving average of the weights."""

from typing import cast

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bench.methods.model import MultiLabelModel


class MovingAverage(AveragedModel):
    """An exponential moving average of the weights and of the buffers, such as SALGL's memory.

    It starts at the weights before the first step, as in the published codes. Integer buffers are averaged
    and rounded down, as by that of SALGL, where they differ: what does not change, such as the table of
    positions of a Swin transformer, stays as it is.
    """

    def __init__(self, model: MultiLabelModel, decay: float, with_backbone: bool = True) -> None:
        """Begin with the weights as they are.

        Args:
            model: on its device, where it stays.
            decay: share of the average that a step keeps.
            with_backbone: follow the backbone too; not where nothing of it changes.
        """
        self._toward = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        super().__init__(model, multi_avg_fn=self._toward, use_buffers=True)
        self.n_averaged += 1  # what is there now: PyTorch's would begin with the weights after the first step
        copy = cast(MultiLabelModel, self.module)
        mine, its = (copy, model) if with_backbone else (copy.head, model.head)
        # Found once: to walk through all modules of a backbone takes longer than a step of a small head.
        self._parameters_of = list(zip(mine.parameters(), its.parameters(), strict=True))
        paths = [name.rpartition(".") for name, _ in its.named_buffers()]
        self._buffers_of = [
            (mine.get_submodule(path), its.get_submodule(path), name) for path, _, name in paths
        ]

    def follow(self) -> None:
        """Follow the model by a step.

        As `update_parameters`, which sends the number of steps to the device each time, and so waits for it;
        this average does not use the number.
        """
        # By name, because a head may put another tensor in the place of a buffer.
        buffers = [(getattr(mine, name), getattr(its, name)) for mine, its, name in self._buffers_of]
        alike: dict[object, tuple[list[Tensor], list[Tensor]]] = {}
        for average, tensor in self._parameters_of + buffers:
            averages, tensors = alike.setdefault(average.dtype, ([], []))
            averages.append(average.detach())
            tensors.append(tensor.detach())
        for averages, tensors in alike.values():
            if averages[0].is_floating_point():
                self._toward(averages, tensors, self.n_averaged)
            else:
                self._toward_integers(averages, tensors)
        self.n_averaged += 1

    def _toward_integers(self, averages: list[Tensor], tensors: list[Tensor]) -> None:
        # The average of two equal numbers may come out a little below them, and round down to another.
        equal = [average == tensor for average, tensor in zip(averages, tensors, strict=True)]
        self._toward(averages, tensors, self.n_averaged)
        for average, tensor, same in zip(averages, tensors, equal, strict=True):
            average.copy_(torch.where(same, tensor, average))
