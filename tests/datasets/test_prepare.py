"""The index of a split: kept, stamped, made again when it must be; and splits that are drawn here."""

import hashlib
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.datasets import prepare
from bench.datasets.catalog import DATASETS
from bench.datasets.index import SplitIndex
from bench.datasets.layout import MadeSplit
from bench.datasets.own import load_own
from bench.datasets.prepare import Prepared, prepare_split, with_classes
from bench.datasets.splits import positions_of
from bench.errors import UserError
from bench_command import bench
from trees import write_annotation, write_own_csv, write_voc

VOC2007 = DATASETS["voc2007"]


@pytest.fixture
def devkit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return write_voc(tmp_path / "data", train=4, test=2)


def prepared(devkit: Path, split: str = "trainval") -> Prepared:
    return prepare_split(VOC2007, devkit, split)


def stamp_of(found: Prepared) -> dict[str, object]:
    return SplitIndex.load(found.file, found.index.root)[1]


def all_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@contextmanager
def full_disk() -> Iterator[None]:
    """No file can take more than 100 bytes: writing more fails as it does on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# The index as a file.


def test_an_index_is_the_same_after_the_round_trip(tmp_path: Path) -> None:
    labels = np.array([[1, 0, -1], [-1, -1, -1]], dtype=np.int8)
    index = SplitIndex(
        ids=("été/1", "b c"),
        root=tmp_path,
        files=("été/1.jpg", "b c.PNG"),
        labels=labels,
        checksums=np.array([0, 2**32 - 1], dtype=np.uint32),
    )
    index.save(tmp_path / "new" / "index.npz", {"source": "ö", "images": 2})
    found, stamp = SplitIndex.load(tmp_path / "new" / "index.npz", tmp_path / "moved")
    assert stamp == {"source": "ö", "images": 2}
    assert (found.ids, found.files) == (index.ids, index.files)
    assert found.path(1) == tmp_path / "moved" / "b c.PNG"
    for part, expected in ((found.labels, index.labels), (found.checksums, index.checksums)):
        assert part.dtype == expected.dtype and part.tolist() == expected.tolist()
    assert found.fingerprint() == index.fingerprint()


def test_the_stamp_says_what_is_in_it_and_where_from(devkit: Path) -> None:
    found = prepared(devkit)
    stamp = stamp_of(found)
    assert stamp.pop("files") == {
        name: [(devkit / name).stat().st_size, (devkit / name).stat().st_mtime_ns]
        for name in (
            "ImageSets/Main/trainval.txt",
            "Annotations",
            "JPEGImages",
            *(f"Annotations/{number:06d}.xml" for number in range(1, 5)),
        )
    }
    assert stamp == {
        "data set": "voc2007",
        "split": "trainval",
        "source": VOC2007.source,
        "folder": str(devkit),
        "images": 4,
        "positives": int((found.index.labels == 1).sum()),
        "difficult": int((found.index.labels == 0).sum()),
        "hash": found.index.fingerprint(),
        "notes": [],
        "splits": {},
    }


def test_annotations_are_read_once(devkit: Path) -> None:
    first, second = prepared(devkit), prepared(devkit)
    assert (first.read, second.read) == (True, False)
    assert second.index.fingerprint() == first.index.fingerprint() == stamp_of(second)["hash"]
    assert (second.index.ids, second.index.files) == (first.index.ids, first.index.files)
    assert second.index.root == devkit and second.problems == ()
    assert prepared(devkit, "test").read and not prepared(devkit).read, "each split has its own"


def test_a_changed_annotation_or_list_is_read_again(devkit: Path) -> None:
    prepared(devkit)
    write_annotation(devkit / "Annotations" / "000002.xml", [("sheep", 0)])
    found = prepared(devkit)
    assert found.read and VOC2007.classes[int(found.index.labels[1].argmax())] == "sheep"
    lines = devkit / "ImageSets" / "Main" / "trainval.txt"
    lines.write_text("000002\n000001\n")
    assert prepared(devkit).index.ids == ("000002", "000001")
    assert not prepared(devkit).read


def test_a_change_that_keeps_the_size_is_noticed(devkit: Path) -> None:
    prepared(devkit)
    path = devkit / "Annotations" / "000001.xml"
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert prepared(devkit).read


def test_another_definition_has_an_index_of_its_own(devkit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared(devkit)
    reordered = replace(VOC2007, classes=VOC2007.classes[::-1])
    found = prepare_split(reordered, devkit, "trainval")
    assert found.read and found.index.labels.tolist() == prepared(devkit).index.labels[:, ::-1].tolist()
    monkeypatch.setattr(prepare, "VERSION", prepare.VERSION + 1)
    assert prepared(devkit).read, "an index of an older version is not believed"


def test_a_damaged_index_is_made_again(devkit: Path) -> None:
    good = prepared(devkit)
    content = good.file.read_bytes()
    flipped = [
        content[:place] + bytes([content[place] ^ 0x80]) + content[place + 1 :]
        for place in range(0, len(content), 29)
    ]
    for damaged in (b"", b"no index", content[:-1], content[: len(content) // 2], *flipped):
        good.file.write_bytes(damaged)
        found = prepared(devkit)
        assert found.index.fingerprint() == good.index.fingerprint()
        assert (found.index.ids, found.index.files) == (good.index.ids, good.index.files)
        if found.read:
            assert not prepared(devkit).read


def test_an_index_with_problems_is_not_kept(devkit: Path) -> None:
    path = devkit / "Annotations" / "000001.xml"
    text = path.read_text()
    path.write_text("<annotation>")
    found = prepared(devkit)
    assert [problem.image for problem in found.problems] == ["000001"] and not found.file.exists()
    path.write_text(text)
    assert prepared(devkit).problems == () and found.file.is_file()


def test_a_full_disk_is_named_and_nothing_good_is_lost(devkit: Path, tmp_path: Path) -> None:
    data = devkit.parents[1]
    assert bench(tmp_path, data, "data", "prepare", "voc2007").exit_code == 0
    kept = {path: path.read_bytes() for path in all_files(tmp_path / "work")}
    (index,) = [path for path in kept if path.name == "trainval.npz"]
    before = (devkit / "ImageSets" / "Main" / "trainval.txt").read_text()
    (devkit / "ImageSets" / "Main" / "trainval.txt").write_text("000001\n000003\n")
    with full_disk():
        result = bench(tmp_path, data, "data", "prepare", "voc2007")
    assert result.exit_code == 2 and f"Error: {index}: File too large." in result.output
    assert {path: path.read_bytes() for path in all_files(tmp_path / "work")} == kept
    assert SplitIndex.load(index, devkit)[0].ids == tuple(before.split())
    assert bench(tmp_path, data, "data", "prepare", "voc2007").exit_code == 0
    assert SplitIndex.load(index, devkit)[0].ids == ("000001", "000003")


# Class names that the data itself gives.


def test_class_names_are_read_once_for_as_long_as_the_data_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    info = load_own(write_own_csv(tmp_path / "own"))
    assert info.home is not None and info.classes == ()
    assert with_classes(info, info.home).classes == ("even", "low", "odd")
    table = info.home / "labels.csv"
    status, text = table.stat(), table.read_text()
    table.write_text(text.replace("low", "new"))
    os.utime(table, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert with_classes(info, info.home).classes == ("even", "low", "odd"), "looks the same: not read"
    os.utime(table, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert with_classes(info, info.home).classes == ("even", "new", "odd")


@pytest.mark.parametrize("damaged", ["", "[]", '{"classes": ["a"]}', '{"classes": 3, "files": {}}'])
def test_damaged_class_names_are_read_again(
    damaged: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    info = load_own(write_own_csv(tmp_path / "own"))
    assert info.home is not None
    names = with_classes(info, info.home).classes
    (kept,) = all_files(tmp_path / "work")
    kept.write_text(damaged)
    assert with_classes(info, info.home).classes == names


# Splits that are drawn here.


def many_labels(images: int = 400) -> NDArray[np.int8]:
    """Six labels: three ever rarer, one that occurs once, one that never does, and the first again."""
    rng = np.random.default_rng(3)
    shares = np.array([0.5, 0.2, 0.05, 0.0, 0.0, 0.0])
    labels = np.where(rng.random((images, 6)) < shares, 1, -1).astype(np.int8)
    labels[7, 3] = 1
    labels[:, 5] = labels[:, 0]
    return labels


def drawn(labels: NDArray[np.int8], made: MadeSplit) -> tuple[list[int], list[int]]:
    return positions_of(True, labels, made), positions_of(False, labels, made)


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize("share", [0.7, 0.5, 0.29, 100])
def test_a_drawn_split_is_disjoint_and_whole(share: float, stratified: bool) -> None:
    labels = many_labels()
    train, test = drawn(labels, MadeSplit(share, stratified))
    assert sorted([*train, *test]) == list(range(400))
    assert train == sorted(train) and test == sorted(test), "in list order"
    wanted = share if share >= 1 else round(share * 400)
    assert abs(len(train) - wanted) <= (8 if stratified else 0)


@pytest.mark.parametrize("stratified", [True, False])
def test_a_drawn_split_depends_on_its_seed_alone(stratified: bool) -> None:
    labels = many_labels()
    first = drawn(labels, MadeSplit(0.7, stratified))
    np.random.seed(5)
    assert drawn(labels, MadeSplit(0.7, stratified)) == first
    assert drawn(labels, MadeSplit(0.7, stratified, seed=1)) != first


@pytest.mark.parametrize("seed", range(3))
def test_every_label_is_shared_out_in_the_same_proportion(seed: int) -> None:
    labels = many_labels() == 1
    train, _ = drawn(many_labels(), MadeSplit(0.7, stratified=True, seed=seed))
    for column in (0, 1, 2, 5):
        assert abs(labels[train, column].sum() - 0.7 * labels[:, column].sum()) <= 1.5
    without = ~labels.any(axis=1)
    assert abs(without[train].sum() - 0.7 * without.sum()) <= 1.5, "and images without any label"
    assert 7 in train, "a label that occurs once is trained on"


@pytest.mark.parametrize("columns", [[0], [4], [3, 4], [0, 1]])
def test_few_labels_or_none_that_occur_can_be_shared_out_too(columns: list[int]) -> None:
    train, test = drawn(many_labels()[:, columns], MadeSplit(0.5, stratified=True))
    assert sorted([*train, *test]) == list(range(400)) and abs(len(train) - 200) <= 2


@pytest.mark.parametrize(("images", "classes"), [(112, 112), (500, 300)])
@pytest.mark.parametrize("share", [0.1, 0.9])
def test_rare_labels_leave_no_part_far_too_small(images: int, classes: int, share: float) -> None:
    """Of a label that one image has, neither part is owed one, and the larger would get all of them."""
    labels = np.where(np.arange(images)[:, None] % classes == np.arange(classes), 1, -1).astype(np.int8)
    made = MadeSplit(share, stratified=True)
    train, test = drawn(labels, made)
    assert sorted([*train, *test]) == list(range(images)) and drawn(labels, made) == (train, test)
    wanted = round(share * images)
    assert len(train) >= 0.9 * wanted and len(test) >= 0.9 * (images - wanted)


def test_a_part_that_lacks_little_is_left_as_it_was_drawn() -> None:
    """So that the splits of data with common labels, and with them what was stored, stay what they are."""
    train, test = drawn(many_labels(), MadeSplit(0.9, stratified=True))
    digest = hashlib.sha256(np.array([*train, *test]).tobytes()).hexdigest()[:12]
    assert (len(train), len(test), digest) == (363, 37, "a8e38665129c"), "40 were asked for"


def test_a_difficult_label_is_not_counted_as_one() -> None:
    labels = many_labels()
    difficult = np.where(labels == -1, 0, labels)
    assert drawn(difficult, MadeSplit(0.7, stratified=True)) == drawn(labels, MadeSplit(0.7, stratified=True))


@pytest.mark.parametrize("train", [4, 5, 0.01])
def test_a_split_with_nothing_on_one_side_is_refused(train: float) -> None:
    for stratified in (True, False):
        with pytest.raises(UserError, match="images to train on cannot be drawn from 4"):
            positions_of(True, many_labels(4 + 4)[:4], MadeSplit(train, stratified))
