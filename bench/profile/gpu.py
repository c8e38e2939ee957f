"""Whole models on a GPU: images per second in training and inference, and what bounds them."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import AdamW
from torch.profiler import ProfilerActivity, profile

from bench.engine.device.cost import flops_of, peak_memory, reset_peak_memory
from bench.experiment.methods import MethodChoice, method_named, options_of
from bench.experiment.schedule import Precision
from bench.methods.backbones.initial_weights import RANDOM
from bench.methods.model import MultiLabelModel, earlier_dim, seeded_backbone, seeded_head
from bench.profile.bounds import FLOPS_OF_STEP
from bench.profile.heads import LABEL_SHARE, SEED, Setting, now

Mode = Literal["eager", "compiled", "graphs"]
LEARNING_RATE = 1e-4
WARM_UP, STEPS = 3, 5  # of each measurement; STEPS of each repeat
# A batch twice as large is tried until it brings less than this.
WORTH_DOUBLING = 1.05


@dataclass(frozen=True)
class Case:
    """One way to run one model.

    Attributes:
        method: with its options.
        side: of the images, pixels.
        batch: images.
        precision: fp32, in which convolutions and products may be in TF32, or bf16.
        mode: as PyTorch runs it, compiled, or compiled and recorded as CUDA graphs.
    """

    method: MethodChoice
    side: int
    batch: int
    precision: Precision
    mode: Mode

    def title(self) -> str:
        """One line."""
        return f"{self.method.label()} at {self.side}, batch {self.batch}, {self.precision}, {self.mode}"


@dataclass(frozen=True)
class Found:
    """What a case takes.

    Attributes:
        training: seconds of a training step, the optimiser included, of each repeat.
        inference: seconds of a batch in evaluation, of each repeat.
        flops: of one image forward.
        peak: bytes that training holds at most.
        head: share of the forward pass that the head takes.
        idle: share of a training step in which the device computes nothing; None where it is no GPU.
    """

    training: tuple[float, ...]
    inference: tuple[float, ...]
    flops: int
    peak: int
    head: float
    idle: float | None

    def share(self, batch: int, product_flops: float) -> float:
        """Of the operations per second of a matrix product, what a training step reaches."""
        return FLOPS_OF_STEP * self.flops * batch / median(self.training) / product_flops


@dataclass(frozen=True)
class Bench:
    """What is the same in every case.

    Attributes:
        backbone: by name, with random weights.
        classes: C.
        device: where.
    """

    backbone: str
    classes: int
    device: torch.device

    def model(self, choice: MethodChoice, device: torch.device | None = None) -> MultiLabelModel:
        """The model of a method, the same each time, with its weights as they start."""
        method = method_named(choice.name)
        backbone = seeded_backbone(self.backbone, RANDOM, SEED)
        labels = Setting(self.classes, 0, 0, 0, torch.device("cpu")).labels()
        earlier = earlier_dim(method, backbone)
        head = seeded_head(method, options_of(choice), labels, backbone.feature_dim, SEED, earlier)
        model = MultiLabelModel(backbone, head)
        return model.to(device or self.device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def batch(self, size: int, side: int) -> tuple[Tensor, Tensor]:
        """Images `(B, 3, S, S)` uint8 as they are fed, and targets `(B, C)`, on the CPU."""
        draw = torch.Generator().manual_seed(SEED)
        images = torch.randint(0, 256, (size, side, side, 3), generator=draw, dtype=torch.uint8)
        targets = (torch.rand(size, self.classes, generator=draw) < LABEL_SHARE).float()
        return images.permute(0, 3, 1, 2), targets


def measure(bench: Bench, case: Case, repeats: int) -> Found:
    """Train and evaluate a model in one way.

    Raises:
        torch.OutOfMemoryError: the batch does not fit.
    """
    model, device = bench.model(case.method), bench.device
    images, targets = (tensor.to(device) for tensor in bench.batch(case.batch, case.side))
    flops = flops_of(model, images[:1])
    seen = seen_as(model, case.mode)
    train = _trainer(model, seen, case.precision, images, targets)
    reset_peak_memory(device)
    training = _timed(train, device, repeats)
    peak = peak_memory(device)
    idle = _idle(train, device, median(training))
    model.eval()

    def forward(part: Callable[[Tensor], object]) -> Callable[[], None]:
        def run() -> None:
            with torch.inference_mode(), _cast(device, case.precision):
                part(images)

        return run

    inference = _timed(forward(seen), device, repeats)
    backbone, whole = (_timed(forward(part), device, 1)[0] for part in (model.maps, model))
    return Found(training, inference, flops, peak, max(0.0, 1 - backbone / whole), idle)


def best_batch(rate: Callable[[int], float], first: int) -> int:
    """The batch from which twice as many images bring hardly more images per second, or do not fit.

    Args:
        rate: gives the images per second of a batch.
        first: where to begin.
    """
    best, reached = first, rate(first)
    while True:
        try:
            found = rate(2 * best)
        except torch.OutOfMemoryError:
            found = 0.0
        if found < WORTH_DOUBLING * reached:
            return best
        best, reached = 2 * best, found


def seen_as(model: nn.Module, mode: Mode) -> nn.Module:
    """A model as PyTorch runs it, compiled to one graph, or recorded beyond that as CUDA graphs."""
    if mode == "eager":
        return model
    torch.compiler.reset()  # of other cases, which count towards the most that may be compiled
    compiled: Any = torch.compile(
        model, fullgraph=True, mode="reduce-overhead" if mode == "graphs" else "default"
    )
    return cast(nn.Module, compiled)


def loss_of(output: object, targets: Tensor) -> Tensor:
    """The loss of a training step, with what the head adds to it."""
    loss = F.binary_cross_entropy_with_logits(output.logits.float(), targets)  # type: ignore[attr-defined]
    return loss + sum(output.auxiliary.values(), torch.zeros_like(loss))  # type: ignore[attr-defined]


def _trainer(
    model: nn.Module, seen: nn.Module, precision: Precision, images: Tensor, targets: Tensor
) -> Callable[[], None]:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = AdamW(trained, lr=LEARNING_RATE, fused=True)
    model.train()

    def step() -> None:
        # What the step before gave may be written over.
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        with _cast(images.device, precision):
            output = seen(images, targets)
        loss_of(output, targets).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()

    return step


def _cast(device: torch.device, precision: Precision) -> torch.autocast | nullcontext[None]:
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def _timed(run: Callable[[], None], device: torch.device, repeats: int) -> tuple[float, ...]:
    """Seconds of one run, of each repeat; the device is waited for behind STEPS of them."""
    for _ in range(WARM_UP):
        run()
    found = []
    for _ in range(repeats):
        start = now(device)
        for _ in range(STEPS):
            run()
        found.append((now(device) - start) / STEPS)
    return tuple(found)


def _idle(run: Callable[[], None], device: torch.device, seconds: float) -> float | None:
    """The share of `seconds` in which no kernel of a run is at work.

    The kernels are timed by the profiler, under which everything beside them takes longer; so the time that
    they are held against is that of a run without it.
    """
    if device.type != "cuda":
        return None
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
        run()
        torch.cuda.synchronize(device)
    kernels = [
        event
        for event in seen.key_averages()
        if event.device_type.name == "CUDA" and not event.is_user_annotation
    ]
    busy = sum(float(event.self_device_time_total) for event in kernels) / 1e6
    return max(0.0, 1 - busy / seconds)


@dataclass(frozen=True)
class Until:
    """A moment after which nothing new is begun."""

    end: float

    @classmethod
    def minutes(cls, minutes: float) -> "Until":
        """So many from now."""
        return cls(time.monotonic() + 60 * minutes)

    def over(self) -> bool:
        """Whether it is past."""
        return time.monotonic() >= self.end
