"""The weights that the published implementations were given for the reference vectors in `tests/parity`."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Arrays = dict[str, NDArray[np.float64]]


def draw(seed: int, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    generator = np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
    return generator.standard_normal(shape)


def published_weight(seed: int, name: str, shape: tuple[int, ...]) -> Tensor:
    noise = draw(seed, name, shape)
    last = name.rsplit(".", 1)[-1]
    if last == "num_batches_tracked":
        return torch.tensor(0)
    if last == "running_var":
        value = 1 + 0.1 * np.abs(noise)
    elif last == "running_mean":
        value = 0.05 * noise
    elif len(shape) >= 2:
        value = noise / np.sqrt(np.prod(shape[1:]))
    elif last == "weight":
        value = 1 + 0.1 * noise
    else:
        value = 0.05 * noise
    return torch.from_numpy(np.asarray(value))


@contextmanager
def float64() -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
