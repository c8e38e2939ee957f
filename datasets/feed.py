"""Feed images to training: what is fed depends on (seed, epoch, image) alone.

Not on the head that is trained, nor on the number of workers, nor on whether the run was resumed.
"""

import hashlib
import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from bench.datasets.images import read_image
from bench.datasets.index import SplitIndex
from bench.datasets.transforms import transform, warp


class Sample(NamedTuple):
    """One image as it is fed."""

    image: Tensor  # (3, S, S) uint8
    labels: Tensor  # (C,) int8
    id: str
    checksum: int


class Batch(NamedTuple):
    """Images as they are fed."""

    images: Tensor  # (B, 3, S, S) uint8
    labels: Tensor  # (B, C) int8: 1 positive, 0 difficult, -1 negative
    ids: list[str]
    checksums: list[int]


class TrainingImages(Dataset[Sample]):
    """Augmented images; an item is asked for as (epoch, position)."""

    def __init__(
        self, index: SplitIndex, side: int, crop: Literal["multi-scale", "none"], flip: bool, seed: int
    ) -> None:
        self._index = index
        self._side = side
        self._crop = crop
        self._flip = flip
        self._seed = seed

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, position = key
        rng = np.random.Generator(
            np.random.PCG64([self._seed, epoch, zlib.crc32(self._index.ids[position].encode())])
        )
        picture = transform(read_image(self._index.paths[position]), self._side, self._crop, self._flip, rng)
        return _sample(self._index, position, np.asarray(picture))


class EvalImages(Dataset[Sample]):
    """Test images, warped to a square; an item is asked for by its position."""

    def __init__(self, index: SplitIndex, side: int) -> None:
        self.index = index
        self._side = side

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, position: int) -> Sample:
        picture = warp(read_image(self.index.paths[position]), self._side)
        return _sample(self.index, position, np.asarray(picture))


def _sample(index: SplitIndex, position: int, pixels: np.ndarray) -> Sample:
    labels = index.labels[position]
    checksum = zlib.crc32(
        pixels.tobytes(), zlib.crc32(labels.tobytes(), zlib.crc32(index.ids[position].encode()))
    )
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1)
    return Sample(image, torch.from_numpy(labels.copy()), index.ids[position], checksum)


def collate(samples: list[Sample]) -> Batch:
    """Stack samples; the images are channels-last in memory, as they were decoded."""
    return Batch(
        images=torch.stack([sample.image for sample in samples]).contiguous(
            memory_format=torch.channels_last
        ),
        labels=torch.stack([sample.labels for sample in samples]),
        ids=[sample.id for sample in samples],
        checksums=[sample.checksum for sample in samples],
    )


class EpochBatches(Sampler[list[tuple[int, int]]]):
    """Batches of (epoch, position) in an order drawn from (seed, epoch).

    The images left over after the last whole batch are not used in that epoch (as ADD-GCN's published loader
    does), unless there are fewer images than one batch.
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self._count = count
        self.batch_size = min(batch_size, count)
        self._seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return self._count // self.batch_size

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.Generator(np.random.PCG64([self._seed, self.epoch]))
        order = rng.permutation(self._count).tolist()
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield [(self.epoch, position) for position in order[start : start + self.batch_size]]


class FeedDigest:
    """A running hash of everything fed in an epoch: equal digests mean equal images, labels and order."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def update(self, batch: Batch) -> None:
        """Add a batch."""
        self._digest.update(np.asarray(batch.checksums, dtype=np.uint32).tobytes())

    def value(self) -> str:
        """Sixteen hexadecimal digits."""
        return self._digest.hexdigest()[:16]


def loader(
    dataset: Dataset[Sample], workers: int, device: torch.device, **how: object
) -> "DataLoader[Sample]":
    """A loader of `Batch`es; `how` says which items make a batch."""
    return DataLoader(
        dataset,
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=device.type == "cuda",
        # A loader draws a seed for its workers. From the global generator that would move dropout, and by
        # how much would depend on the number of workers.
        generator=torch.Generator(),
        **how,  # type: ignore[arg-type]
    )
