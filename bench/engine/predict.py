"""Score the evaluation split."""

import time
from collections.abc import Iterable

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn

from bench.datasets.feed import Batch


class NonFiniteError(Exception):
    """A loss or a score is NaN or infinite: training has gone wrong."""


def predict(fabric: Fabric, model: nn.Module, loader: Iterable[object]) -> tuple[NDArray[np.float32], float]:
    """Logits of every image, in the order of the split.

    Returns:
        `(N, C)` float32, and images per second.

    Raises:
        NonFiniteError: naming an image whose scores are not finite.
    """
    was_training = model.training
    model.eval()
    started = time.perf_counter()
    parts = []
    ids: list[str] = []
    with torch.inference_mode(), fabric.autocast():
        for batch in loader:
            assert isinstance(batch, Batch)
            ids += batch.ids
            parts.append(model(fabric.to_device(batch.images)).logits.float().cpu())
    model.train(was_training)
    logits = torch.cat(parts).numpy()
    rate = len(logits) / (time.perf_counter() - started)
    bad = np.flatnonzero(~np.isfinite(logits).all(axis=1))
    if len(bad):
        raise NonFiniteError(
            f"the scores of {len(bad)} of {len(logits)} test images are not finite, {ids[bad[0]]} for one"
        )
    return logits, rate
