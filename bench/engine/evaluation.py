"""Score the evaluation split."""

import time

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader

from bench.datasets.feed import Batch, Sample


def predict(
    fabric: Fabric, model: nn.Module, loader: "DataLoader[Sample]"
) -> tuple[NDArray[np.float32], float]:
    """Logits of every image, in the order of the split.

    Returns:
        `(N, C)` float32, and images per second.
    """
    was_training = model.training
    model.eval()
    started = time.perf_counter()
    parts = []
    with torch.inference_mode(), fabric.autocast():
        for batch in loader:
            assert isinstance(batch, Batch)
            parts.append(model(fabric.to_device(batch.images)).logits.float().cpu())
    model.train(was_training)
    logits = torch.cat(parts).numpy()
    return logits, len(logits) / (time.perf_counter() - started)
