"""What a matrix needs of the disk: models, scores, features that are computed once, and a checkpoint."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import nn

from bench.engine.building.build import freeze, label_space_of
from bench.engine.planning.plan import Cell
from bench.experiment.methods import method_named
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.initial_weights import RANDOM
from bench.methods.catalog import PRIOR
from bench.methods.model import MultiLabelModel, build_head, earlier_dim, seeded_backbone

# Bytes of a logit and a label in the scores, and of a number in stored features.
LOGIT, LABEL, FEATURE = 4, 1, 2


@dataclass(frozen=True)
class Disk:
    """Bytes, about: scores are compressed, and drawn options may make heads of other sizes.

    Attributes:
        models: in the work folder, one for each run.
        scores: beside the records.
        features: of backbones that are not trained, in the work folder; also those that are there already.
        checkpoint: the largest one in the work folder, which is removed when its run has ended.
    """

    models: int
    scores: int
    features: int
    checkpoint: int

    @property
    def total(self) -> int:
        """The most that there is at a time, where one run is trained after the other."""
        return self.models + self.scores + self.features + self.checkpoint


class _Model(NamedTuple):
    """Bytes of a model and of its checkpoint; numbers that are stored of an image, by the map's name."""

    kept: int
    checkpoint: int
    train_maps: dict[str, int]
    test_maps: dict[str, int]


def disk_of(cells: Sequence[Cell]) -> Disk:
    """What cells need. A model of each method is built once, from no weights, and let go of."""
    models: dict[object, _Model] = {}
    features: dict[object, int] = {}
    kept = scores = 0
    for cell in cells:
        spec, schedule = cell.spec, cell.spec.schedule
        numbers = len(cell.dataset.eval) * len(cell.dataset.info.classes)
        scores += numbers * (LABEL + LOGIT * (2 if schedule.ema_beside else 1))
        if spec.method.name == PRIOR.name:
            continue
        sizes = schedule.image_size, schedule.test_size, schedule.feature_channels, schedule.head_width
        key = (spec.method.name, schedule.backbone, schedule.trained_backbone, *sizes)
        if key not in models:
            models[key] = _measured(cell)
        kept += models[key].kept
        if schedule.trained_backbone == "none":
            features |= dict(_features(cell, models[key]))
    checkpoint = max((model.checkpoint for model in models.values()), default=0)
    return Disk(kept, scores, sum(features.values()), checkpoint)


def _measured(cell: Cell) -> _Model:
    spec, schedule = cell.spec, cell.spec.schedule
    method = method_named(spec.method.name)
    backbone = seeded_backbone(schedule.backbone, RANDOM, spec.seed)
    earlier = earlier_dim(method, backbone)
    width = schedule.feature_channels or backbone.feature_dim
    sides = schedule.image_size, schedule.test_size
    maps = {side: _maps(backbone, side, width, earlier) for side in set(sides)}
    freeze(backbone, schedule)
    head = build_head(method, spec.head_options(), label_space_of(cell), width, earlier)
    model = MultiLabelModel(backbone, head)
    # A backbone that is not trained is no part of the checkpoint.
    changing = _bytes(head if schedule.trained_backbone == "none" else model)
    average = changing if schedule.ema_decay or schedule.ema_beside else 0
    moments = (1 if schedule.optimizer == "sgd" else 2) * _trained(model)
    return _Model(_bytes(model), changing + average + moments, *(maps[side] for side in sides))


def _bytes(module: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in module.state_dict().values())


def _trained(model: nn.Module) -> int:
    return sum(parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)


def _maps(backbone: Backbone, side: int, width: int, earlier: int | None) -> dict[str, int]:
    height, breadth = backbone.map_size(side)
    found = {"last": width * height * breadth}
    return found if earlier is None else {**found, "earlier": earlier * 4 * height * breadth}


def _features(cell: Cell, model: _Model) -> Iterator[tuple[object, int]]:
    """What is stored of each split, by what it is known by: methods and seeds share it."""
    schedule, dataset = cell.spec.schedule, cell.dataset
    hashes = cell.spec.data_fingerprint.split("-")
    mirrored = 2 if schedule.flip else 1
    for split, digest, views, maps in (
        (dataset.train, hashes[0], mirrored, model.train_maps),
        (dataset.eval, hashes[1], 1, model.test_maps),
        (dataset.chosen_on, hashes[-1], 1, model.test_maps),
    ):
        for name, numbers in maps.items() if split is not None else ():
            key = (digest, name, schedule.backbone, numbers, views)
            yield key, len(split or ()) * views * numbers * FEATURE
