"""Splits that lists and folders tell of are named where they are not used, unless it is known why."""

from pathlib import Path

import pytest

from bench_command import bench
from own_trees import write_folders
from own_voc import LISTS, Tree
from trees import write_picture, write_voc

NOTE = "note: own: images of splits that are not used: "


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return tmp_path


def noted(home: Path, own: str) -> list[str]:
    """What `check` says of unused splits, the same when it is asked again."""
    first, again = (bench(home, None, "data", "check", own) for _ in range(2))
    assert first.exit_code == 0, first.output
    found = [line.removeprefix(NOTE) for line in first.output.splitlines() if line.startswith(NOTE)]
    assert [f"{NOTE}{line}" in again.output for line in found] == [True] * len(found)
    return found


def add_class_folder(place: Path, pictures: int) -> None:
    place.mkdir(parents=True)
    for number in range(pictures):
        write_picture(place / f"{number}.jpg", seed=50 + number)


def test_folders_of_class_folders_beside_the_splits(home: Path) -> None:
    own = write_folders(home / "own")
    photos = own.parent / "photos"
    assert noted(home, str(own)) == []
    add_class_folder(photos / "test" / "cat", 2)
    add_class_folder(photos / "test" / "dog", 1)
    add_class_folder(photos / "loose", 1)  # no folder of folders
    add_class_folder(photos / ".hidden" / "cat", 1)
    (photos / "empty" / "cat").mkdir(parents=True)
    (home / "elsewhere" / "cat").mkdir(parents=True)
    write_picture(home / "elsewhere" / "cat" / "1.jpg", seed=70)
    (photos / "link").symlink_to(home / "elsewhere")
    (photos / "odd\x1b").mkdir()
    assert noted(home, str(own)) == ["3 of 'test'"]
    write_picture(photos / "empty" / "cat" / "2.jpg", seed=71)
    add_class_folder(photos / "odd\x1b" / "cat", 1)
    assert noted(home, str(own)) == ["1 of 'empty', 1 of 'odd\\x1b', 3 of 'test'"]


def test_drawn_splits_have_no_others(home: Path) -> None:
    assert noted(home, str(write_folders(home / "own", splits=False))) == []
    assert noted(home, Tree(home).fill().list(train="0 1", test="2").described()) == []


def test_lists_of_a_voc_tree(home: Path) -> None:
    tree = Tree(home).fill().list(train="0 1", test="2 3", both="0 2", val="3 4 5", cat_train="0 4")
    lists = tree.root / "ImageSets" / "Main"
    (lists / "classes.txt").write_text("cat\ndog\n")
    (lists / "empty.txt").write_text("")
    assert noted(home, tree.described(LISTS)) == ["3 of 'val'"]
    tree.list(more="4")
    assert noted(home, tree.described(LISTS)) == ["1 of 'more', 3 of 'val'"]


def test_folders_of_a_voc_tree_without_lists(home: Path) -> None:
    tree = Tree(home, ".", ".").fill(folder="train/").fill(folder="test/", images=3)
    tree.fill(folder="valid/", images=2)
    assert noted(home, tree.described(LISTS)) == ["2 of 'valid'"]


@pytest.mark.parametrize("name", ["voc2007", "voc2007-train-val"])
def test_a_data_set_that_is_known_leaves_its_lists_out_on_purpose(name: str, home: Path) -> None:
    write_voc(home / "data")
    checked = bench(home, home / "data", "data", "check", name)
    assert "images of train" in checked.output and "not used" not in checked.output, checked.output
