"""The check pass: every problem in one list, cached verdicts, the choice of images, the fingerprint."""

import json
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bench.datasets.check as check
import bench.datasets.layouts.voc as voc
from bench.datasets.open import open_dataset
from bench.datasets.opened import DataSet
from bench.errors import UserError
from trees import write_annotation, write_picture, write_voc


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of 8 + 6 images; images 1 to 8 are trained on."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCH_WORK", raising=False)
    write_voc(tmp_path / "data", train=8, test=6)
    return tmp_path / "data"


def image(root: Path, number: int) -> Path:
    return root / "VOCdevkit" / "VOC2007" / "JPEGImages" / f"{number:06d}.jpg"


def annotation(root: Path, number: int) -> Path:
    return root / "VOCdevkit" / "VOC2007" / "Annotations" / f"{number:06d}.xml"


def damage(root: Path) -> list[str]:
    """Spoil images 1 to 6 and 9, each in its own way; returns what must be said of them."""
    image(root, 1).write_bytes(image(root, 1).read_bytes()[:400])
    image(root, 2).write_text("<html>404</html>")
    image(root, 3).unlink()
    annotation(root, 4).write_text("<annotation><object>")
    annotation(root, 5).unlink()
    write_annotation(annotation(root, 6), [("unicorn", 0), ("cat", 0)])
    image(root, 9).write_bytes(b"")
    annotation(root, 9).write_text("")
    return [
        f"000001: {image(root, 1)}: cannot be read: ",
        f"000002: {image(root, 2)}: cannot be read: ",
        f"000003: {image(root, 3)}: does not exist",
        f"000004: {annotation(root, 4)}: cannot be read: not well-formed XML",
        f"000005: {annotation(root, 5)}: does not exist",
        f"000006: {annotation(root, 6)}: names classes that are not in the list: ['unicorn']",
        f"000009: {image(root, 9)}: cannot be read: ",
        f"000009: {annotation(root, 9)}: cannot be read: not well-formed XML",
    ]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are really read."""
    names: list[str] = []

    read, read_annotation = check.map_bounded, voc.read_annotation

    def reading(function: Any, paths: list[Path], *how: Any) -> Iterator[Any]:
        names.extend(path.name for path in paths)
        return read(function, paths, *how)

    def reading_annotation(path: Path) -> object:
        names.append(path.name)
        return read_annotation(path)

    monkeypatch.setattr(check, "map_bounded", reading)
    monkeypatch.setattr(voc, "read_annotation", reading_annotation)
    return names


def test_a_whole_tree_has_no_problems(root: Path) -> None:
    data = open_dataset("voc2007", root)
    assert data.skipped == () and (len(data.train), len(data.eval)) == (8, 6)
    assert data.train.labels.shape == (8, 20)
    assert data.train.checksums[0] == zlib.crc32(image(root, 1).read_bytes())


def test_all_problems_are_listed_at_once(root: Path) -> None:
    expected = damage(root)
    with pytest.raises(UserError) as caught:
        open_dataset("voc2007", root)
    text = str(caught.value)
    assert text.startswith(
        "8 files of PASCAL VOC 2007 cannot be used; mend them, or leave them out with --skip-bad:"
    )
    assert all(line in text for line in expected), text
    assert len(text.splitlines()) == 9


def test_skip_bad_leaves_them_out_and_records_them(root: Path) -> None:
    expected = damage(root)
    data = open_dataset("voc2007", root, skip_bad=True)
    assert data.train.ids == ("000007", "000008")
    assert data.eval.ids == tuple(f"{number:06d}" for number in range(10, 15))
    assert len(data.train.labels) == len(data.train.files) == len(data.train.checksums) == 2
    assert len(data.skipped) == 8
    assert all(any(str(problem).startswith(line) for problem in data.skipped) for line in expected)


def test_a_long_list_is_cut_with_its_count(root: Path, tmp_path: Path) -> None:
    write_voc(tmp_path / "many", train=60, test=2)
    for number in range(1, 59):
        image(tmp_path / "many", number).unlink()
    with pytest.raises(UserError, match="58 files") as caught:
        open_dataset("voc2007", tmp_path / "many")
    assert str(caught.value).endswith("... and 8 more")


def test_too_little_left_is_an_error(root: Path) -> None:
    for number in range(1, 8):
        image(root, number).unlink()
    with pytest.raises(UserError, match="has 1 images to train on and 6 to evaluate on"):
        open_dataset("voc2007", root, skip_bad=True)


def test_an_image_in_both_splits_is_named(root: Path) -> None:
    path = root / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main" / "test.txt"
    path.write_text(path.read_text() + "000005\n000007\n")
    with pytest.raises(UserError, match=r"2 images of .* are in both trainval and test, 000005 for one"):
        open_dataset("voc2007", root)


def test_verdicts_are_cached(root: Path, reads: list[str]) -> None:
    first = open_dataset("voc2007", root)
    assert len(reads) == len(set(reads)) == 2 * 14
    reads.clear()
    second = open_dataset("voc2007", root)
    assert reads == []
    assert second.fingerprint() == first.fingerprint()
    assert (second.train.labels == first.train.labels).all()


def test_only_a_changed_file_is_read_again(root: Path, reads: list[str]) -> None:
    open_dataset("voc2007", root)
    reads.clear()
    write_annotation(annotation(root, 1), [("sheep", 0)])
    write_picture(image(root, 2), seed=99)
    status = image(root, 3).stat()
    os.utime(image(root, 3), ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    data = open_dataset("voc2007", root)
    assert [name for name in sorted(reads) if name.endswith("jpg")] == ["000002.jpg", "000003.jpg"]
    assert data.train.labels[0].tolist().index(1) == data.info.classes.index("sheep")
    image(root, 2).write_bytes(b"garbage")
    with pytest.raises(UserError, match=r"1 files.*\n.*000002"):
        open_dataset("voc2007", root)


def test_a_bad_file_is_read_again_because_the_cause_may_lie_outside_it(root: Path) -> None:
    folder = image(root, 1).parent
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()
    with pytest.raises(UserError, match="14 files"):
        open_dataset("voc2007", root)
    folder.rmdir()
    folder.with_name("elsewhere").rename(folder)
    assert open_dataset("voc2007", root).skipped == ()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\x00",
        b'{"version": [3, 178956970], "files": {"JPEG',
        b"[]",
        b'{"version": [3, 178956970]}',
        b'{"version": [3, 178956970], "files": []}',
    ],
)
def test_a_damaged_cache_is_made_again(content: bytes, root: Path, reads: list[str]) -> None:
    before = open_dataset("voc2007", root)
    (cache,) = Path(".bench/cache").glob("checks-*.json")
    whole = json.loads(cache.read_text())
    reads.clear()
    cache.write_bytes(content)
    assert open_dataset("voc2007", root).fingerprint() == before.fingerprint()
    assert len(reads) == 14 and json.loads(cache.read_text()) == whole


def test_entries_of_another_form_or_version_are_not_believed(root: Path, reads: list[str]) -> None:
    open_dataset("voc2007", root)
    (cache,) = Path(".bench/cache").glob("checks-*.json")
    stored = json.loads(cache.read_text())
    stored["files"]["JPEGImages/000001.jpg"] = [1, 2]
    stored["files"]["JPEGImages/000002.jpg"] = None
    cache.write_text(json.dumps(stored))
    reads.clear()
    open_dataset("voc2007", root)
    assert sorted(reads) == ["000001.jpg", "000002.jpg"]
    cache.write_text(json.dumps({**stored, "version": [check.CACHE_VERSION + 1, 178956970]}))
    reads.clear()
    open_dataset("voc2007", root)
    assert len(reads) == 14


def test_progress_is_told_file_by_file(root: Path) -> None:
    write_voc(root / "more", train=36, test=2)
    image(root / "more", 30).write_bytes(b"garbage")
    seen: list[tuple[int, int]] = []
    data = open_dataset(
        "voc2007", root / "more", skip_bad=True, progress=lambda done, total: seen.append((done, total))
    )
    assert [problem.image for problem in data.skipped] == ["000030"]
    assert seen[-38:] == [*((done, 36) for done in range(1, 37)), (1, 2), (2, 2)]
    alone = open_dataset("voc2007", root)
    assert (alone.train.labels == data.train.labels[:8]).all()


def test_limits_pick_the_same_images_every_time_and_read_only_those(root: Path, reads: list[str]) -> None:
    def opened() -> DataSet:
        return open_dataset("voc2007", root, limit_train=3, limit_eval=2)

    first = opened()
    assert sum(name.endswith("jpg") for name in reads) == 5
    assert list(first.train.ids) == sorted(first.train.ids) and len(first.train) == 3
    assert first.train.ids != ("000001", "000002", "000003"), "the first images of a list are alike"
    shutil.rmtree(".bench")
    assert (opened().train.ids, opened().eval.ids) == (first.train.ids, first.eval.ids)
    assert len(open_dataset("voc2007", root, limit_train=99, limit_eval=99).train) == 8
    unused = next(number for number in range(1, 9) if f"{number:06d}" not in first.train.ids)
    image(root, unused).unlink()
    assert opened().skipped == ()


def test_the_fingerprint_follows_the_data_and_not_its_place(root: Path, tmp_path: Path) -> None:
    before = open_dataset("voc2007", root)
    shutil.copytree(root, tmp_path / "elsewhere")
    assert open_dataset("voc2007", tmp_path / "elsewhere").fingerprint() == before.fingerprint()
    assert open_dataset("voc2007", root, limit_train=4).fingerprint() != before.fingerprint()

    lists = root / "VOCdevkit" / "VOC2007" / "ImageSets" / "Main"
    write_picture(image(root, 1), seed=77)
    bytes_changed = open_dataset("voc2007", root)
    write_annotation(annotation(root, 2), [("sheep", 0)])
    labels_changed = open_dataset("voc2007", root)
    ids = (lists / "trainval.txt").read_text().split()
    (lists / "trainval.txt").write_text("\n".join(reversed(ids)))
    order_changed = open_dataset("voc2007", root)
    changes = (before, bytes_changed, labels_changed, order_changed)
    assert len({data.train.fingerprint() for data in changes}) == 4
    assert len({data.eval.fingerprint() for data in changes}) == 1
