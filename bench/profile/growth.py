"""How time and memory grow: with images, labels, pixels, and with the records that commands read."""

import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import torch
from torch import Tensor

from bench.experiment.methods import MethodChoice, method_named, options_of
from bench.methods.backbones.build import build_backbone
from bench.methods.head import Head, HeadOutput
from bench.methods.model import MultiLabelModel, earlier_dim, seeded_head
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.profile.commands import make_records, spent_on
from bench.profile.heads import Setting, activation_bytes
from bench.profile.index_load import measure_index
from bench.profile.metrics import made_scores
from bench.profile.report import Growth

ROWS_LABELS, LABELS_ROWS = 20, 5000
"""Labels where the rows grow, and rows where the labels do."""
BATCH, MAP, CHANNELS = 2, 7, 512
"""Images, and side and channels of the feature maps that heads are given."""
WITHOUT_GRAPH = ("resnet", "csra", "ml-decoder")
"""Methods that compute nothing for pairs of labels."""
CLASSES = 20
"""Of the whole model."""
LINEAR, RANKING, DENSE, PIXELS = "linear", "n log n", "C² of a dense graph", "linear in pixels"
_NOTHING: Final = 1e-9  # no logarithm of zero


@dataclass(frozen=True)
class Sizes:
    """What grows.

    Attributes:
        rows: images of metrics and of an index.
        labels: of metrics and of heads.
        sides: of the image, pixels.
        seeds: of the matrices whose records commands read; none, and these are left out.
    """

    rows: tuple[int, ...]
    labels: tuple[int, ...]
    sides: tuple[int, ...]
    seeds: tuple[int, ...] = ()


class Whole(NamedTuple):
    """A whole model.

    Attributes:
        name: the method on the backbone.
        model: with random weights.
    """

    name: str
    model: MultiLabelModel


def whole_model(choice: MethodChoice, backbone: str, sides: tuple[int, ...]) -> Whole:
    """The model of a method, which takes images of these sides.

    Raises:
        UserError: it does not, or the backbone lacks a map that the head reads.
    """
    built, method = build_backbone(backbone), method_named(choice.name)
    for side in sides:
        built.check_size(side)
    labels = Setting(CLASSES, BATCH, MAP, CHANNELS, torch.device("cpu")).labels()
    earlier = earlier_dim(method, built)
    head = seeded_head(method, options_of(choice), labels, built.feature_dim, 0, earlier)
    return Whole(f"{choice.label()} on {backbone}", MultiLabelModel(built, head))


class _OfPixels(Head):
    """A whole model as a head, whose features are normalised pixels."""

    def __init__(self, model: MultiLabelModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: Tensor, targets: Tensor | None = None) -> HeadOutput:
        """Score every class; see `Head.forward`."""
        backbone = self.model.backbone
        if not self.model.head.reads_earlier:
            return self.model.score(backbone(features), targets)
        earlier, last = backbone.maps(features)
        return self.model.score(last, targets, earlier)


def measure_growth(
    folder: Path, sizes: Sizes, methods: Sequence[MethodChoice], whole: Whole, repeats: int
) -> Iterator[Growth]:
    """Measure one after the other.

    Args:
        folder: for the index, and for records.
        sizes: what grows.
        methods: whose heads are measured.
        whole: the whole model.
        repeats: of which the quickest counts.
    """
    yield from _of_metrics("images", sizes.rows, lambda rows: (rows, ROWS_LABELS), RANKING, repeats)
    yield from _of_metrics("labels", sizes.labels, lambda labels: (LABELS_ROWS, labels), LINEAR, repeats)
    yield from _of_index(folder, sizes.rows)
    for choice in methods:
        yield from _of_head(choice, sizes.labels, repeats)
    yield from _of_model(whole, sizes.sides, repeats)
    if sizes.seeds:
        yield from _of_commands(folder, sizes.seeds)


def _of_metrics(
    against: str, sizes: tuple[int, ...], shape: Callable[[int], tuple[int, int]], law: str, repeats: int
) -> Iterator[Growth]:
    times, peaks = [], []
    for size in sizes:
        scores, labels = made_scores(*shape(size))
        work = partial(evaluate, scores, labels, PROTOCOLS["bench"])
        times.append(_seconds(work, repeats))
        tracemalloc.start()
        work()
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
    yield _growth("all metrics", "s", against, sizes, times, 1, law)
    yield _growth("all metrics", "MB", against, sizes, peaks, 1, LINEAR)


def _of_index(folder: Path, sizes: tuple[int, ...]) -> Iterator[Growth]:
    found = [measure_index(folder, size) for size in sizes]
    yield _growth("loading an index", "s", "images", sizes, [min(one.seconds) for one in found], 1, LINEAR)
    peaks = [max(one.peak_bytes) / 1e6 for one in found]
    yield _growth("loading an index", "MB", "images", sizes, peaks, 1, LINEAR)


def _of_head(choice: MethodChoice, sizes: tuple[int, ...], repeats: int) -> Iterator[Growth]:
    times, kept = [], []
    for size in sizes:
        setting = Setting(size, BATCH, MAP, CHANNELS, torch.device("cpu"))
        head, (features, targets) = setting.head(choice), setting.images()
        times.append(_seconds(partial(_scored, head, features), repeats))
        kept.append(activation_bytes(head, features, targets) / 1e6)
    what = f"head of {choice.label()}"
    most, law = (1, LINEAR) if choice.name in WITHOUT_GRAPH else (2, DENSE)
    yield _growth(f"{what}, scoring", "s", "labels", sizes, times, most, law)
    yield _growth(f"{what}, kept for the backward pass", "MB", "labels", sizes, kept, most, law)


def _of_model(whole: Whole, sizes: tuple[int, ...], repeats: int) -> Iterator[Growth]:
    model, times, kept = _OfPixels(whole.model), [], []
    for size in sizes:
        images = torch.rand(BATCH, 3, size, size)
        times.append(_seconds(partial(_scored, model, images), repeats))
        kept.append(activation_bytes(model, images, torch.zeros(BATCH, CLASSES)) / 1e6)
    yield _growth(f"{whole.name}, scoring", "s", "pixels per side", sizes, times, 2, PIXELS)
    what = f"{whole.name}, kept for the backward pass"
    yield _growth(what, "MB", "pixels per side", sizes, kept, 2, PIXELS)


def _of_commands(folder: Path, seeds: tuple[int, ...]) -> Iterator[Growth]:
    for count in seeds:
        make_records(folder / str(count), count)
    every = [spent_on(folder / str(count), count) for count in seeds]
    for of_command in zip(*every, strict=True):
        records = tuple(one.records for one in of_command)
        seconds, peaks = [one.seconds for one in of_command], [one.peak / 1e6 for one in of_command]
        yield _growth(of_command[0].what, "s", "records", records, seconds, 1, LINEAR)
        yield _growth(of_command[0].what, "MB", "records", records, peaks, 1, LINEAR)


def _scored(head: Head, features: Tensor) -> None:
    with torch.inference_mode():
        head.eval()(features)


def _seconds(work: Callable[[], object], repeats: int) -> float:
    """Of the processor, the quickest of the repeats: on the clock, other programs would bend the line."""
    work()  # what is slow once is nobody's speed
    found = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def _growth(
    what: str, unit: str, against: str, sizes: tuple[int, ...], values: list[float], most: float, law: str
) -> Growth:
    known = tuple(max(value, _NOTHING) for value in values)
    return Growth(what=what, unit=unit, against=against, sizes=sizes, values=known, most=most, law=law)
