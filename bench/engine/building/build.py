"""Build what a cell trains: its backbone, its head, and the images or stored features that they are fed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench.datasets.feed import (
    EpochBatches,
    EvalImages,
    Feed,
    PartOfBatches,
    TrainingImages,
    loader,
    part_sizes,
)
from bench.datasets.index import SplitIndex
from bench.datasets.pictures.cache import configured_cache
from bench.datasets.pictures.transforms import Augmentation
from bench.engine.building.feature_batches import FeatureBatches, InOrder
from bench.engine.building.features import StoredFeatures, StoredSplit, store_features
from bench.engine.models.warm_start import initialise_backbone, initialise_head
from bench.engine.parallel.ranks import ALONE, Ranks
from bench.engine.planning.plan import Cell
from bench.errors import UserError
from bench.experiment.methods import method_named
from bench.experiment.schedule import Schedule
from bench.labels import count_labels
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.freezing import freeze_batch_norms, freeze_but_last_stage, freeze_first_stage
from bench.methods.catalog import PRIOR
from bench.methods.head import Head
from bench.methods.label_space import LabelSpace, log_odds
from bench.methods.model import (
    MultiLabelModel,
    OnFeatures,
    earlier_dim,
    head_class,
    seeded_backbone,
    seeded_head,
)
from bench.methods.vectors.label_vectors import label_vectors
from bench.progress import Steps
from bench.settings import work_folder

# A training step keeps every map for the backward pass, an evaluation only those at work: so many times the
# images fit where a training step does.
SCORED_PER_TRAINED = 4


@dataclass(frozen=True)
class Built:
    """A model and what it is fed with.

    Attributes:
        model: as it starts.
        labels: what its head was built for.
        batches: which training images make a batch.
        train: the training split in these batches, or the parts of them that this process has.
        eval: the evaluation split, in order, or the batches of it that this process has.
        watched: what is scored between epochs: a validation split, where the schedule chooses on one, or
            `eval` itself.
        watched_labels: its labels, `(N, C)`.
        fed: from a model to the module that takes what is fed: the model itself, which takes images, or
            `OnFeatures`.
    """

    model: MultiLabelModel
    labels: LabelSpace
    batches: EpochBatches
    train: Feed
    eval: Feed
    watched: Feed
    watched_labels: NDArray[np.int8]
    fed: Callable[[MultiLabelModel], nn.Module]


def build(
    cell: Cell,
    device: torch.device,
    workers: int = 0,
    ranks: Ranks = ALONE,
    computed: Path | None = None,
) -> Built:
    """Build a cell's model and its feeds.

    Args:
        cell: of the matrix.
        device: where features of a backbone that is not trained are computed.
        workers: processes that load images.
        ranks: the processes that share each batch.
        computed: the folder of what is computed once for all runs; the work folder if None.
    """
    spec, schedule, dataset = cell.spec, cell.spec.schedule, cell.dataset
    labels = label_space_of(cell, computed)
    backbone, stored = _backbone(cell, device, computed=computed)
    model = MultiLabelModel(backbone, _head(cell, labels, backbone))
    if schedule.start_at_prior:
        model.offset = torch.from_numpy(log_odds(labels.counts, labels.num_images))
    batches = EpochBatches(len(dataset.train), schedule.batch_size, spec.seed, schedule.drop_last)
    part = PartOfBatches(batches, ranks.rank, ranks.count) if ranks.count > 1 else batches
    watched = dataset.chosen_on or dataset.eval
    at_once = evaluation_batch(schedule, device)
    train: Feed
    if stored is None:
        cache = configured_cache()
        images = TrainingImages(dataset.train, augmentation_of(schedule), spec.seed, cache)
        train = loader(images, workers, device, batch_sampler=part)

        def held_out(index: SplitIndex) -> Feed:
            test_images = EvalImages(index, schedule.test_size, schedule.test_resize, cache)
            scored = _scored_here(len(index), at_once, ranks)
            return loader(test_images, workers, device, batch_size=at_once, sampler=scored)

        evaluated = held_out(dataset.eval)
        watch = evaluated if dataset.chosen_on is None else held_out(dataset.chosen_on)
    else:
        train = FeatureBatches(stored.train, part, spec.seed)
        evaluated = _in_order(stored.eval, at_once, ranks)
        watch = evaluated if stored.chosen_on is None else _in_order(stored.chosen_on, at_once, ranks)
    fed = OnFeatures if stored else lambda model: model
    return Built(model, labels, batches, train, evaluated, watch, watched.labels, fed)


def evaluation_batch(schedule: Schedule, device: torch.device) -> int:
    """Images that are scored at once: more than are trained on, which a GPU needs to be busy.

    On a CPU as many, since the rounding of a score depends on it, and a larger batch is no faster there.
    """
    return schedule.batch_size * (SCORED_PER_TRAINED if device.type == "cuda" else 1)


def _in_order(stored: StoredSplit, at_once: int, ranks: Ranks) -> Feed:
    return FeatureBatches(stored, InOrder(_scored_here(len(stored.index), at_once, ranks), at_once))


def _scored_here(images: int, at_once: int, ranks: Ranks) -> range:
    """The positions that this process scores: whole batches, so that they are those of one process."""
    sizes = part_sizes(-(-images // at_once), ranks.count)
    first = sum(sizes[: ranks.rank])
    return range(first * at_once, min(images, (first + sizes[ranks.rank]) * at_once))


def check_models(cells: list[Cell], device: torch.device, task: Steps) -> None:
    """Build every backbone and every head of the matrix once and let go of them.

    A backbone, weights, options or image sizes that cannot be had stop the matrix before it starts, not hours
    later. Features that are computed once are computed here.

    Args:
        cells: of the matrix.
        device: where features are computed.
        task: gives, for what begins, the callback that it reports to.
    """
    trained = [cell for cell in cells if cell.spec.method.name != PRIOR.name]
    # Of cells that are alike, one that reads two maps is tried first: it needs the most of their backbone.
    trained.sort(key=_reads_earlier, reverse=True)
    together: dict[object, list[Cell]] = {}
    for cell in trained:
        schedule = cell.spec.schedule
        together.setdefault((schedule.backbone, cell.weights, cell.start, cell.spec.data), []).append(cell)
    for alike in together.values():
        task("checking models")
        backbone, _ = _backbone(alike[0], device, task)
        for side in (alike[0].spec.schedule.image_size, alike[0].spec.schedule.test_size):
            backbone.check_size(side)
        labels = label_space_of(alike[0])
        for cell in {cell.spec.method.label(): cell for cell in alike}.values():
            _head(cell, labels, backbone)


def _backbone(
    cell: Cell,
    device: torch.device,
    task: Steps = lambda name: lambda done, total: None,
    computed: Path | None = None,
) -> tuple[Backbone, StoredFeatures | None]:
    """A cell's backbone as it starts, and its features where it is not trained."""
    schedule, method = cell.spec.schedule, method_named(cell.spec.method.name)
    backbone = seeded_backbone(schedule.backbone, cell.weights, cell.spec.seed)
    earlier = earlier_dim(method, backbone) is not None
    if cell.start is not None:
        initialise_backbone(backbone, cell.start)
    if schedule.normalize == "none":
        backbone.take_unit_pixels()
    if schedule.trained_backbone == "none":
        if earlier and schedule.feature_channels is not None:
            raise UserError(
                f"{method.name} reads two feature maps, of which feature_channels would reduce the last "
                "alone; leave out the one or the other."
            )
        folder = (computed or work_folder()) / "features"
        report = task(f"computing features of {cell.spec.data}, image")
        stored = store_features(backbone, cell.dataset, schedule, folder, device, report, earlier)
        return stored.backbone, stored
    freeze(backbone, schedule)
    return backbone, None


def freeze(backbone: Backbone, schedule: Schedule) -> None:
    """Leave what a schedule does not train of a backbone as it is.

    Raises:
        UserError: the backbone has no such stage, or nothing of it would be trained.
    """
    if schedule.trained_backbone == "none":
        backbone.requires_grad_(False)
    if schedule.trained_backbone == "last-stage":
        freeze_but_last_stage(backbone, schedule.frozen_statistics)
    if schedule.trained_backbone == "after-first-stage":
        freeze_first_stage(backbone, schedule.frozen_statistics)
    if schedule.frozen_norms:
        freeze_batch_norms(backbone)


def _head(cell: Cell, labels: LabelSpace, backbone: Backbone) -> Head:
    """A cell's head as it starts."""
    spec = cell.spec
    method, options = method_named(spec.method.name), spec.head_options()
    width, earlier = backbone.feature_dim, earlier_dim(method, backbone)
    head = seeded_head(method, options, labels, width, spec.seed, earlier)
    if cell.start is not None and spec.init_from is not None:
        initialise_head(head, cell.start, spec.init_from, method, options, width, labels, earlier)
    return head


def _reads_earlier(cell: Cell) -> bool:
    return head_class(method_named(cell.spec.method.name)).reads_earlier


def label_space_of(cell: Cell, computed: Path | None = None) -> LabelSpace:
    """What the training split says of the labels; its vectors are kept in the work folder, or `computed`."""
    dataset = cell.dataset
    counts, cooccurrence = count_labels(dataset.train.labels)
    folder = (computed or work_folder()) / "cache"
    vectors = label_vectors(cell.vectors, dataset.info.classes, dataset.train.labels, folder)
    return LabelSpace(dataset.info.classes, vectors.values, counts, cooccurrence, len(dataset.train))


def augmentation_of(schedule: Schedule) -> Augmentation:
    """What a schedule does to a training image."""
    return Augmentation(
        side=schedule.image_size,
        crop=schedule.crop,
        flip=schedule.flip,
        resize=schedule.resize,
        crop_sizes=schedule.crop_sizes,
        crop_scale=schedule.crop_scale,
        cutout=schedule.cutout,
        rand_augment=schedule.rand_augment,
    )
