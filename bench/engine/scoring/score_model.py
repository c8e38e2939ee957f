"""Score a split of a data set with a stored model."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.datasets.feed import Batch, EvalImages, loader
from bench.datasets.info import DataSetInfo
from bench.datasets.opened import OpenedSplit
from bench.datasets.pictures.cache import configured_cache
from bench.engine.device.environment import fabric_on, keep_to_share, precision_plugin
from bench.engine.models.model_file import ModelCard, Trained
from bench.engine.scoring.predict import NonFiniteError, predict, telling
from bench.errors import UserError
from bench.experiment.methods import MethodChoice, options_of
from bench.experiment.schedule import Precision
from bench.methods.catalog import METHODS
from bench.progress import Progress


@dataclass(frozen=True)
class Conditions:
    """How images are scored.

    Attributes:
        side: of the square input, pixels.
        resize: the side that an image is resized to before its centre is cut out.
        precision: of the arithmetic.
        batch_size: images per batch.
        workers: loading processes.
        device: where.
        known: percent of the labels of an image that the head is told.
    """

    side: int
    resize: int
    precision: Precision
    batch_size: int
    workers: int
    device: torch.device
    known: int = 0


def sizes_for(card: ModelCard, side: int | None) -> tuple[int, int]:
    """Side of the test input and of the image that it is cut out of; another side keeps the card's share."""
    if side is None:
        return card.test_size, card.test_resize
    return side, round(side * card.test_resize / card.test_size)


def score(
    trained: Trained, split: OpenedSplit, conditions: Conditions, progress: Progress
) -> NDArray[np.float32]:
    """Logits `(N, C)` of a split, in the order of the data set's classes.

    Args:
        trained: the model.
        split: what is scored.
        conditions: how.
        progress: called with (done, total) batches.

    Raises:
        UserError: the classes of the model are not those of the data set, an image size that the backbone
            does not take, labels for a head that cannot be told any, or scores that are not finite.
    """
    keep_to_share()
    if conditions.known:
        check_told(trained.card.method)
    columns = columns_of(trained.card.classes, split.info)
    model, device = trained.model, conditions.device
    model.backbone.check_size(conditions.side)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    fabric = fabric_on(device, precision_plugin(conditions.precision, device))
    images = loader(
        EvalImages(split.index, conditions.side, conditions.resize, configured_cache()),
        conditions.workers,
        device,
        batch_size=conditions.batch_size,
    )

    def tell(batch: Batch) -> Tensor:
        # The head has the classes in the order of the model.
        given = torch.empty(batch.labels.shape, dtype=torch.int8)
        given[:, columns] = telling(conditions.known)(batch)
        return given

    try:
        logits = predict(fabric, model, images, progress, tell if conditions.known else None).logits
    except NonFiniteError as error:
        raise UserError(f"The model cannot be evaluated: {error}.") from error
    return np.ascontiguousarray(logits[:, columns])


def check_told(method: MethodChoice) -> None:
    """UserError where a method, with its options, cannot be told labels that are known."""
    if not options_of(method).uses_known_labels:
        able = [name for name, one in METHODS.items() if one.options().uses_known_labels]
        raise UserError(
            f"{method.label()} cannot be told labels: leave out --known, or use a method that can, "
            f"{', '.join(able)}."
        )


def columns_of(classes: tuple[str, ...], info: DataSetInfo) -> list[int]:
    """Which logit of a model belongs to each class of the data set.

    Raises:
        UserError: they have different classes.
    """
    wanted = info.classes
    if set(classes) != set(wanted):
        absent = [name for name in wanted if name not in classes]
        others = [name for name in classes if name not in wanted]
        raise UserError(
            f"The model has {len(classes)} classes and {info.name} has {len(wanted)}, and they are "
            f"not the same ones: the model lacks {', '.join(absent) or 'none'}, the data set lacks "
            f"{', '.join(others) or 'none'}; evaluate on a data set with the model's classes."
        )
    return [classes.index(name) for name in wanted]
