"""An exponential moving average of the weights."""

from itertools import chain

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bench.methods.model import MultiLabelModel


class MovingAverage(AveragedModel):
    """An exponential moving average of the weights and of the buffers, such as SALGL's memory.

    It starts at the weights before the first step, as in the published codes. Integer buffers are averaged
    and rounded down, as by that of SALGL.
    """

    def __init__(self, model: MultiLabelModel, decay: float) -> None:
        self._follow = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        super().__init__(model, multi_avg_fn=self._follow, use_buffers=True)
        self.n_averaged += 1  # what is there now: PyTorch's would begin with the weights after the first step

    def update_parameters(self, model: nn.Module) -> None:
        """Follow the weights by a step.

        As that of PyTorch, which sends the number of steps to the device each time, and so waits for it; this
        average does not use the number.
        """
        pairs = zip(_tensors(self.module), _tensors(model), strict=True)
        alike: dict[object, tuple[list[Tensor], list[Tensor]]] = {}
        for average, tensor in pairs:
            averages, tensors = alike.setdefault(average.dtype, ([], []))
            averages.append(average.detach())
            tensors.append(tensor.detach())
        for averages, tensors in alike.values():
            self._follow(averages, tensors, self.n_averaged)
        self.n_averaged += 1


def _tensors(module: nn.Module) -> chain[Tensor]:
    return chain(module.parameters(), module.buffers())
