"""Features of a frozen backbone: computed once for every image, stored, and fed to the heads in its place."""

import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import Dataset

from bench.datasets.feed import Batch, EvalImages, Sample, loader
from bench.datasets.index import SplitIndex, pick
from bench.datasets.open import DataSet
from bench.experiment.schedule import Schedule
from bench.files import temporary_folder
from bench.methods.backbones.backbone import Backbone
from bench.methods.backbones.frozen import freeze, principal_components
from bench.methods.model import state_digest
from bench.progress import Progress

# Raised when the same images and backbone would give other features.
VERSION = 2
BATCH = 32
# Training images that the principal components are computed from.
COMPONENT_IMAGES = 512
REDUCTION = "reduction.safetensors"


@dataclass(frozen=True)
class StoredFeatures:
    """The features of both splits, mapped from the disk.

    Attributes:
        backbone: the frozen backbone; what it makes of an image is what is stored of it.
        train: `(N, d, h, w)` float16, in the order of the training split.
        eval: likewise of the evaluation split.
    """

    backbone: Backbone
    train: NDArray[np.float16]
    eval: NDArray[np.float16]


def store_features(
    backbone: Backbone,
    dataset: DataSet,
    schedule: Schedule,
    folder: Path,
    device: torch.device,
    progress: Progress,
) -> StoredFeatures:
    """Compute the features of every image, or find them where they were computed before.

    Args:
        backbone: as it is to be frozen.
        dataset: whose images.
        schedule: input sizes, and how many channels are kept.
        folder: where features are kept; a folder of its own is made in it, whole or not at all.
        device: where the backbone is run.
        progress: called with (done, total) while images go through the backbone.
    """
    sizes = (schedule.image_size, schedule.test_size, schedule.test_resize, schedule.feature_channels)
    key = (VERSION, backbone.name, state_digest(backbone), dataset.fingerprint(), *sizes)
    name = sha256(repr(key).encode()).hexdigest()[:16]
    place = folder / name
    stored = _load(place, dataset)
    if stored is None:
        shutil.rmtree(place, ignore_errors=True)  # damaged
        with temporary_folder(folder, name) as work:
            _compute(backbone, dataset, schedule, work, device, progress)
            work.rename(place)
        stored = _load(place, dataset)
        assert stored is not None, "what was written can be read"
    reduction, train, evaluated = stored
    return StoredFeatures(freeze(backbone, reduction), train, evaluated)


def _load(
    place: Path, dataset: DataSet
) -> tuple[dict[str, Tensor], NDArray[np.float16], NDArray[np.float16]] | None:
    """What is kept of a data set's features; None where there are none, or they are damaged."""
    try:
        reduction = load_file(place / REDUCTION)
        train, evaluated = (np.load(place / f"{split}.npy", mmap_mode="r") for split in ("train", "eval"))
    except Exception:  # of safetensors and NumPy, each with kinds of its own
        return None
    whole = (len(train), len(evaluated)) == (len(dataset.train), len(dataset.eval))
    return (reduction, train, evaluated) if whole else None


def _compute(
    backbone: Backbone,
    dataset: DataSet,
    schedule: Schedule,
    folder: Path,
    device: torch.device,
    progress: Progress,
) -> None:
    train = EvalImages(dataset.train, schedule.image_size, schedule.image_size)
    evaluated = EvalImages(dataset.eval, schedule.test_size, schedule.test_resize)
    reduction = {}
    if schedule.feature_channels is not None:
        some = dataset.train.take(pick(len(train), COMPONENT_IMAGES))
        images = EvalImages(some, schedule.image_size, schedule.image_size)
        whole = torch.cat(list(_features(freeze(backbone, {}), images, device)))
        reduction = principal_components(whole, schedule.feature_channels)
    save_file(reduction, folder / REDUCTION)
    frozen = freeze(backbone, reduction)
    done, total = 0, len(train) + len(evaluated)
    for split, images in (("train", train), ("eval", evaluated)):
        parts = []
        for features in _features(frozen, images, device):
            parts.append(features.numpy().astype(np.float16))
            done += len(features)
            progress(done, total)
        np.save(folder / f"{split}.npy", np.concatenate(parts), allow_pickle=False)


def _features(backbone: Backbone, images: EvalImages, device: torch.device) -> Iterator[Tensor]:
    """The features of every image, batch by batch, in float32 on the CPU."""
    backbone.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    with torch.inference_mode():
        for batch in loader(images, 0, device, batch_size=BATCH):
            assert isinstance(batch, Batch)
            yield backbone(backbone.normalize(batch.images.to(device))).float().cpu()
    backbone.cpu()


class TrainingFeatures(Dataset[Sample]):
    """Stored features in training; an item is asked for as (epoch, position)."""

    def __init__(self, index: SplitIndex, features: NDArray[np.float16]) -> None:
        self._index = index
        self._features = features

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        return _sample(self._index, key[1], self._features)


class EvalFeatures(Dataset[Sample]):
    """Stored features of test images; an item is asked for by its position."""

    def __init__(self, index: SplitIndex, features: NDArray[np.float16]) -> None:
        self.index = index
        self._features = features

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, position: int) -> Sample:
        return _sample(self.index, position, self._features)


def _sample(index: SplitIndex, position: int, features: NDArray[np.float16]) -> Sample:
    values, labels, image = np.array(features[position]), index.labels[position], index.ids[position]
    checksum = zlib.crc32(values.data, zlib.crc32(labels.tobytes(), zlib.crc32(image.encode())))
    return Sample(torch.from_numpy(values), torch.from_numpy(labels.copy()), image, checksum)
