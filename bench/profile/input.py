"""Training and test input: the pipeline of the published codes, and the one here with and without a cache."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import torch

from bench.datasets.index import SplitIndex
from bench.datasets.pictures.cache import PictureCache
from bench.methods.backbones.build import build_backbone
from bench.profile.input_pipelines import (
    NORMALISE,
    STAGES,
    Asked,
    Fed,
    Stopwatch,
    bench_batch,
    plain_batch,
)
from bench.profile.report import Figure

# Of 16, the normalised pictures of either pipeline would take so much memory at once that the system hands it
# out anew for every batch, which takes longer than to fill it.
BATCH_SIZE = 8
TRAINING, TEST = "training", "test"
PIPELINES = PLAIN, BENCH, CACHED = ("plain", "bench", "cached")
AGAINST = "Pillow and torchvision"
# How many times as many images per second as by the plain pipeline are aimed at.
AIMS = {BENCH: 2.5, CACHED: 3.0}
# What a loading process does of the work; a GPU does the rest.
LOADED = tuple(stage for stage in STAGES if stage != NORMALISE)


@dataclass
class InputSpeed:
    """The pipelines on the same images.

    Attributes:
        kind: `TRAINING` or `TEST`.
        images: how many images each repeat fed.
        watches: a stopwatch per repeat, by pipeline.
        filling: of the pass that filled the cache.
        labels_equal: whether the labels were identical.
        cached_equal: whether the pictures with the cache were those without, bit for bit.
        differences: of each picture, the largest and the mean difference between plain and bench in grey
            levels of 8 bits.
    """

    kind: str
    images: int
    watches: dict[str, list[Stopwatch]] = field(default_factory=lambda: {name: [] for name in PIPELINES})
    filling: Stopwatch = field(default_factory=Stopwatch)
    labels_equal: bool = True
    cached_equal: bool = True
    differences: list[tuple[int, float]] = field(default_factory=list)

    def in_repeats(self, pipeline: str, stages: tuple[str, ...] = STAGES) -> tuple[float, ...]:
        """Milliseconds that an image takes in some stages together, in each repeat."""
        return tuple(1e3 * watch.total(stages) / self.images for watch in self.watches[pipeline])

    def milliseconds(self, pipeline: str, stages: tuple[str, ...] = STAGES) -> float:
        """Their median."""
        return float(median(self.in_repeats(pipeline, stages)))

    def ratio(self, pipeline: str, stages: tuple[str, ...] = STAGES) -> float:
        """How many times as fast as the plain pipeline: the median of the ratios within a repeat.

        Of fewer stages than all, as where a GPU does the rest, beside all of the plain pipeline.
        """
        pairs = zip(self.in_repeats(PLAIN), self.in_repeats(pipeline, stages), strict=True)
        return float(median(theirs / ours for theirs, ours in pairs))

    def cores(self, pipeline: str, rate: float) -> float:
        """How many cores it takes to feed a GPU so many images per second.

        The plain pipeline normalises on the cores, the one here on the GPU.
        """
        stages = STAGES if pipeline == PLAIN else LOADED
        return rate * self.milliseconds(pipeline, stages) / 1e3

    def bound(self, pipeline: str) -> str:
        """The stage that takes most of the time of a pipeline, with its share."""
        spent = {stage: self.milliseconds(pipeline, (stage,)) for stage in STAGES}
        most = max(spent, key=lambda stage: spent[stage])
        return f"{most}: {spent[most] / sum(spent.values()):.0%} of the time"

    def figures(self) -> tuple[Figure, ...]:
        """What the pipelines here take, beside the plain one."""
        names = {BENCH: f"{self.kind} input", CACHED: f"{self.kind} input from the cache"}
        return tuple(
            Figure(
                what=name,
                unit="ms per image on one core",
                values=self.in_repeats(pipeline),
                against=AGAINST,
                beside=self.in_repeats(PLAIN),
                least=AIMS[pipeline],
                bound=self.bound(pipeline),
            )
            for pipeline, name in names.items()
        )

    def compare(self, plain: Fed, bench: Fed, cached: Fed) -> None:
        """Note how far apart batches of the same images are."""
        self.labels_equal &= torch.equal(plain.labels, bench.labels)
        self.labels_equal &= torch.equal(plain.labels, cached.labels)
        for ours, theirs in zip(bench.pictures, plain.pictures, strict=True):
            apart = np.abs(ours.astype(np.int16) - theirs)
            self.differences.append((int(apart.max()), float(apart.mean())))
        pairs = zip(bench.pictures, cached.pictures, strict=True)
        self.cached_equal &= all(np.array_equal(ours, theirs) for ours, theirs in pairs)


def measure_input(index: SplitIndex, kind: str, side: int, repeats: int, folder: Path) -> InputSpeed:
    """Feed the images of an index by the pipelines in turn, batch by batch, on one thread.

    Args:
        index: what to feed.
        kind: `TRAINING` or `TEST`.
        side: pixels per side that pictures are resized to.
        repeats: how many times to feed all of them; training images with other crops each time.
        folder: where the cache goes.
    """
    backbone = build_backbone("torchvision/resnet18")
    cache = PictureCache(folder, np.inf)
    pipelines: dict[str, Callable[[Asked, Stopwatch], Fed]] = {
        PLAIN: plain_batch,
        BENCH: lambda asked, watch: bench_batch(asked, backbone, watch),
        CACHED: lambda asked, watch: bench_batch(asked, backbone, watch, cache),
    }
    batches = [
        list(range(start, min(start + BATCH_SIZE, len(index)))) for start in range(0, len(index), BATCH_SIZE)
    ]
    found = InputSpeed(kind, len(index))

    def asked(epoch: int, positions: list[int]) -> Asked:
        return Asked(index, epoch if kind == TRAINING else None, positions, side)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # What is slow once (first use of a library, memory asked of the system) is nobody's speed.
        for feed in (plain_batch, pipelines[BENCH]):
            feed(asked(0, batches[0]), Stopwatch())
        for positions in batches:
            pipelines[CACHED](asked(0, positions), found.filling)
        for epoch in range(repeats):
            watches = {name: Stopwatch() for name in PIPELINES}
            for positions in batches:
                fed = {}
                for name, feed in pipelines.items():
                    # What is large goes before the next one begins, which then gets the same memory.
                    fed[name] = feed(asked(epoch, positions), watches[name])._replace(inputs=torch.empty(0))
                found.compare(fed[PLAIN], fed[BENCH], fed[CACHED])
            for name, watch in watches.items():
                found.watches[name].append(watch)
    finally:
        torch.set_num_threads(threads)
    return found
