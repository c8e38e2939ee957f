"""How much memory an evaluation takes beyond the model: scores, metrics, the record, the intervals."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.datasets.feed import Batch
from bench.datasets.index import SplitIndex
from bench.engine.device.cost import peak_memory, reset_peak_memory
from bench.engine.device.environment import fabric_on, precision_plugin
from bench.engine.scoring.predict import predict
from bench.files import atomic_path
from bench.methods.head import HeadOutput
from bench.metrics.bootstrap import replicate
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.processors import processors
from bench.profile.index_load import made_index
from bench.profile.report import Figure

SIZES: Final = {"NUS-WIDE": (83_898, 81), "VG500": (10_000, 500)}
"""Test images and labels."""
MOST: Final = 1000.0
"""MB."""
BATCH: Final = 64
SIDE: Final = 8
RESAMPLES: Final = 40
"""Of each core, more than it measures at a time: the next ones take the place of those before."""


class _Pixels(nn.Module):
    """A model of next to nothing: logits from the mean colour."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(3, classes)

    def forward(self, images: Tensor) -> HeadOutput:
        return HeadOutput(self.classifier(images.float().mean(dim=(2, 3)) / 255), {}, {})


@dataclass(frozen=True)
class _MadeFeed:
    """Images of noise, with the labels and ids of an index."""

    index: SplitIndex

    def __len__(self) -> int:
        return -(-len(self.index) // BATCH)

    def __iter__(self) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(0)
        for start in range(0, len(self.index), BATCH):
            labels = torch.from_numpy(self.index.labels[start : start + BATCH])
            shape = (len(labels), 3, SIDE, SIDE)
            images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
            yield Batch(images, labels, list(self.index.ids[start : start + BATCH]), [0] * len(labels))


def measure_evaluation_memory(
    folder: Path, name: str, images: int, classes: int, repeats: int
) -> tuple[Figure, ...]:
    """Evaluate a made split in processes of their own.

    Args:
        folder: for the index and the scores.
        name: what the figure calls the split.
        images: of the split.
        classes: labels of each.
        repeats: how many times.
    """
    path = folder / f"{images}-{classes}.npz"
    made_index(folder, images, classes).save(path, {})
    peaks = []
    for _ in range(repeats):
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            peaks.append(process.submit(_peaks, path).result())
    size = f"{name}, {images} images x {classes} labels"
    bound = f"logits and labels, {images * classes * 5 / 1e6:.0f} MB, and the list of images"
    parts = ("evaluating", "intervals of a run")
    return tuple(
        Figure(
            what=f"memory beyond the model, {part}: {size}",
            unit="MB",
            values=tuple(each[place] / 1e6 for each in peaks),
            most=MOST,
            bound=bound,
        )
        for place, part in enumerate(parts)
    )


def _peaks(path: Path) -> tuple[int, int]:
    """Bytes that are used at most beyond those before: with the index loaded and scored, and resampled."""
    device = torch.device("cpu")
    fabric = fabric_on(device, precision_plugin("fp32", device))
    small = made_index(path.parent, 10, 3)
    _evaluated(fabric, small, path.with_suffix(".small.npz"))  # loads what is loaded once
    reset_peak_memory(device)
    before = peak_memory(device)
    index, _ = SplitIndex.load(path, path.parent)
    logits = _evaluated(fabric, index, path.with_suffix(".scores.npz"))
    scored = peak_memory(device) - before
    reset_peak_memory(device)
    replicate(logits, index.labels, PROTOCOLS["bench"], RESAMPLES * processors())
    return scored, peak_memory(device) - before


def _evaluated(fabric: Fabric, index: SplitIndex, path: Path) -> NDArray[np.float32]:
    """Score an index, measure and store the scores as a run does; returns the logits."""
    model = fabric.setup(_Pixels(index.labels.shape[1]))
    logits = predict(fabric, model, _MadeFeed(index), lambda done, total: None).logits
    evaluate(logits, index.labels, PROTOCOLS["bench"])
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, ids=np.array(index.ids), logits=logits, labels=index.labels)
    return logits
