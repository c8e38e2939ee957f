"""Feed images to training: what is fed depends on (seed, epoch, image) alone.

Not on the head that is trained, nor on the number of workers, nor on whether the run was resumed.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import torch
import xxhash
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from bench.datasets.index import SplitIndex, count_batches
from bench.datasets.loading import Loading
from bench.datasets.pictures.cache import PictureCache, entry_in, eval_form, kept
from bench.datasets.pictures.crop import read_whole
from bench.datasets.pictures.jpeg import Pixels
from bench.datasets.pictures.read import pixel_limit
from bench.datasets.pictures.transforms import Augmentation, evaluation_pixels
from bench.errors import one_line
from bench.stop import leave_signals_to_the_parent


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
    # of stored features, where the head reads it: the map before the last one, (B, E, 2h, 2w)
    earlier: Tensor | None = None


class Feed(Protocol):
    """Batches, one epoch after the other."""

    def __len__(self) -> int:
        """Batches in an epoch."""
        ...

    def __iter__(self) -> Iterator[Batch]:
        """The batches of an epoch."""
        ...


class TrainingImages(Dataset[Sample]):
    """Augmented images; an item is asked for as (epoch, position).

    Args:
        index: which images.
        augmentation: what is done to them.
        seed: of what is drawn.
        cache: where decoded pictures are kept, if they are.
    """

    def __init__(
        self, index: SplitIndex, augmentation: Augmentation, seed: int, cache: PictureCache | None = None
    ) -> None:
        self._index = index
        self._augmentation = augmentation
        self._seed = seed
        self._cache = cache
        # Asked once: to look for a configuration file takes a tenth of what decoding takes.
        self._max_pixels = pixel_limit()

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, position = key
        rng = augmentation_rng(self._seed, epoch, self._index.ids[position])
        path = self._index.path(position)
        with naming(path):
            pixels = self._augmentation.read(path, rng, self._cache, self._max_pixels)
        return make_sample(self._index, position, pixels)


class EvalImages(Dataset[Sample]):
    """Test images, warped to a square; an item is asked for by its position.

    Args:
        index: which images.
        side: of the square that is fed, pixels.
        resize: side of the square that the image is warped to before its centre is cut out; `side` if None.
        cache: where the squares are kept, if they are.
    """

    def __init__(
        self, index: SplitIndex, side: int, resize: int | None = None, cache: PictureCache | None = None
    ) -> None:
        self.index = index
        self.side = side
        self.resize = resize or side
        self._cache = cache
        self._max_pixels = pixel_limit()

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, position: int) -> Sample:
        path = self.index.path(position)
        with naming(path):
            pixels = kept(
                entry_in(self._cache, path, eval_form(self.side, self.resize)),
                lambda: evaluation_pixels(read_whole(path, self._max_pixels), self.side, self.resize),
            )
        return make_sample(self.index, position, pixels)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of a photograph that was whole when it was checked say which one it is."""
    try:
        yield
    except OSError as error:
        # One text, which comes through from a loading process; the system's own errors name a file.
        said = one_line(error) if error.filename else f"{path}: {one_line(error)}"
        raise OSError(f"{said}; it was changed since it was checked: put it back") from error


def augmentation_rng(seed: int, epoch: int, image: str) -> np.random.Generator:
    """Where the augmentation of one image in one epoch is drawn from."""
    return np.random.Generator(np.random.PCG64([seed, epoch, zlib.crc32(image.encode())]))


def make_sample(index: SplitIndex, position: int, pixels: Pixels) -> Sample:
    """Put labels, name and checksum beside the `(S, S, 3)` pixels of an image."""
    labels = index.labels[position]
    # CRC-32 would take as long as the resize.
    checksum = xxhash.xxh3_64(index.ids[position].encode())
    checksum.update(labels.tobytes())
    checksum.update(pixels.data)
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    return Sample(image, torch.from_numpy(labels.copy()), index.ids[position], checksum.intdigest())


def collate(samples: list[Sample]) -> Batch:
    """Stack samples; the images are channels-last in memory, as they were decoded."""
    # Stacked as they lie in memory: to regroup the channels costs ten times as much as to copy them.
    rows = torch.stack([sample.image.permute(1, 2, 0) for sample in samples])
    return Batch(
        images=rows.permute(0, 3, 1, 2),
        labels=torch.stack([sample.labels for sample in samples]),
        ids=[sample.id for sample in samples],
        checksums=[sample.checksum for sample in samples],
    )


class EpochBatches(Sampler[list[tuple[int, int]]]):
    """Batches of (epoch, position) in an order drawn from (seed, epoch).

    Unless `drop_last` is off, the images left over after the last whole batch are not used in that epoch (as
    ADD-GCN's published loader does). A single one never is, because batch statistics need two. Fewer images
    than a batch are one.
    """

    def __init__(self, count: int, batch_size: int, seed: int, drop_last: bool = True) -> None:
        self._count = count
        self._batch_size = batch_size
        self._drop_last = drop_last
        self._seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return count_batches(self._count, self._batch_size, self._drop_last)

    @property
    def images(self) -> int:
        """Images in an epoch."""
        return min(self._count, len(self) * self._batch_size)

    def size(self, number: int) -> int:
        """Images in the `number`-th batch, from 0."""
        return min(self._batch_size, self.images - number * self._batch_size)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.Generator(np.random.PCG64([self._seed, self.epoch]))
        order = rng.permutation(self._count).tolist()
        for start in range(0, self.images, self._batch_size):
            yield [(self.epoch, position) for position in order[start : start + self._batch_size]]


class PartOfBatches(Sampler[list[tuple[int, int]]]):
    """Of each batch the part of one of several processes; the parts lie in it one behind the other.

    Args:
        batches: the whole ones.
        rank: of the process.
        count: of processes.
    """

    def __init__(self, batches: EpochBatches, rank: int, count: int) -> None:
        self._batches = batches
        self._rank = rank
        self._processes = count

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for whole in self._batches:
            sizes = part_sizes(len(whole), self._processes)
            first = sum(sizes[: self._rank])
            yield whole[first : first + sizes[self._rank]]


def part_sizes(count: int, parts: int) -> list[int]:
    """The sizes of parts of something, alike but for one."""
    ends = [count * part // parts for part in range(parts + 1)]
    return [end - start for start, end in pairwise(ends)]


class FeedDigest:
    """A hash of everything fed in an epoch: equal digests mean equal images, labels and order.

    Attributes:
        batches: what is hashed, of each batch so far.
    """

    def __init__(self, batches: Iterable[bytes] = ()) -> None:
        self.batches = list(batches)

    def update(self, batch: Batch) -> None:
        """Add a batch."""
        self.batches.append(np.asarray(batch.checksums, dtype=np.uint64).tobytes())

    def value(self) -> str:
        """Sixteen hexadecimal digits."""
        return hashlib.sha256(b"".join(self.batches)).hexdigest()[:16]


def loader(dataset: Dataset[Sample], workers: int, device: torch.device, **how: object) -> Feed:
    """A loader of `Batch`es; `how` says which items make a batch."""
    batches: DataLoader[Sample] = DataLoader(
        dataset,
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        worker_init_fn=leave_signals_to_the_parent,
        pin_memory=device.type == "cuda",
        # A loader draws a seed for its workers. From the global generator that would move dropout, and by
        # how much would depend on the number of workers.
        generator=torch.Generator(),
        **how,  # type: ignore[arg-type]
    )
    return Loading[Batch](batches)
