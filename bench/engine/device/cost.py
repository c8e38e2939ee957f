"""What a model costs: parameters, operations, memory."""

import gc
import sys
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from bench.methods.model import MultiLabelModel
from bench.resident import resident_peak


def count_parameters(module: nn.Module) -> int:
    """Trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def count_flops(model: MultiLabelModel, side: int, device: torch.device) -> int:
    """Floating-point operations of one forward pass on one image of `side` pixels square; see `flops_of`."""
    return flops_of(model, torch.zeros(1, 3, side, side, dtype=torch.uint8, device=device))


def flops_of(module: nn.Module, inputs: Tensor) -> int:
    """Floating-point operations of one forward pass in evaluation.

    Convolutions and matrix products are counted, a multiply-add as two; element-wise work is not.
    """
    was_training = module.training
    module.eval()
    # The fused attention of inference is unknown to the counter, which would count nothing for it.
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    # Neither do older releases of torch count the attention that is one operation on a CPU.
    plain = sdpa_kernel(SDPBackend.MATH)
    with torch.no_grad(), plain, FlopCounterMode(display=False) as counter:
        module(inputs)
    torch.backends.mha.set_fastpath_enabled(fused)
    module.train(was_training)
    return int(counter.get_total_flops())


def reset_peak_memory(device: torch.device) -> None:
    """Start measuring peak memory anew."""
    gc.collect()  # what an earlier run left is not this one's
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        with suppress(OSError):  # not every container allows it
            Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark of resident memory


def peak_memory(device: torch.device) -> int:
    """Bytes since the last reset: allocated on a GPU; on a CPU, resident memory of the whole process.

    Where the system cannot reset the mark of resident memory, the largest value of the process so far.
    """
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return resident_peak()
