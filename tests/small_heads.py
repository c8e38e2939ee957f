"""Every head in a size that computes in milliseconds, and inputs for it."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from bench.methods.add_gcn import ADDGCNHead
from bench.methods.catalog import ADDGCNOptions, MLGCNOptions, ResNetOptions, SALGLOptions, SSGRLOptions
from bench.methods.head import Head, HeadOutput
from bench.methods.label_space import LabelSpace, count_labels
from bench.methods.ml_gcn import MLGCNHead
from bench.methods.resnet import PooledLinearHead
from bench.methods.salgl import SALGLHead
from bench.methods.ssgrl import SSGRLHead

# All different, so that an axis of length CLASSES is always the class axis.
CLASSES, CHANNELS, HIDDEN, WIDTH, SCENES = 7, 16, 12, 5, 3
HEIGHT, LENGTH = 3, 4

SOFT = SALGLOptions(
    scenes=SCENES, hidden=HIDDEN, feedforward=24, soft=True, self_loops=False, positions=True, dropout=0
)
HEADS: dict[str, Callable[[int, LabelSpace], Head]] = {
    "resnet": lambda dim, labels: PooledLinearHead(dim, labels, ResNetOptions()),
    "resnet-max": lambda dim, labels: PooledLinearHead(dim, labels, ResNetOptions(pool="max")),
    "ml-gcn": lambda dim, labels: MLGCNHead(dim, labels, MLGCNOptions(hidden=HIDDEN)),
    "ssgrl": lambda dim, labels: SSGRLHead(dim, labels, SSGRLOptions(hidden=HIDDEN)),
    "add-gcn": lambda dim, labels: ADDGCNHead(dim, labels, ADDGCNOptions(hidden=HIDDEN)),
    "salgl": lambda dim, labels: SALGLHead(
        dim, labels, SALGLOptions(scenes=SCENES, hidden=HIDDEN, feedforward=24, dropout=0)
    ),
    "salgl-soft": lambda dim, labels: SALGLHead(dim, labels, SOFT),
}


def label_space(classes: int = CLASSES, never: int | None = None) -> LabelSpace:
    generator = np.random.default_rng(0)
    annotations = (generator.random((40, classes)) < 0.4).astype(np.int64)
    if never is not None:
        annotations[:, never] = 0
    counts, cooccurrence = count_labels(annotations)
    vectors = generator.standard_normal((classes, WIDTH))
    return LabelSpace(tuple(f"class {i}" for i in range(classes)), vectors, counts, cooccurrence, 40)


def build(name: str, labels: LabelSpace | None = None) -> Head:
    torch.manual_seed(0)
    return HEADS[name](CHANNELS, labels or label_space())


def batch(size: int = 4, classes: int = CLASSES) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(size, CHANNELS, HEIGHT, LENGTH, generator=generator).relu()
    return features, (torch.rand(size, classes, generator=generator) < 0.4).float()


def loss_of(output: HeadOutput, targets: Tensor) -> Tensor:
    loss = F.binary_cross_entropy_with_logits(output.logits.float(), targets)
    return loss + sum(output.auxiliary.values(), torch.zeros(()))


def trained(name: str) -> Head:
    """A head after one step, so that statistics and memories are no longer at their start."""
    head = build(name).train()
    features, targets = batch()
    loss_of(head(features, targets), targets).backward()
    head.zero_grad()
    return head.eval()
