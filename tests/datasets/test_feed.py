"""What is fed depends on (seed, epoch, image) alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.datasets.feed import Batch, EpochBatches, EvalImages, FeedDigest, TrainingImages, loader
from bench.datasets.index import SplitIndex
from bench.datasets.open import open_dataset
from bench.datasets.pictures.read import read_image
from bench.datasets.pictures.transforms import Augmentation, warp
from trees import write_voc

SIDE = 32
COUNT = 14
BATCH = 4
CROPPED = Augmentation(SIDE, crop="multi-scale", flip=True)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SplitIndex:
    root = tmp_path_factory.mktemp("feed")
    write_voc(root, train=COUNT, test=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_WORK", str(root / "work"))
        return open_dataset("voc2007", root).train


def fed(
    index: SplitIndex, epochs: list[int], seed: int = 0, workers: int = 0, batch: int = BATCH
) -> dict[int, list[Batch]]:
    """The batches of each epoch asked for, in that order, from one loader."""
    batches = EpochBatches(len(index), batch, seed)
    images = loader(
        TrainingImages(index, CROPPED, seed),
        workers,
        torch.device("cpu"),
        batch_sampler=batches,
    )
    found: dict[int, list[Batch]] = {}
    for epoch in epochs:
        batches.epoch = epoch
        found[epoch] = list(images)  # type: ignore[arg-type]
    return found


def digest(batches: list[Batch]) -> str:
    running = FeedDigest()
    for batch in batches:
        running.update(batch)
    return running.value()


def assert_equal(ours: list[Batch], theirs: list[Batch]) -> None:
    assert len(ours) == len(theirs) > 0
    for a, b in zip(ours, theirs, strict=True):
        assert a.ids == b.ids and a.checksums == b.checksums
        assert torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels)
    assert digest(ours) == digest(theirs)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(workers: int, index: SplitIndex) -> None:
    alone, shared = fed(index, [0, 1]), fed(index, [0, 1], workers=workers)
    for epoch in (0, 1):
        assert_equal(alone[epoch], shared[epoch])


def test_an_epoch_is_the_same_asked_for_first_or_after_others(index: SplitIndex) -> None:
    whole = fed(index, [0, 1, 2, 3])
    resumed = fed(index, [2, 3])
    assert_equal(whole[2], resumed[2])
    assert_equal(whole[3], resumed[3])
    # Nor does an epoch that was broken off leave anything behind.
    batches = EpochBatches(len(index), BATCH, 0)
    images = loader(TrainingImages(index, CROPPED, 0), 0, torch.device("cpu"), batch_sampler=batches)
    next(iter(images))
    batches.epoch = 3
    assert_equal(whole[3], list(images))  # type: ignore[arg-type]


def test_global_seeds_have_no_influence_and_are_left_alone(index: SplitIndex) -> None:
    torch.manual_seed(1)
    np.random.seed(1)
    first = fed(index, [0])[0]
    torch.manual_seed(2)
    np.random.seed(2)
    assert_equal(first, fed(index, [0])[0])


def test_epochs_and_seeds_differ_in_order_and_in_pixels(index: SplitIndex) -> None:
    found = fed(index, [0, 1])
    one, two, other = found[0], found[1], fed(index, [0], seed=1)[0]
    assert len({digest(one), digest(two), digest(other)}) == 3
    orders = {tuple(image for batch in batches for image in batch.ids) for batches in (one, two, other)}
    assert len(orders) == 3
    pixels = [
        dict(zip(batch.ids, batch.checksums, strict=True))
        for batches in (one, two, other)
        for batch in batches
    ]
    by_image: dict[str, list[int]] = {}
    for part in pixels:
        for image, checksum in part.items():
            by_image.setdefault(image, []).append(checksum)
    repeated = [values for values in by_image.values() if len(values) == 3]
    assert repeated and all(len(set(values)) == 3 for values in repeated)


def test_an_image_is_fed_alike_in_any_batch_and_among_any_others(index: SplitIndex) -> None:
    small, large = fed(index, [5], batch=2)[5], fed(index, [5], batch=7)[5]
    assert digest(small) == digest(large), "the batch size must not change order or pixels"
    rest = index.take(range(3, len(index)))
    whole = TrainingImages(index, CROPPED, 0)
    part = TrainingImages(rest, CROPPED, 0)
    assert whole[4, 6].checksum == part[4, 3].checksum


def test_every_image_at_most_once_and_the_left_over_ones_change(index: SplitIndex) -> None:
    left = set()
    for epoch, batches in fed(index, list(range(6))).items():
        ids = [image for batch in batches for image in batch.ids]
        assert len(batches) == COUNT // BATCH and len(ids) == len(set(ids)) == 12, epoch
        assert all(len(batch.ids) == BATCH for batch in batches)
        left |= set(index.ids) - set(ids)
    assert len(left) > 2, "not always the same images are left over"


def test_fewer_images_than_a_batch_are_one_batch(index: SplitIndex) -> None:
    (batch,) = fed(index, [0], batch=64)[0]
    assert sorted(batch.ids) == sorted(index.ids)
    assert EpochBatches(3, 64, 0).images == 3 and len(EpochBatches(3, 64, 0)) == 1
    assert len(EpochBatches(8, 4, 0)) == 2


def test_labels_and_ids_belong_to_the_pixels(index: SplitIndex) -> None:
    plain = TrainingImages(index, Augmentation(SIDE, crop="none", flip=False), 0)
    for position, image in enumerate(index.ids):
        sample = plain[0, position]
        assert sample.id == image
        np.testing.assert_array_equal(sample.labels.numpy(), index.labels[position])
        expected = np.asarray(warp(read_image(index.path(position)), SIDE)).astype(int)
        # The same but for rounding; two of these noisy pictures are dozens of grey levels apart.
        assert np.abs(sample.image.permute(1, 2, 0).numpy() - expected).max() <= 2


@pytest.mark.parametrize("workers", [0, 2])
def test_test_images_come_in_list_order_warped_and_all_of_them(workers: int, index: SplitIndex) -> None:
    batches: list[Batch] = list(loader(EvalImages(index, SIDE), workers, torch.device("cpu"), batch_size=4))  # type: ignore[arg-type]
    assert [image for batch in batches for image in batch.ids] == list(index.ids)
    assert [len(batch.ids) for batch in batches] == [4, 4, 4, 2]
    images = torch.cat([batch.images for batch in batches])
    assert images.dtype == torch.uint8 and images.shape == (COUNT, 3, SIDE, SIDE)
    expected = np.asarray(warp(read_image(index.path(5)), SIDE))
    np.testing.assert_array_equal(images[5].permute(1, 2, 0).numpy(), expected)


def test_the_digest_tells_order_labels_and_pixels_apart(index: SplitIndex) -> None:
    batches = fed(index, [0])[0]
    assert digest(batches) != digest(batches[::-1])
    changed = replace(index, labels=-index.labels)
    assert digest(fed(changed, [0])[0]) != digest(batches)
    assert digest([]) != digest(batches) and len(digest(batches)) == 16
