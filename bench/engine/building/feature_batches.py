"""Stored features in batches, as images would be fed."""

from collections.abc import Iterator

import numpy as np
import torch
import xxhash

from bench.datasets.feed import Batch, EpochBatches, PartOfBatches
from bench.engine.building.features import StoredSplit


class FeatureBatches:
    """Batches of stored features, gathered as they lie.

    Args:
        stored: the split.
        batches: of (epoch, position).
        seed: which images an epoch mirrors, where mirrored ones are stored, is drawn from it and the epoch.
    """

    def __init__(
        self, stored: StoredSplit, batches: "EpochBatches | PartOfBatches | InOrder", seed: int = 0
    ) -> None:
        self._stored = stored
        self._batches = batches
        self._seed = seed
        self._labels = torch.from_numpy(stored.index.labels)
        self._named = [
            xxhash.xxh3_64_intdigest(labels.tobytes(), xxhash.xxh32_intdigest(name.encode()))
            for labels, name in zip(stored.index.labels, stored.index.ids, strict=True)
        ]

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Batch]:
        views, count = self._stored.values.shape[:2]
        rows, earlier = self._stored.values.flatten(0, 1), self._stored.earlier
        rows_before = None if earlier is None else earlier.flatten(0, 1)
        checksums = self._stored.checksums.ravel().tolist()
        mirrored = np.zeros(count, dtype=np.int64)
        for number, keys in enumerate(self._batches):
            if number == 0 and views > 1:
                rng = np.random.Generator(np.random.PCG64([self._seed, keys[0][0], 1]))
                mirrored = rng.integers(0, 2, count)
            positions = [position for _, position in keys]
            chosen = (mirrored[positions] * count + positions).tolist()
            yield Batch(
                images=rows[chosen].permute(0, 3, 1, 2),
                labels=self._labels[positions],
                ids=[self._stored.index.ids[position] for position in positions],
                checksums=[
                    checksums[row] ^ self._named[position]
                    for row, position in zip(chosen, positions, strict=True)
                ],
                earlier=None if rows_before is None else rows_before[chosen].permute(0, 3, 1, 2),
            )


class InOrder:
    """Batches of (0, position) in the order of a split, or of a range of its positions."""

    def __init__(self, positions: range, batch_size: int) -> None:
        self._positions = positions
        self._batch_size = batch_size

    def __len__(self) -> int:
        return -(-len(self._positions) // self._batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for start in range(0, len(self._positions), self._batch_size):
            yield [(0, position) for position in self._positions[start : start + self._batch_size]]
