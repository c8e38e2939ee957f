"""Score every image that a loader gives, in its order."""

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.datasets.feed import Batch, Feed, FeedDigest
from bench.metrics.known import given_labels
from bench.progress import Progress


class NonFiniteError(Exception):
    """A loss or a score is NaN or infinite: training has gone wrong."""


Tell = Callable[[Batch], Tensor]


class Predicted(NamedTuple):
    """What a model makes of a split.

    Attributes:
        logits: `(N, C)` float32, in the order of the split.
        rate: images per second.
        feed: hash of the images, labels and order that were fed.
    """

    logits: NDArray[np.float32]
    rate: float
    feed: str


def beside(fabric: Fabric, batch: Batch) -> dict[str, Tensor]:
    """What a model is given beside the images and the targets: the earlier map, where it is fed."""
    return {} if batch.earlier is None else {"earlier": fabric.to_device(batch.earlier)}


def predict(
    fabric: Fabric, model: nn.Module, feed: Feed, progress: Progress, tell: Tell | None = None
) -> Predicted:
    """Score every image of a split.

    Args:
        fabric: of the device and the precision.
        model: takes what the feed gives.
        feed: of the split.
        progress: called with (done, total) batches.
        tell: gives what the head is told of the labels of a batch, `(B, C)`; None if it is told nothing.

    Raises:
        NonFiniteError: naming an image whose scores are not finite.
    """
    was_training = model.training
    model.eval()
    started = time.perf_counter()
    parts = []
    ids: list[str] = []
    digest = FeedDigest()
    with torch.inference_mode():
        for number, batch in enumerate(feed, start=1):
            ids += batch.ids
            digest.update(batch)
            images, more = fabric.to_device(batch.images), beside(fabric, batch)
            # The model alone: what the feed does in this process is no arithmetic of the model.
            with fabric.autocast():
                output = model(images, **more, **({"given": fabric.to_device(tell(batch))} if tell else {}))
            parts.append(output.logits.float().cpu())
            progress(number, len(feed))
    model.train(was_training)
    logits = torch.cat(parts).numpy()
    rate = len(logits) / (time.perf_counter() - started)
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(bad):
        raise NonFiniteError(
            f"the scores of {len(bad)} of {len(logits)} test images are not finite, {ids[bad[0]]} for one"
        )
    return Predicted(logits, rate, digest.value())


def telling(percent: int) -> Tell:
    """Tells a share of the labels of each image; see `bench.metrics.known`."""
    return lambda batch: torch.from_numpy(given_labels(batch.ids, batch.labels.numpy(), percent))
