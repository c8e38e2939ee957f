"""Features of a frozen backbone: computed once for every image, stored, and fed to the heads in its place."""

import os
import shutil
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
import xxhash
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from bench.datasets.feed import Batch, EvalImages, collate
from bench.datasets.index import SplitIndex, pick
from bench.datasets.opened import DataSet
from bench.engine.device.code import digest_of
from bench.engine.device.environment import computes_with
from bench.experiment.schedule import Schedule
from bench.files import take_name, temporary_folder
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.frozen import freeze, principal_components
from bench.methods.model import state_digest
from bench.progress import Progress
from bench.tensors import write_tensors

BATCH = 32
# Threads that decode pictures beside the backbone.
DECODERS = 2
# Training images that the principal components are computed from.
COMPONENT_IMAGES = 512
VALUES, CHECKSUMS = "values.npy", "checksums.npy"
# Features up to this share of the machine's memory are held in it; larger ones are read from the disk. A data
# set has three splits at most. Earlier maps are always read from the disk.
SHARE_OF_MEMORY = 0.2
SPLITS_HELD = 3


@dataclass(frozen=True)
class StoredSplit:
    """The features of one split.

    Attributes:
        index: whose.
        values: `(V, N, h, w, d)` float16 in the order of the split, the channels last, as heads read them; V
            is 2 where mirrored images are stored too, behind the others.
        checksums: `(V, N)` uint64, of each image's features.
        earlier: `(V, N, 2h, 2w, e)` float16, the map before the last one, where it was asked for.
    """

    index: SplitIndex
    values: Tensor
    checksums: NDArray[np.uint64]
    earlier: Tensor | None = None


@dataclass(frozen=True)
class StoredFeatures:
    """The features of a data set.

    Attributes:
        backbone: the frozen backbone; what it makes of an image is what is stored of it.
        train: of the training split.
        eval: of the evaluation split.
        chosen_on: of the validation split that epochs are chosen on, where there is one.
    """

    backbone: Backbone
    train: StoredSplit
    eval: StoredSplit
    chosen_on: StoredSplit | None


def store_features(
    backbone: Backbone,
    dataset: DataSet,
    schedule: Schedule,
    folder: Path,
    device: torch.device,
    progress: Progress,
    earlier: bool = False,
) -> StoredFeatures:
    """Compute the features of every image, or find them where they were computed before.

    Args:
        backbone: as it is to be frozen.
        dataset: whose images.
        schedule: input sizes, whether training images are mirrored, and how many channels are kept.
        folder: where features are kept; a split has a folder of its own in it, whole or not at all.
        device: where the backbone is run.
        progress: called with (done, total) while images of a split go through the backbone.
        earlier: also the map before the last one, which is stored by itself: the last one is the same file
            for all heads. `Backbone.read_earlier` has found that there is one.
    """
    frozen = freeze(backbone, _reduction(backbone, dataset, schedule, folder, device))
    if earlier:
        frozen.read_earlier("the head")

    def stored(index: SplitIndex, side: int, resize: int, mirrored: bool = False) -> StoredSplit:
        images = EvalImages(index, side, resize)
        values, checksums = _stored(frozen, images, mirrored, folder, device, progress)
        if not earlier:
            return StoredSplit(index, values, checksums)
        before, _ = _stored(frozen, images, mirrored, folder, device, progress, earlier=True)
        return StoredSplit(index, values, checksums, before)

    test_sizes = schedule.test_size, schedule.test_resize
    return StoredFeatures(
        frozen,
        stored(dataset.train, schedule.image_size, schedule.image_size, schedule.flip),
        stored(dataset.eval, *test_sizes),
        None if dataset.chosen_on is None else stored(dataset.chosen_on, *test_sizes),
    )


def _reduction(
    backbone: Backbone, dataset: DataSet, schedule: Schedule, folder: Path, device: torch.device
) -> dict[str, Tensor]:
    """The principal components of the training images, where the schedule asks for some."""
    if schedule.feature_channels is None:
        return {}
    side, channels = schedule.image_size, schedule.feature_channels
    file = folder / f"{_key(backbone, dataset.train, device, side, channels)}.safetensors"
    try:
        kept: dict[str, Tensor] = load_file(file)
        return kept
    except Exception:  # there is none, or it is damaged, which safetensors says in ways of its own
        images = EvalImages(dataset.train.take(pick(len(dataset.train), COMPONENT_IMAGES)), side, side)
        parts = [features for features, _ in _features(freeze(backbone, {}), images, False, device)]
        reduction = principal_components(torch.cat(parts), channels)
        write_tensors(file, reduction)
        return reduction


def _key(backbone: Backbone, split: SplitIndex, device: torch.device, *settings: object) -> str:
    """A name for what a backbone makes of a split here: a record says that its run was made here alone."""
    # Not in the digest: what pixels are normalised with, which weights and a schedule decide.
    pixels = () if backbone.mean.any() else ("not normalised",)
    made_by = (digest_of(__name__), *computes_with(device))
    key = (*made_by, backbone.name, state_digest(backbone), split.fingerprint(), *settings, *pixels)
    return sha256(repr(key).encode()).hexdigest()[:16]


def _stored(
    frozen: Backbone,
    images: EvalImages,
    mirrored: bool,
    folder: Path,
    device: torch.device,
    progress: Progress,
    earlier: bool = False,
) -> tuple[Tensor, NDArray[np.uint64]]:
    """The values and the checksums of the last map, or of the one before it."""
    settings = (images.side, images.resize, mirrored, *(["earlier"] if earlier else []))
    name = _key(frozen, images.index, device, *settings)
    place = folder / name
    read = partial(_read, place, 0) if earlier else partial(_load, place)
    try:
        return read()
    except FileNotFoundError:
        pass  # another process may be about to put them there
    except Exception:  # what a library does with what a disk has made of it
        shutil.rmtree(place, ignore_errors=True)  # damaged
    with temporary_folder(folder, name) as work:
        _compute(_features(frozen, images, mirrored, device, earlier), images, mirrored, work, progress)
        take_name(work, place)
    return read()


@lru_cache(maxsize=SPLITS_HELD)
def _load(place: Path) -> tuple[Tensor, NDArray[np.uint64]]:
    """What is kept of a split; see `_read`."""
    return _read(place, SHARE_OF_MEMORY)


def _read(place: Path, share: float) -> tuple[Tensor, NDArray[np.uint64]]:
    """What is kept of a split, in memory where it is at most this share of it.

    Raises:
        FileNotFoundError: there is nothing.
        Exception: it is damaged, which each layer of the format says in ways of its own.
    """
    file = place / VALUES
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    held = file.stat().st_size <= share * memory
    # Mapped as copy-on-write, because a tensor of what cannot be written is warned of.
    values = np.load(file, mmap_mode=None if held else "c", allow_pickle=False)
    checksums: NDArray[np.uint64] = np.load(place / CHECKSUMS, allow_pickle=False)
    if values.shape[:2] != checksums.shape:
        raise ValueError(f"{place} is damaged")
    return torch.from_numpy(values), checksums


def _compute(
    maps: Iterator[tuple[Tensor, Tensor]],
    images: EvalImages,
    mirrored: bool,
    folder: Path,
    progress: Progress,
) -> None:
    values: NDArray[np.float16] | None = None
    checksums = np.zeros((1 + mirrored, len(images)), np.uint64)
    done = 0
    for features, mirrors in maps:
        for view, tensor in enumerate((features, mirrors) if mirrored else (features,)):
            rows = tensor.permute(0, 2, 3, 1).numpy().astype(np.float16, order="C")
            if values is None:
                shape = (1 + mirrored, len(images), *rows.shape[1:])
                values = _allocated(folder / VALUES, shape)
            values[view, done : done + len(rows)] = rows
            checksums[view, done : done + len(rows)] = [xxhash.xxh3_64_intdigest(row.data) for row in rows]
        done += len(features)
        progress(done, len(images))
    assert values is not None, "a split has an image"
    values.flush()  # type: ignore[attr-defined]
    np.save(folder / CHECKSUMS, checksums, allow_pickle=False)


def _allocated(file: Path, shape: tuple[int, ...]) -> NDArray[np.float16]:
    """A file to be written through memory, whose place on the disk is taken now.

    Raises:
        OSError: the disk is full; while it is written that would end the process without a word.
    """
    values = np.lib.format.open_memmap(file, "w+", np.float16, shape)
    if hasattr(os, "posix_fallocate"):
        with file.open("r+b") as opened:
            try:
                os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(file)) from error
    return values


def _features(
    backbone: Backbone, images: EvalImages, mirrored: bool, device: torch.device, earlier: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """The features of every image, and of its mirror image if asked for, in float32 on the CPU.

    They are the last map, or the one before it.
    """

    def computed(pixels: Tensor) -> Tensor:
        return (backbone.maps(pixels)[0] if earlier else backbone(pixels)).float().cpu()

    backbone.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    with torch.inference_mode():
        for batch in _decoded(images):
            pixels = backbone.normalize(batch.images.to(device))
            features = computed(pixels)
            yield features, computed(pixels.flip(-1)) if mirrored else features
    backbone.cpu()


def _decoded(images: EvalImages) -> Iterator[Batch]:
    """Batches in order, the next ones decoded while one is used; in threads, as decoding leaves the GIL."""
    with ThreadPoolExecutor(DECODERS) as pool:
        coming: deque[Future[Batch]] = deque()
        for start in range(0, len(images), BATCH):
            positions = range(start, min(start + BATCH, len(images)))
            coming.append(pool.submit(lambda some: collate([images[i] for i in some]), positions))
            if len(coming) > DECODERS:
                yield coming.popleft().result()
        for batch in coming:
            yield batch.result()
