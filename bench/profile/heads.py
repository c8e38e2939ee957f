"""The heads of the methods on given features: time, memory, operations, beside the published formulation."""

import ctypes
import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from bench.engine.device.cost import count_parameters, flops_of, peak_memory, reset_peak_memory
from bench.experiment.methods import MethodChoice, method_named, options_of
from bench.labels import count_labels
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace
from bench.methods.model import head_class
from bench.methods.options import Options
from bench.methods.published.formulation import formulation_of, weights_of

SEED = 0
VECTOR_WIDTH = 300  # of the papers' word vectors
TRAINING_IMAGES, LABEL_SHARE = 1000, 0.05  # of the made label statistics
# A training step of a published formulation takes this many times what it keeps for the backward pass, as
# measured, or less: the gradients of what is kept, and what is not kept.
PEAK_PER_ACTIVATION = 2


@dataclass(frozen=True)
class Setting:
    """What the heads are given.

    Attributes:
        classes: how many labels.
        batch: images.
        side: of the square feature map, positions.
        channels: of the feature map.
        device: where the heads are.
    """

    classes: int
    batch: int
    side: int
    channels: int
    device: torch.device

    def labels(self) -> LabelSpace:
        """A made label space."""
        generator = np.random.default_rng(SEED)
        annotations = (generator.random((TRAINING_IMAGES, self.classes)) < LABEL_SHARE).astype(np.int64)
        names = tuple(f"class {index}" for index in range(self.classes))
        vectors = generator.standard_normal((self.classes, VECTOR_WIDTH))
        return LabelSpace(names, vectors, *count_labels(annotations), num_images=TRAINING_IMAGES)

    def images(self) -> tuple[Tensor, Tensor]:
        """Features `(B, D, h, w)` as after a ReLU, and targets `(B, C)`."""
        generator = torch.Generator().manual_seed(SEED)
        features = torch.randn(self.batch, self.channels, self.side, self.side, generator=generator).relu()
        targets = (torch.rand(self.batch, self.classes, generator=generator) < LABEL_SHARE).float()
        return features.to(self.device), targets.to(self.device)

    def head(self, choice: MethodChoice) -> Head:
        """The head of a method; where it reads two maps, with the other beside it.

        The earlier map has half the channels and twice the side, as in a ResNet.
        """
        method, options = method_named(choice.name), options_of(choice)
        return self.built(head_class(method), options).to(self.device)

    def built(self, head: type[Head], options: Options, device: str = "cpu") -> Head:
        """A head of a class, ours or a published formulation, on a device; see `head`."""
        torch.manual_seed(SEED)
        earlier = self.earlier().to(device) if head.reads_earlier else None
        with torch.device(device):
            if earlier is None:
                return head(self.channels, self.labels(), options)
            return _BesideEarlier(head(self.channels, self.labels(), options, earlier.shape[1]), earlier)

    def earlier(self) -> Tensor:
        """The map before the last one, `(B, E, 2h, 2w)`."""
        shape = self.batch, max(1, self.channels // 2), 2 * self.side, 2 * self.side
        return torch.randn(shape, generator=torch.Generator().manual_seed(SEED)).relu()


class _BesideEarlier(Head):
    """A head that reads two maps, called as one that is given the last; the gradient reaches both."""

    earlier: Tensor

    def __init__(self, head: Head, earlier: Tensor) -> None:
        super().__init__()
        self.head = head
        self.register_buffer("earlier", earlier, persistent=False)  # so that it is not counted as kept

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        earlier = self.earlier.detach().requires_grad_(features.requires_grad)
        output: HeadOutput = self.head(features, targets, earlier=earlier)
        return output


def _alone(head: Head) -> Head:
    return head.head if isinstance(head, _BesideEarlier) else head


@dataclass
class HeadCost:
    """What a head costs.

    Attributes:
        parameters: trainable ones.
        flops: of one forward pass on the batch.
        activations: bytes that the forward pass of a training step keeps for the backward pass, without
            parameters, buffers and the features.
        peak: bytes that a training step takes at most beyond what was there before it, gradients included.
        forward: seconds of a forward pass in evaluation, of each repeat.
        training: seconds of a forward and a backward pass, of each repeat.
    """

    parameters: int
    flops: int
    activations: int
    peak: int
    forward: list[float] = field(default_factory=list)
    training: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class SideBySide:
    """A method's head, and its published formulation where there is one.

    Attributes:
        bench: our head.
        published: the published formulation with the same weights, measured in turn with ours.
        difference: largest difference of the logits of both in evaluation, relative to the largest logit.
        left_out: bytes that the published formulation would have needed, where there are not as many.
    """

    bench: HeadCost
    published: HeadCost | None = None
    difference: float = math.nan
    left_out: int | None = None

    def ratio(self, pass_name: str) -> float:
        """Median over the repeats of published by our seconds, for `forward` or `training`."""
        assert self.published is not None
        pairs = zip(getattr(self.published, pass_name), getattr(self.bench, pass_name), strict=True)
        return float(median(published / ours for published, ours in pairs))


def measure_side_by_side(choice: MethodChoice, setting: Setting, repeats: int) -> SideBySide:
    """Measure a method's head, and its published formulation in turn with it."""
    ours, options = setting.head(choice), options_of(choice)
    features, targets = setting.images()
    cost = _cost(ours, features, targets)
    formulation = formulation_of(choice.name, options)
    if formulation is None:
        _time({ours: cost}, features, targets, repeats)
        return SideBySide(cost)
    needed = _memory_needed(formulation, options, setting)
    if needed > _memory_free(setting.device):
        _time({ours: cost}, features, targets, repeats)
        return SideBySide(cost, left_out=needed)
    published = setting.built(formulation, options).to(setting.device)
    published_cost = _cost(published, features, targets)
    weights = _alone(ours).state_dict()
    same = weights_of(choice.name, _alone(published).state_dict())
    weights |= {name: tensor for name, tensor in same.items() if name in weights}
    _alone(ours).load_state_dict(weights)
    with torch.no_grad():
        expected, found = (head.eval()(features).logits for head in (published, ours))
    difference = float((found - expected).abs().max() / expected.abs().max())
    _time({published: published_cost, ours: cost}, features, targets, repeats)
    return SideBySide(cost, published_cost, difference)


def activation_bytes(head: Head, features: Tensor, targets: Tensor) -> int:
    """Bytes that the forward pass of a training step keeps for the backward pass.

    Storages are counted once; those of parameters, buffers and the features are not counted.
    """
    held: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        held[storage._cdata] = storage.nbytes()
        return tensor.detach()

    given = [*head.parameters(), *head.buffers(), features, targets]
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = loss_of(head.train(), features.detach().requires_grad_(), targets)
    without = {tensor.untyped_storage()._cdata for tensor in given}
    total = sum(size for storage, size in held.items() if storage not in without)
    del loss  # until here it kept the storages alive, and so their addresses apart
    return total


def _cost(head: Head, features: Tensor, targets: Tensor) -> HeadCost:
    """Everything but the time. The training step also fills SALGL's memory of label pairs."""
    flops = flops_of(head, features)
    activations = activation_bytes(head, features, targets)
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what glibc has kept of freed memory would not be counted again
    reset_peak_memory(features.device)
    before = peak_memory(features.device)
    training_step(head, features, targets)
    peak = peak_memory(features.device) - before
    return HeadCost(count_parameters(head), flops, activations, peak)


def _time(heads: dict[Head, HeadCost], features: Tensor, targets: Tensor, repeats: int) -> None:
    for _ in range(repeats):
        for head, cost in heads.items():
            cost.forward.append(_forward(head, features))
            cost.training.append(training_step(head, features, targets))


def _forward(head: Head, features: Tensor) -> float:
    head.eval()
    start = now(features.device)
    with torch.no_grad():
        head(features)
    return now(features.device) - start


def training_step(head: Head, features: Tensor, targets: Tensor) -> float:
    """Seconds of a forward and a backward pass, which leaves the gradients in the parameters."""
    head.train().zero_grad()
    features = features.detach().requires_grad_()
    start = now(features.device)
    loss_of(head, features, targets).backward()  # type: ignore[no-untyped-call]
    return now(features.device) - start


def loss_of(head: nn.Module, features: Tensor, targets: Tensor) -> Tensor:
    """The loss of a training step, auxiliary terms included."""
    output = head(features, targets)
    loss = F.binary_cross_entropy_with_logits(output.logits, targets)
    return loss + sum(output.auxiliary.values(), torch.zeros_like(loss))


def now(device: torch.device) -> float:
    """Seconds of a clock, after all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _memory_needed(formulation: type[Head], options: Options, setting: Setting) -> int:
    """Bytes that a training step of a published formulation takes, found without computing anything."""
    features, targets = (tensor.to("meta") for tensor in setting.images())
    head = setting.built(formulation, options, "meta")
    activations = activation_bytes(head, features, targets)
    return PEAK_PER_ACTIVATION * activations + 4 * 2 * count_parameters(head)


def _memory_free(device: torch.device) -> float:
    """Bytes that can still be allocated; infinite where the system does not tell."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    with suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024.0 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1])
    return math.inf
