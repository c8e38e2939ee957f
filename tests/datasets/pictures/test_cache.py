"""Pictures kept as they were decoded: the same pixels, never old ones, in no more space than given."""

import multiprocessing
import os
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.datasets.feed import Batch, EpochBatches, EvalImages, FeedDigest, TrainingImages, loader
from bench.datasets.index import SplitIndex
from bench.datasets.pictures.cache import DECODED, HEADER, SHARDS, UNUSED, Entry, PictureCache, kept
from bench.datasets.pictures.crop import Box, read_part
from bench.datasets.pictures.transforms import Augmentation
from bench.profile.photographs import make_photographs
from trees import write_picture

SIDE = 64
ROOM = 1e9
ORIENTATION = 0x0112
CROPPED = Augmentation(SIDE, crop="multi-scale", flip=True)
HOW = {
    "multi-scale": CROPPED,
    "resized": Augmentation(SIDE, crop="random", flip=True, resize=90, crop_sizes=(SIDE, 80), cutout=0.5),
    "random-resized": Augmentation(SIDE, "random-resized", flip=True, crop_scale=0.2, rand_augment=True),
    "none": Augmentation(SIDE, crop="none", flip=True),
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> SplitIndex:
    """Pictures of many kinds: plain, turned, grey, CMYK, progressive, no JPEG, and far too large."""
    folder = tmp_path_factory.mktemp("assorted")
    picture = Image.open(make_photographs(folder, 1).path(0)).convert("RGB").resize((200, 150))
    for orientation in (3, 6):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        picture.save(folder / f"turned-{orientation}.jpg", exif=exif)
    picture.save(folder / "picture.png")
    picture.save(folder / "progressive.jpg", progressive=True)
    picture.convert("L").save(folder / "grey.jpg")
    picture.convert("CMYK").save(folder / "cmyk.jpg")
    picture.resize((1203, 1001)).save(folder / "large.jpg")
    picture.resize((1204, 1008)).save(folder / "large-turned.jpg", exif=exif)
    for number in range(6):
        write_picture(folder / f"small-{number}.jpg", number, (120, 90))
    files = tuple(sorted(path.name for path in folder.iterdir()))
    labels = np.random.default_rng(0).integers(-1, 2, (len(files), 5)).astype(np.int8)
    return SplitIndex(files, folder, files, labels, np.zeros(len(files), np.uint32))


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    write_picture(tmp_path / "photograph.jpg", 1, (90, 70))
    return tmp_path / "photograph.jpg"


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def whole(size: tuple[int, int]) -> Box:
    return 0, 0, *size


def read(cache: PictureCache | None, path: Path, side: int = 448) -> np.ndarray:
    return read_part(path, whole, side, cache and cache.entry(path, DECODED))


def digests(
    index: SplitIndex, how: Augmentation, cache: PictureCache | None, workers: int = 0
) -> tuple[list[str], str]:
    """What two epochs of training and then the test images are hashed to."""
    batches = EpochBatches(len(index), 4, 0)
    feed = loader(TrainingImages(index, how, 0, cache), workers, torch.device("cpu"), batch_sampler=batches)
    found = []
    for epoch in (0, 1):
        batches.epoch = epoch
        found.append(digest(list(feed)))  # type: ignore[arg-type]
    test = loader(EvalImages(index, SIDE, 80, cache), workers, torch.device("cpu"), batch_size=4)
    return found, digest(list(test))  # type: ignore[arg-type]


def digest(batches: list[Batch]) -> str:
    running = FeedDigest()
    for batch in batches:
        running.update(batch)
    return running.value()


@pytest.mark.parametrize("name", HOW)
def test_what_is_fed_is_the_same_bit_for_bit(name: str, index: SplitIndex, tmp_path: Path) -> None:
    without = digests(index, HOW[name], None)
    cache = PictureCache(tmp_path, ROOM)
    assert digests(index, HOW[name], cache) == without, "as it fills"
    filled = {path: path.stat().st_mtime_ns for path in files_in(tmp_path)}
    # Only where rectangles of a large picture are decoded at a fraction of its size is it not kept whole.
    assert len(filled) == 2 * len(index) - (0 if name == "resized" else 3)
    assert digests(index, HOW[name], cache) == without, "when it is full"
    assert {path: path.stat().st_mtime_ns for path in files_in(tmp_path)} == filled, (
        "nothing is written twice"
    )


def test_processes_share_it(index: SplitIndex, tmp_path: Path) -> None:
    cache = PictureCache(tmp_path, ROOM)
    assert digests(index, CROPPED, cache, workers=2) == digests(index, CROPPED, None)
    assert digests(index, CROPPED, cache, workers=2) == digests(index, CROPPED, None)


def test_a_kept_picture_is_not_decoded(photograph: Path, tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "cache", ROOM)
    expected = read(cache, photograph)
    status = photograph.stat()
    # No picture any more, which size and time do not show.
    photograph.write_bytes(bytes(status.st_size))
    os.utime(photograph, ns=(status.st_atime_ns, status.st_mtime_ns))
    np.testing.assert_array_equal(read(cache, photograph), expected)


@pytest.mark.parametrize("same", ["nothing", "size", "time"])
def test_a_changed_photograph_is_read_anew(same: str, photograph: Path, tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "cache", ROOM)
    before, status = read(cache, photograph).copy(), photograph.stat()
    write_picture(photograph, 2, (90, 70))
    content = photograph.read_bytes()
    if same == "size":
        # Behind the end, where no decoder looks.
        write_picture(photograph, 2, (60, 40))
        content = photograph.read_bytes()
        photograph.write_bytes(content + bytes(status.st_size - len(content)))
    if same == "time":
        photograph.write_bytes(content + b"\0")
        os.utime(photograph, ns=(status.st_atime_ns, status.st_mtime_ns))
    after = read(None, photograph)
    assert after.shape != before.shape or not np.array_equal(after, before)
    for _ in range(2):
        np.testing.assert_array_equal(read(cache, photograph), after)
    assert len(files_in(tmp_path / "cache")) == 1, "in the place of the old one"


def test_a_photograph_that_is_gone_is_an_oserror(photograph: Path, tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "cache", ROOM)
    read(cache, photograph)
    photograph.unlink()
    with pytest.raises(FileNotFoundError, match=r"photograph\.jpg"):
        read(cache, photograph)


def turned(content: bytes) -> bytes:
    *first, height, width, checksum = HEADER.unpack_from(content)
    return HEADER.pack(*first, width, height, checksum) + content[HEADER.size :]


DAMAGES = {
    "empty": lambda content: b"",
    "half a header": lambda content: content[: HEADER.size // 2],
    "cut off": lambda content: content[:-1000],
    "longer": lambda content: content + b"\0",
    "zeros at the end": lambda content: content[:-4096] + bytes(4096),
    "one bit": lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:],
    "on its side": turned,
    "another shape": lambda content: (
        HEADER.pack(*HEADER.unpack_from(content)[:3], 1, 1, 0) + content[HEADER.size :]
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_made_anew(damage: str, photograph: Path, tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "cache", ROOM)
    expected = read(None, photograph)
    read(cache, photograph)
    (file,) = files_in(tmp_path / "cache")
    sound = file.read_bytes()
    file.write_bytes(DAMAGES[damage](sound))
    np.testing.assert_array_equal(read(cache, photograph), expected)
    assert file.read_bytes() == sound


def test_what_another_version_decoded_is_not_used(
    photograph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    PictureCache(tmp_path / "cache", ROOM).entry(photograph, "any").keep(pixels)
    assert PictureCache(tmp_path / "cache", ROOM).entry(photograph, "any").read() is not None
    monkeypatch.setattr("PIL.__version__", "0.1")
    assert PictureCache(tmp_path / "cache", ROOM).entry(photograph, "any").read() is None


def test_who_writes_into_the_pixels_does_not_write_into_the_cache(photograph: Path, tmp_path: Path) -> None:
    cache = PictureCache(tmp_path / "cache", ROOM)
    expected = read(cache, photograph).copy()
    read(cache, photograph)[:] = 0
    np.testing.assert_array_equal(read(cache, photograph), expected)


def test_it_takes_no_more_than_it_may(tmp_path: Path) -> None:
    pixels = np.zeros((10, 10, 3), np.uint8)
    one = pixels.nbytes + HEADER.size
    cache = PictureCache(tmp_path / "cache", 2.5 * one * SHARDS)
    photographs = [tmp_path / f"{number}.jpg" for number in range(2000)]
    for number, path in enumerate(photographs):
        path.touch()
        cache.entry(path, "any").keep(pixels + np.uint8(number % 251))
    taken = [file.stat().st_size for file in files_in(tmp_path / "cache")]
    assert sum(taken) <= 2.5 * one * SHARDS and len(taken) > 1.9 * SHARDS
    # What came first stays, and is what it was; a place that is taken is written again.
    found = [cache.entry(path, "any").read() for path in photographs]
    assert found[0] is not None and sum(one is not None for one in found) == len(taken)
    assert all(one is None or (one == number % 251).all() for number, one in enumerate(found))
    cache.entry(photographs[0], "any").keep(pixels + np.uint8(7))
    again = cache.entry(photographs[0], "any").read()
    assert again is not None and (again == 7).all()


def test_only_what_nobody_has_read_for_a_week_makes_room(tmp_path: Path) -> None:
    pixels = np.zeros((10, 10, 3), np.uint8)
    cache = PictureCache(tmp_path / "cache", 1.5 * (pixels.nbytes + HEADER.size) * SHARDS)
    old, new = tmp_path / "old.jpg", tmp_path / "new.jpg"
    old.touch()
    new.touch()
    kept_old = cache.entry(old, "any")
    # In the same one of the folders.
    kept_new = cache.entry(new, "any")._replace(file=kept_old.file.with_name("0" * 32))
    kept_old.keep(pixels)
    kept_new.keep(pixels)
    assert kept_old.read() is not None and kept_new.read() is None
    past = time.time() - UNUSED - 60
    os.utime(kept_old.file, (past, past))
    assert kept_old.read() is not None, "read, and so of use again"
    kept_new.keep(pixels)
    assert kept_new.read() is None
    os.utime(kept_old.file, (past, past))
    kept_new.keep(pixels)
    assert kept_new.read() is not None and kept_old.read() is None


def test_where_nothing_can_be_written_pictures_are_decoded(photograph: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    cache = PictureCache(tmp_path / "cache", ROOM)
    for _ in range(2):
        np.testing.assert_array_equal(read(cache, photograph), read(None, photograph))


def test_a_picture_that_was_kept_for_more_pixels_serves_a_run_that_wants_fewer(
    index: SplitIndex, tmp_path: Path
) -> None:
    cache = PictureCache(tmp_path, ROOM)
    for path in map(index.path, range(len(index))):
        read(cache, path, side=1024)
        for box in ((0, 0, 90, 70), (5, 7, 90, 69)):
            for side in (8, 20, 448):
                entry = cache.entry(path, DECODED)
                with_it = read_part(path, lambda _, box=box: box, side, entry)
                np.testing.assert_array_equal(with_it, read_part(path, lambda _, box=box: box, side))


def test_a_picture_that_cannot_be_read_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "no.jpg"
    path.write_bytes(b"no picture")
    cache = PictureCache(tmp_path / "cache", ROOM)
    for _ in range(2):
        with pytest.raises(OSError, match="no picture"):
            read(cache, path)
    assert not files_in(tmp_path / "cache")


def write_without_end(entry: Entry) -> None:
    for value in count():
        entry.keep(np.full((900, 900, 3), value % 256, np.uint8))


def test_a_process_that_is_killed_leaves_nothing_wrong(photograph: Path, tmp_path: Path) -> None:
    entry = PictureCache(tmp_path / "cache", ROOM).entry(photograph, "any")
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=write_without_end, args=[entry]) for _ in range(2)]
    try:
        for process in processes:
            process.start()
        seen = 0
        end = time.monotonic() + 0.5
        while time.monotonic() < end or not seen:
            found = entry.read()
            if found is not None:
                assert (found == found[0, 0, 0]).all()
                seen += 1
    finally:
        for process in processes:
            process.kill()
            process.join()
    found = entry.read()
    assert found is not None and (found == found[0, 0, 0]).all()
    np.testing.assert_array_equal(kept(entry, lambda: np.ones((1, 1, 3), np.uint8)), found)
