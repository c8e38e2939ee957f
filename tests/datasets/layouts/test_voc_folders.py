"""VOC trees whose annotations and pictures lie in other folders: nested, flat, by split."""

import re
import shutil
from pathlib import Path

import pytest

from bench.errors import UserError
from own_voc import DRAWN, LISTS, Tree, files


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return Tree(tmp_path / "home")


@pytest.mark.parametrize("splits", [DRAWN, LISTS])
def test_nested_folders_give_ids_with_slashes(splits: str, tree: Tree) -> None:
    tree.fill(".png", "a/").fill(".JPG", "b/c d/").list(train="a/0 b\\c.d/1".replace(".", " "), test="a/1")
    (tree.root / "ImageSets" / "Main" / "train.txt").write_text("a/0\nb\\c d\\1\n./a//2\n")
    found = files(tree.open(splits))
    expected = {f"a/{n}": f"JPEGImages/a/{n}.png" for n in range(6)} | {
        f"b/c d/{n}": f"JPEGImages/b/c d/{n}.JPG" for n in range(6)
    }
    used = expected.keys() if splits == DRAWN else {"a/0", "a/1", "a/2", "b/c d/1"}
    assert found == {image: expected[image] for image in used}


def test_new_files_in_a_nested_folder_are_noticed(tree: Tree) -> None:
    tree.fill(folder="a/")
    assert len(files(tree.open())) == 6
    tree.add("a/6", "a/6.jpg")
    assert len(files(tree.open())) == 7


def test_flat_annotations_of_nested_pictures_are_found_by_their_filename(tree: Tree) -> None:
    for number in range(6):
        tree.add(str(number), f"{'ab'[number % 2]}/{number}.jpg", f"/x/{'ab'[number % 2]}/{number}.jpg")
    assert files(tree.open())["3"] == "JPEGImages/b/3.jpg"


def test_links_that_go_in_circles_end(tree: Tree) -> None:
    tree.fill(folder="a/")
    (tree.images / "a" / "loop").symlink_to(tree.images)
    (tree.annotations / "loop").symlink_to(tree.annotations)
    assert len(files(tree.open())) == 6


@pytest.mark.parametrize("folder", ["", "batch 1/"])
def test_annotations_may_lie_beside_their_pictures(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    flat = Tree(tmp_path, ".", ".").fill(".png", folder)
    assert files(flat.open())[f"{folder}1"] == f"{folder}1.png"
    (flat.root / "classes.txt").write_text("cat\n")
    flat.picture("8.jpg")
    with pytest.raises(UserError, match=r"1 files of own .*\n  8: .*/8.jpg: has no annotation"):
        flat.open()


def test_folders_of_other_names_are_taken_and_the_tree_may_be_the_folder_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    named = Tree(tmp_path, "annotations", "images/all").fill(".png").list(train="0 1", test="2")
    voc = "{folder: tree, annotations: annotations, images: images/all}"
    assert files(named.open(voc=voc))["1"] == "images/all/1.png"
    assert files(named.open(LISTS, voc)) == {str(n): f"images/all/{n}.png" for n in range(3)}
    shutil.move(tmp_path / "tree" / "annotations", tmp_path / "Annotations")
    shutil.move(tmp_path / "tree" / "images" / "all", tmp_path / "JPEGImages")
    for voc in ("{}", "{folder: .}", "{folder: ''}"):
        assert files(named.open(voc=voc))["1"] == "JPEGImages/1.png"


@pytest.mark.parametrize("parts", [("Annotations", "JPEGImages"), (".", ".")])
def test_without_lists_a_split_is_the_folder_of_its_name(
    parts: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    tree = (
        Tree(tmp_path, *parts).fill(".png", "train/").fill(".jpg", "test/a/", images=3).fill(folder="valid/")
    )
    found = tree.open(LISTS)
    assert found.train.ids == tuple(f"train/{n}" for n in range(6))
    assert found.eval.ids == tuple(f"test/a/{n}" for n in range(3))
    tree.add("valid/7", "valid/7.jpg", label="of no split in use")
    tree.add("test/8", "test/8.jpg", label="bird")
    assert tree.open(LISTS).info.classes == ("bird", "cat", "dog") and "test/8" in files(tree.open(LISTS))
    tree.picture("test/9.jpg")
    tree.picture("valid/9.jpg")
    with pytest.raises(UserError, match=r"1 files of own .*\n  test/9: .*/test/9.jpg: has no annotation$"):
        tree.open(LISTS)
    with pytest.raises(UserError, match="ImageSets/Main, or folders train and none; the folder holds"):
        tree.open("splits: {train: train, eval: none}")


@pytest.fixture
def by_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A tree in which each split has folders of annotations and of pictures, with the same names."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    for split, images in (("train", 6), ("test", 3), ("valid", 2)):
        tree = Tree(tmp_path, f"{split}/xml", f"{split}/jpg").fill(".jpg", images=images)
    return tree


VOC_BY_SPLIT = "{folder: tree, annotations: '*/xml', images: '*/jpg'}"


def test_a_split_may_have_its_annotations_and_its_pictures_in_folders_of_its_own(by_split: Tree) -> None:
    found = by_split.open(LISTS, VOC_BY_SPLIT)
    assert found.train.ids == tuple(f"train/{n}" for n in range(6))
    assert files(found)["test/2"] == "test/jpg/2.jpg"
    assert found.info.classes == ("cat", "dog")
    assert len(files(by_split.open(DRAWN, VOC_BY_SPLIT))) == 6 + 3 + 2


def test_what_lacks_its_other_half_there_is_named_with_its_own_place(by_split: Tree) -> None:
    by_split.open(LISTS, VOC_BY_SPLIT)
    (by_split.root / "test" / "xml" / "1.xml").unlink()
    (by_split.root / "train" / "jpg" / "4.jpg").unlink()
    (by_split.root / "valid" / "jpg" / "1.jpg").unlink()
    with pytest.raises(UserError, match="2 files of own") as refused:
        by_split.open(LISTS, VOC_BY_SPLIT)
    assert re.search("\n  train/4: .*/train/jpg/4.jpg: does not exist\n", str(refused.value))
    assert re.search("\n  test/1: .*/test/jpg/1.jpg: has no annotation$", str(refused.value))


def test_a_split_that_comes_later_is_found(by_split: Tree) -> None:
    shutil.move(by_split.root / "test", by_split.home / "later")
    with pytest.raises(UserError, match=r"looked for .*, or folders train and test; "):
        by_split.open(LISTS, VOC_BY_SPLIT)
    assert len(files(by_split.open(DRAWN, VOC_BY_SPLIT))) == 6 + 2
    shutil.move(by_split.home / "later", by_split.root / "test")
    assert len(files(by_split.open(DRAWN, VOC_BY_SPLIT))) == 6 + 3 + 2
    assert len(files(by_split.open(LISTS, VOC_BY_SPLIT))) == 6 + 3


@pytest.mark.parametrize("place", ["*x/xml", "*/*", "xml*"])
def test_a_star_is_a_whole_folder_and_there_is_one(place: str, by_split: Tree) -> None:
    with pytest.raises(UserError, match=r"'voc.annotations'.*: a \* stands for the name of a whole folder"):
        by_split.open(LISTS, VOC_BY_SPLIT.replace("*/xml", place))
