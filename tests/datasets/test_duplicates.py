"""The same pictures in training and test, under other names: exact copies, and pictures that look alike."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

import bench.datasets.duplicates as duplicates
from bench.datasets.duplicates import Shared, exact_duplicates, near_duplicates
from bench.datasets.index import SplitIndex
from bench.datasets.open import open_dataset
from bench.profile.photographs import make_photographs
from bench_command import TINY, bench
from trees import write_own_csv, write_picture

RUN = ("run", "--methods", "resnet", *TINY, "--data", "own.yaml", "--epochs", "1")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images 2, 5, 8 and 11 are for testing; 5 and 8 have the file of 3."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    write_own_csv(tmp_path)
    for number in (5, 8):
        shutil.copy(tmp_path / "photos" / "3.jpg", tmp_path / "photos" / f"{number}.jpg")
    return tmp_path


def test_check_names_both(own: Path) -> None:
    done = bench(own, None, "data", "check", "own.yaml")
    assert done.exit_code == 0, done.output
    assert "test 5.jpg is the file of train 3.jpg\ntest 8.jpg is the file of train 3.jpg\n" in done.output
    assert "note: 2 of 4 pictures of test of own are in train too, 5.jpg as 3.jpg for one" in done.output
    write_picture(own / "photos" / "3.jpg", seed=99)
    assert "is the file of" not in bench(own, None, "data", "check", "own.yaml").output


def test_run_notes_it_at_its_start(own: Path) -> None:
    note = "note: 2 of 4 pictures of test of own are in train too, 5.jpg as 3.jpg for one"
    assert note in bench(own, None, *RUN, "--dry-run").output
    done = bench(own, None, *RUN)
    assert done.exit_code == 0, done.output
    assert done.output.count(note) == 1 and done.output.index(note) < done.output.index("[1/2]")


def test_equal_checksums_alone_are_no_duplicates(own: Path) -> None:
    data = open_dataset("own.yaml")
    assert data.shared == (Shared("3.jpg", "5.jpg"), Shared("3.jpg", "8.jpg"))
    # As if the checksums of all files collided.
    train, evaluated = (
        replace(index, checksums=np.full(len(index), 7, np.uint32)) for index in (data.train, data.eval)
    )
    assert exact_duplicates(train, evaluated) == data.shared


CHANGES = {
    "compressed": lambda picture: (picture, 40),
    "smaller": lambda picture: (picture.resize((200, 150)), 90),
    "larger": lambda picture: (picture.resize((1100, 800), Image.Resampling.BICUBIC), 90),
    "brighter": lambda picture: (ImageEnhance.Brightness(picture).enhance(1.15), 90),
    "grey": lambda picture: (picture.convert("L"), 90),
}


def splits(folder: Path, count: int) -> tuple[SplitIndex, SplitIndex]:
    """`count` photographs to train on; to test on, one for every change, and as many others."""
    whole = make_photographs(folder, count + len(CHANGES))
    train, others = whole.take(range(count)), whole.take(range(count, len(whole)))
    for position, change in enumerate(CHANGES.values()):
        with Image.open(train.path(position)) as picture:
            changed, quality = change(picture)
            changed.save(folder / f"changed-{position}.jpg", quality=quality)
    names = tuple(f"changed-{position}" for position in range(len(CHANGES)))
    changed = replace(others, ids=names, files=tuple(f"{name}.jpg" for name in names))
    both = replace(
        others,
        ids=changed.ids + others.ids,
        files=changed.files + others.files,
        labels=np.concatenate([changed.labels, others.labels]),
        checksums=np.concatenate([changed.checksums, others.checksums]),
    )
    return train, both


@pytest.mark.parametrize("block", [3, 64])
def test_copies_that_were_changed_are_found_and_others_are_not(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "BLOCK", block)
    train, evaluated = splits(tmp_path, 12)
    seen: list[tuple[int, int]] = []
    found = near_duplicates(train, evaluated, lambda done, total: seen.append((done, total)))
    assert found == tuple(Shared(f"{n:06d}", f"changed-{n}") for n in range(len(CHANGES)))
    assert seen[-1] == (22, 22)


def test_pictures_of_one_value_do_not_look_like_each_other(tmp_path: Path) -> None:
    train, evaluated = splits(tmp_path, 6)
    for index in (train, evaluated):
        Image.new("RGB", (64, 48), (20, 20, 20)).save(index.path(0))
    assert all(one.eval != evaluated.ids[0] for one in near_duplicates(train, evaluated))


def test_real_photographs_do_not_look_alike(shared: Path) -> None:
    files = sorted((shared / "realdata" / "VOCdevkit").rglob("*.jpg"))
    names = tuple(str(path.relative_to(shared)) for path in files)
    whole = SplitIndex(
        names, shared, names, np.ones((len(names), 1), np.int8), np.zeros(len(names), np.uint32)
    )
    half = len(names) // 2
    assert half > 10
    assert near_duplicates(whole.take(range(half)), whole.take(range(half, len(names)))) == ()


def test_check_looks_for_them_where_asked(own: Path) -> None:
    with Image.open(own / "photos" / "0.jpg") as picture:
        picture.resize((96, 72), Image.Resampling.BICUBIC).save(own / "photos" / "11.jpg", quality=60)
    plain = bench(own, None, "data", "check", "own.yaml")
    assert "looks like" not in plain.output
    done = bench(own, None, "data", "check", "own.yaml", "--near-duplicates")
    assert done.exit_code == 0
    assert "test 11.jpg looks like train 0.jpg" in done.output
    assert "1 pictures of test look like one of train" in done.output, "exact copies are told apart"
