"""What a GPU computes beside what the CPU does: logits and gradients of a training step."""

from typing import NamedTuple

import torch
from torch import Tensor

from bench.experiment.methods import MethodChoice
from bench.experiment.schedule import Precision
from bench.profile.gpu import Bench, loss_of

# A multiple of the rounding of TF32 (2^-11), in which a GPU convolves in fp32, and of bf16 (2^-9), which a
# hundred layers add up.
TOLERANCE: dict[Precision, float] = {"fp32": 2e-2, "bf16": 1e-1}
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


def apart(bench: Bench, choice: MethodChoice, side: int, precision: Precision) -> Apart:
    """Compute one batch on the device in a precision, and on the CPU in float32, with the same weights."""
    logits, gradients = _computed(bench, choice, side, bench.device, precision)
    expected, expected_gradients = _computed(bench, choice, side, torch.device("cpu"), "fp32")
    largest = float((logits - expected).abs().max() / expected.abs().max())
    parts = (_apart(gradients, expected_gradients, f"{part}.") for part in ("head", "backbone"))
    return Apart(largest, *parts)


def _apart(found: dict[str, Tensor], expected: dict[str, Tensor], of: str) -> float:
    names = [name for name in expected if name.startswith(of)]
    mine, theirs = (torch.cat([some[name].flatten() for name in names]) for some in (found, expected))
    return float((mine - theirs).norm() / theirs.norm())


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
