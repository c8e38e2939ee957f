"""Training input: the pipeline of the published codes and the one here, side by side."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor
from torchvision import transforms

from bench.datasets.feed import augmentation_rng, collate, make_sample
from bench.datasets.index import SplitIndex
from bench.datasets.pictures.crop import read_part
from bench.datasets.pictures.read import opened
from bench.datasets.pictures.transforms import crop_box, multi_scale_box, transform
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.build import build_backbone

STAGES = DECODE, RESIZE, BATCH, NORMALISE = (
    "read and decode",
    "crop, resize, mirror",
    "to tensors in a batch",
    "normalise",
)
# Of 16, the normalised pictures of either pipeline would take so much memory at once that the system hands it
# out anew for every batch, which takes longer than to fill it.
BATCH_SIZE = 8
# Of ImageNet.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SEED = 0


class Stopwatch:
    """Processor time by stage, which other programs on the machine disturb less than time on the clock."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    def total(self, stages: tuple[str, ...] = STAGES) -> float:
        """Seconds of some stages together."""
        return sum(self.seconds[stage] for stage in stages)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add what the block takes to a stage."""
        start = time.process_time()
        yield
        self.seconds[name] += time.process_time() - start


class Fed(NamedTuple):
    """A batch as one of the pipelines makes it."""

    pictures: list[NDArray[np.uint8]]  # B of (S, S, 3), before they are normalised
    labels: Tensor  # (B, C) int8
    inputs: Tensor  # (B, 3, S, S) float32


def plain_batch(index: SplitIndex, epoch: int, positions: list[int], side: int, watch: Stopwatch) -> Fed:
    """What the published codes do: Pillow, `ToTensor`, `Normalize`, and the loader's stacking.

    They leave photographs as the camera stored them; here they are turned upright, so that both pipelines
    crop the same picture. The time for that is not counted.
    """
    to_tensor, normalise = transforms.ToTensor(), transforms.Normalize(MEAN, STD)
    pictures, tensors = [], []
    for position in positions:
        rng = augmentation_rng(SEED, epoch, index.ids[position])
        with watch.stage(DECODE), opened(index.path(position)) as stored:
            stored.load()
        ImageOps.exif_transpose(stored, in_place=True)
        with watch.stage(DECODE):
            picture = stored.convert("RGB")
        with watch.stage(RESIZE):
            cut = picture.crop(multi_scale_box(picture.size, rng))
            picture = cut.resize((side, side), Image.Resampling.BILINEAR)
            if rng.random() < 0.5:
                picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        with watch.stage(BATCH):
            tensor = to_tensor(picture)
        with watch.stage(NORMALISE):
            tensors.append(normalise(tensor))
        pictures.append(np.asarray(picture))
    with watch.stage(BATCH):
        inputs = torch.stack(tensors)
    return Fed(pictures, torch.from_numpy(index.labels[positions]), inputs)


def bench_batch(
    index: SplitIndex, epoch: int, positions: list[int], side: int, backbone: Backbone, watch: Stopwatch
) -> Fed:
    """What training does here: `TrainingImages`, `collate` and `Backbone.normalize`, checksums included."""
    pictures, samples = [], []
    for position in positions:
        rng = augmentation_rng(SEED, epoch, index.ids[position])
        with watch.stage(DECODE):
            crop = read_part(index.path(position), partial(crop_box, crop="multi-scale", rng=rng), side)
        with watch.stage(RESIZE):
            pixels = transform(crop, side, True, rng)
        with watch.stage(BATCH):
            samples.append(make_sample(index, position, pixels))
        pictures.append(pixels)
    with watch.stage(BATCH):
        batch = collate(samples)
    with watch.stage(NORMALISE):
        inputs = backbone.normalize(batch.images)
    return Fed(pictures, batch.labels, inputs)


@dataclass
class InputSpeed:
    """Both pipelines on the same images.

    Attributes:
        images: how many images each repeat fed.
        plain, bench: a stopwatch per repeat.
        labels_equal: whether the labels were identical.
        differences: of each picture, the largest and the mean difference in grey levels of 8 bits.
    """

    images: int
    plain: list[Stopwatch] = field(default_factory=list)
    bench: list[Stopwatch] = field(default_factory=list)
    labels_equal: bool = True
    differences: list[tuple[int, float]] = field(default_factory=list)

    def milliseconds(self, stages: tuple[str, ...] = STAGES) -> tuple[float, float]:
        """What an image takes in some stages together: in the plain pipeline, and here."""
        plain, bench = (
            1e3 * sum(watch.total(stages) for watch in watches) / (self.images * len(watches))
            for watches in (self.plain, self.bench)
        )
        return plain, bench

    def ratios(self) -> list[float]:
        """How many times more images per second are fed here, in each repeat."""
        return [plain.total() / bench.total() for plain, bench in zip(self.plain, self.bench, strict=True)]

    def compare(self, plain: Fed, bench: Fed) -> None:
        """Note how far apart two batches of the same images are."""
        self.labels_equal &= torch.equal(plain.labels, bench.labels)
        for ours, theirs in zip(bench.pictures, plain.pictures, strict=True):
            apart = np.abs(ours.astype(np.int16) - theirs)
            self.differences.append((int(apart.max()), float(apart.mean())))


def measure_input(index: SplitIndex, side: int, repeats: int) -> InputSpeed:
    """Feed the images of an index by both pipelines in turn, batch by batch, on one thread.

    Args:
        index: what to feed.
        side: pixels per side that pictures are resized to.
        repeats: how many times to feed all of them, with other crops each time.
    """
    backbone = build_backbone("torchvision/resnet18")
    batches = [
        list(range(start, min(start + BATCH_SIZE, len(index)))) for start in range(0, len(index), BATCH_SIZE)
    ]
    found = InputSpeed(len(index))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # What is slow once (first use of a library, memory asked of the system) is nobody's speed.
        plain_batch(index, 0, batches[0], side, Stopwatch())
        bench_batch(index, 0, batches[0], side, backbone, Stopwatch())
        for epoch in range(repeats):
            found.plain.append(Stopwatch())
            found.bench.append(Stopwatch())
            for positions in batches:
                plain = plain_batch(index, epoch, positions, side, found.plain[-1])
                bench = bench_batch(index, epoch, positions, side, backbone, found.bench[-1])
                found.compare(plain, bench)
    finally:
        torch.set_num_threads(threads)
    return found
