"""What a GPU computes beside what the CPU does: logits and gradients of a training step."""

from typing import NamedTuple

import torch
from torch import Tensor

from bench.experiment.methods import MethodChoice
from bench.experiment.schedule import Precision
from bench.profile.gpu import Bench, loss_of

# Largest difference, relative to the largest value: a multiple of the rounding of TF32 (2^-11), in which a
# GPU convolves in fp32, and of bf16 (2^-9), which a hundred layers add up.
TOLERANCE: dict[Precision, float] = {"fp32": 2e-2, "bf16": 1e-1}
IMAGES = 2


class Apart(NamedTuple):
    """How far apart two devices are, relative to the largest value.

    Attributes:
        logits: in evaluation.
        gradients: median over the parameters of a backward pass, each of its largest difference.
    """

    logits: float
    gradients: float


def apart(bench: Bench, choice: MethodChoice, side: int, precision: Precision) -> Apart:
    """Compute one batch on the device in a precision, and on the CPU in float32, with the same weights."""
    logits, gradients = _computed(bench, choice, side, bench.device, precision)
    expected, expected_gradients = _computed(bench, choice, side, torch.device("cpu"), "fp32")
    shares = [_apart(gradients[name], one) for name, one in expected_gradients.items() if one.abs().max() > 0]
    return Apart(_apart(logits, expected), float(torch.tensor(shares).median()))


def _apart(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def _computed(
    bench: Bench, choice: MethodChoice, side: int, device: torch.device, precision: Precision
) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits and gradients, in float32 on the CPU, of a model in evaluation, which draws nothing."""
    model = bench.model(choice, device).eval()
    images, targets = (tensor.to(device) for tensor in bench.batch(IMAGES, side))
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
        output = model(images)
    loss_of(output, targets).backward()  # type: ignore[no-untyped-call]
    gradients = {
        name: parameter.grad.float().cpu()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    return output.logits.detach().float().cpu(), gradients
