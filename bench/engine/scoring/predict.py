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
from bench.engine.device.ahead import bring
from bench.engine.device.memory import AtOnce
from bench.engine.parallel.ranks import ALONE, Ranks
from bench.metrics.known import given_labels
from bench.progress import Progress
from bench.stop import stop_if_asked


class NonFiniteError(Exception):
    """A loss or a score is NaN or infinite: training has gone wrong."""


_NONE = np.zeros((0, 0), dtype=np.float32)
Tell = Callable[[Batch], Tensor]


class Predicted(NamedTuple):
    """What a model makes of a split.

    Attributes:
        logits: `(N, C)` float32, in the order of the split; in a process that does not lead, of its images.
        rate: images per second.
        feed: hash of the images, labels and order that were fed.
    """

    logits: NDArray[np.float32]
    rate: float
    feed: str


def beside(batch: Batch) -> dict[str, Tensor]:
    """What a model is given beside the images and the targets: the earlier map, where it is fed."""
    return {} if batch.earlier is None else {"earlier": batch.earlier}


def predict(
    fabric: Fabric,
    model: nn.Module,
    feed: Feed,
    progress: Progress,
    tell: Tell | None = None,
    ranks: Ranks = ALONE,
) -> Predicted:
    """Score every image of a split. Where the memory does not hold a batch, it is scored in parts.

    Several processes score whole batches each, so that a score has the same bits as with one.

    Args:
        fabric: of the device and the precision.
        model: takes what the feed gives.
        feed: of the split, or of the batches of this process.
        progress: called with (done, total) batches.
        tell: gives what the head is told of the labels of a batch, `(B, C)`; None if it is told nothing.
        ranks: the processes that share the split, the first batches in the first.

    Raises:
        NonFiniteError: naming an image whose scores are not finite.
    """
    was_training = model.training
    model.eval()
    started = time.perf_counter()
    parts: list[Tensor] = []
    at_once = AtOnce(least=1)
    ids: list[str] = []
    digest = FeedDigest()
    with torch.inference_mode():
        for number, (batch, there) in enumerate(bring(feed, fabric.device), start=1):
            ids += batch.ids
            digest.update(batch)
            inputs = {"images": there.images, **beside(there)}
            if tell:
                inputs["given"] = fabric.to_device(tell(batch))
            parts += _score(fabric, model, inputs, at_once)
            progress(number, len(feed))
            stop_if_asked()
    model.train(was_training)
    # Fetched at once: a GPU that is asked for the scores of a batch waits until it is told of the next.
    own = torch.cat(parts).cpu().numpy() if parts else _NONE
    gathered = ranks.to_first((own, ids, digest.batches))
    # A process that there was no batch for has no classes either.
    logits = np.concatenate([part for part, _, _ in gathered if len(part)] or [own])
    rate = len(logits) / (time.perf_counter() - started)
    ids = [name for _, names, _ in gathered for name in names]
    if problem := ranks.from_first(lambda: _not_finite(logits, ids)):
        raise NonFiniteError(problem)
    return Predicted(logits, rate, FeedDigest(part for _, _, batches in gathered for part in batches).value())


def _not_finite(logits: NDArray[np.float32], ids: list[str]) -> str:
    """Which scores are NaN or infinite, in a sentence; nothing where none is."""
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if not len(bad):
        return ""
    return f"the scores of {len(bad)} of {len(logits)} test images are not finite, {ids[bad[0]]} for one"


def _score(fabric: Fabric, model: nn.Module, inputs: dict[str, Tensor], at_once: AtOnce) -> list[Tensor]:
    """The logits of a batch, in as many parts as the memory asks for."""
    images = inputs.pop("images")

    def score(part: slice) -> Tensor:
        # The model alone: what the feed does in this process is no arithmetic of the model.
        with fabric.autocast():
            output = model(images[part], **{name: tensor[part] for name, tensor in inputs.items()})
        # A copy: with CUDA graphs the next batch is written where these are.
        logits: Tensor = output.logits.float().clone()
        return logits

    while True:
        scored = at_once.attempt(len(images), lambda: [score(part) for part in at_once.parts(len(images))])
        if scored is not None:
            return scored


def telling(percent: int) -> Tell:
    """Tells a share of the labels of each image; see `bench.metrics.known`."""
    return lambda batch: torch.from_numpy(given_labels(batch.ids, batch.labels.numpy(), percent))
