"""What a GPU computes beside what the CPU does: logits and gradients of a training step."""

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bench.experiment.methods import MethodChoice
from bench.experiment.schedule import Precision
from bench.methods.model import MultiLabelModel
from bench.profile.gpu import Bench, loss_of

# Multiples of the rounding of TF32 (2^-11), in which a GPU convolves in fp32, and of bf16 (2^-9), which a
# hundred layers add up. With either rounding put into the CPU's products, logits and heads' gradients of all
# methods on ResNet-101 at 128 pixels were 0.007 and 0.041 apart at most.
TOLERANCE: dict[Precision, float] = {"fp32": 2e-2, "bf16": 1e-1}
# Gradients of the backbone are rounded on the way back through those layers too, where much of what images
# and positions add up cancels: likewise they were 0.015 and 0.071 apart, and of ML-GCN 0.045 and 0.15.
TOLERANCE_OF_BACKBONE: dict[Precision, float] = {"fp32": 6e-2, "bf16": 2e-1}
# What a residual block adds to what it is given, as a weight. With 1, at which torchvision begins, random
# weights double the activations in every block of a network in evaluation: logits of millions, and gradients
# that are noise or no numbers, on a correct device too.
ADDED = 0.1
IMAGES = 2


class Apart(NamedTuple):
    """How far apart two devices are.

    Attributes:
        logits: in evaluation: the largest difference, of the largest logit.
        head: of the gradients of all its parameters: the norm of the difference, of their norm.
        backbone: likewise.
    """

    logits: float
    head: float
    backbone: float

    @staticmethod
    def most(precision: Precision) -> "Apart":
        """How far a correct device may be from the CPU."""
        tolerance = TOLERANCE[precision]
        return Apart(tolerance, tolerance, TOLERANCE_OF_BACKBONE[precision])


class Computed(NamedTuple):
    """Logits and gradients, in float32 on the CPU."""

    logits: Tensor
    gradients: dict[str, Tensor]


class Agreement:
    """One batch of a method, computed on the device in each precision and once on the CPU in float32."""

    def __init__(self, bench: Bench, choice: MethodChoice, side: int) -> None:
        self.choice = choice
        self.side = side
        self._bench = bench

    def apart(self, precision: Precision) -> Apart:
        """How far the device is from the CPU, with the same weights.

        Raises:
            ArithmeticError: one of them computes what is no number.
        """
        found, expected = self._computed(self._bench.device, precision), self._expected
        largest = float((found.logits - expected.logits).abs().max() / expected.logits.abs().max())
        parts = (_apart(found.gradients, expected.gradients, f"{part}.") for part in ("head", "backbone"))
        return Apart(largest, *parts)

    @cached_property
    def _expected(self) -> Computed:
        return self._computed(torch.device("cpu"), "fp32")

    def _computed(self, device: torch.device, precision: Precision) -> Computed:
        """Of a model in evaluation, which draws nothing."""
        model = self._model(device).eval()
        images, targets = (tensor.to(device) for tensor in self._bench.batch(IMAGES, self.side))
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            output = model(images)
        loss_of(output, targets).backward()  # type: ignore[no-untyped-call]
        gradients = {
            name: parameter.grad.float().cpu()
            for name, parameter in model.named_parameters()
            if parameter.grad is not None
        }
        computed = Computed(output.logits.detach().float().cpu(), gradients)
        if not all(tensor.isfinite().all() for tensor in (computed.logits, *gradients.values())):
            raise ArithmeticError(f"{device.type} computes logits or gradients that are not finite")
        return computed

    def _model(self, device: torch.device) -> MultiLabelModel:
        model = self._bench.model(self.choice, device)
        for added in _last_of_blocks(model.backbone):
            nn.init.constant_(added.weight, ADDED)
        return model


def _last_of_blocks(network: nn.Module) -> list[nn.BatchNorm2d]:
    """What ends each residual block of torchvision's ResNets; the blocks of timm's add nothing at first."""
    from torchvision.models.resnet import BasicBlock, Bottleneck  # here, because it takes seconds

    blocks = [block for block in network.modules() if isinstance(block, BasicBlock | Bottleneck)]
    last = [block.bn3 if isinstance(block, Bottleneck) else block.bn2 for block in blocks]
    return [norm for norm in last if isinstance(norm, nn.BatchNorm2d)]


def _apart(found: dict[str, Tensor], expected: dict[str, Tensor], of: str) -> float:
    names = [name for name in expected if name.startswith(of)]
    mine, theirs = (torch.cat([some[name].flatten() for name in names]) for some in (found, expected))
    return float((mine - theirs).norm() / theirs.norm())
