"""The model of a cell, and what it is fed with."""

from dataclasses import dataclass

import torch
from torch.utils.data import Dataset

from bench.datasets.feed import EvalImages, Sample, TrainingImages
from bench.datasets.pictures.transforms import Augmentation
from bench.engine.features import EvalFeatures, StoredFeatures, TrainingFeatures, store_features
from bench.engine.plan import Cell
from bench.engine.warm_start import initialise_backbone, initialise_head
from bench.experiment.methods import method_named
from bench.experiment.schedule import Schedule
from bench.labels import count_labels
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.freezing import freeze_but_last_stage
from bench.methods.catalog import PRIOR
from bench.methods.label_space import LabelSpace, log_odds
from bench.methods.model import MultiLabelModel, build_model
from bench.methods.vectors.label_vectors import label_vectors
from bench.progress import Progress
from bench.settings import work_folder


@dataclass(frozen=True)
class Built:
    """A model and what it is fed with.

    Attributes:
        model: as it starts.
        train: the training split, asked for as (epoch, position).
        eval: the evaluation split, asked for by position.
    """

    model: MultiLabelModel
    train: Dataset[Sample]
    eval: Dataset[Sample]


def build(cell: Cell, device: torch.device, progress: Progress = lambda done, total: None) -> Built:
    """Build a cell's model; features of a backbone that is not trained are computed here, on the device."""
    spec, schedule, dataset = cell.spec, cell.spec.schedule, cell.dataset
    method, options, labels = method_named(spec.method.name), spec.head_options(), label_space_of(cell)
    stored: list[StoredFeatures] = []

    def change(backbone: Backbone) -> Backbone:
        if cell.init_from is not None:
            initialise_backbone(backbone, cell.init_from)
        if schedule.trained_backbone != "none":
            return backbone
        folder = work_folder() / "features"
        stored.append(store_features(backbone, dataset, schedule, folder, device, progress))
        return stored[0].backbone

    model = build_model(method, options, labels, schedule.backbone, cell.weights, spec.seed, change)
    if cell.init_from is not None and spec.init_from is not None:
        initialise_head(model, cell.init_from, spec.init_from, method, options, labels)
    if schedule.start_at_prior:
        model.offset = torch.from_numpy(log_odds(labels.counts, labels.num_images))
    if stored:
        train = TrainingFeatures(dataset.train, stored[0].train)
        return Built(model, train, EvalFeatures(dataset.eval, stored[0].eval))
    if schedule.trained_backbone == "last-stage":
        freeze_but_last_stage(model.backbone, schedule.frozen_statistics)
    images = TrainingImages(dataset.train, augmentation_of(schedule), spec.seed)
    return Built(model, images, EvalImages(dataset.eval, schedule.test_size, schedule.test_resize))


def check_models(cells: list[Cell], device: torch.device, progress: Progress) -> None:
    """Build every model of the matrix once and let go of it.

    A backbone, weights, options or image sizes that cannot be had stop the matrix before it starts, not hours
    later. Features that are computed once are computed here.
    """
    different = {(c.spec.method.label(), c.spec.schedule.backbone, c.weights, c.spec.data): c for c in cells}
    for cell in different.values():
        if cell.spec.method.name != PRIOR.name:
            model, schedule = build(cell, device, progress).model, cell.spec.schedule
            for side in (schedule.image_size, schedule.test_size):
                model.backbone.check_size(side)


def label_space_of(cell: Cell) -> LabelSpace:
    """What the training split says of the labels."""
    dataset = cell.dataset
    counts, cooccurrence = count_labels(dataset.train.labels)
    vectors = label_vectors(cell.vectors, dataset.info.classes, dataset.train.labels, work_folder() / "cache")
    return LabelSpace(dataset.info.classes, vectors.values, counts, cooccurrence, len(dataset.train))


def augmentation_of(schedule: Schedule) -> Augmentation:
    """What a schedule does to a training image."""
    return Augmentation(
        side=schedule.image_size,
        crop=schedule.crop,
        flip=schedule.flip,
        resize=schedule.resize,
        crop_sizes=schedule.crop_sizes,
        cutout=schedule.cutout,
        rand_augment=schedule.rand_augment,
    )
