"""VOC trees as people and their tools leave them: other suffixes, no lists, no counterpart."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from bench.datasets.open import open_dataset
from bench.datasets.pictures.read import FORMATS, SUFFIXES
from bench.errors import UserError
from bench_command import bench
from own_voc import DRAWN, LISTS, Tree, files, labels
from trees import write_picture


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return Tree(tmp_path / "home")


# Pictures.


def test_the_suffixes_are_those_of_the_formats_that_are_read() -> None:
    Image.init()
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in (*FORMATS, "MPO")}
    assert known <= SUFFIXES


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".jpeg", ".png", ".PNG", ".tif", ".webp", ".bmp", ".gif"])
@pytest.mark.parametrize("splits", [DRAWN, LISTS])
def test_pictures_of_any_suffix_are_found(suffix: str, splits: str, tree: Tree) -> None:
    tree.fill(suffix).list(train="0 1 2", test="3 4 5")
    found = tree.open(splits)
    assert files(found) == {str(number): f"JPEGImages/{number}{suffix}" for number in range(6)}
    assert labels(found)["1"] == {"dog"}


@pytest.mark.parametrize(
    "filename",
    [
        *("", "6", "6.jpg", "other.jpg", "C:\\data\\photos\\6.bmp", "/home/me/6.jpg", "file:///x/6.jpg"),
        *("../../../../etc/passwd", "..", "/", "x" * 5000, "a/" * 3000),
    ],
)
def test_the_stem_decides_whatever_the_filename_says(filename: str, tree: Tree) -> None:
    tree.fill()
    tree.add("6", "6.png", filename)
    assert files(tree.open())["6"] == "JPEGImages/6.png"


@pytest.mark.parametrize(
    "filename",
    ["photo 7.png", "photo 7", "photo 7.jpg", "C:\\me\\photo 7.png", "/x/y/photo 7.png", "../photo 7.png"],
)
def test_the_filename_leads_to_a_picture_of_another_stem(filename: str, tree: Tree) -> None:
    tree.fill()
    tree.add("6", "photo 7.png", filename)
    assert files(tree.open())["6"] == "JPEGImages/photo 7.png"


@pytest.mark.parametrize(
    "filename", ["../../secret.jpg", "../secret.jpg", "ABSOLUTE", "link/../../secret.jpg"]
)
def test_the_filename_never_leads_out_of_the_folder(filename: str, tree: Tree, tmp_path: Path) -> None:
    tree.fill()
    for folder in (tmp_path, tree.home, tree.root):
        write_picture(folder / "secret.jpg", seed=9)
    tree.add("6", None, filename.replace("ABSOLUTE", str(tmp_path / "secret.jpg")))
    with pytest.raises(UserError, match=r"1 files of own .*\n  6: .*JPEGImages/6.jpg: does not exist$"):
        tree.open()


@pytest.mark.parametrize("image", ["../../secret", "/etc/passwd", "a/../../secret", "..\\..\\secret"])
def test_a_list_that_leads_out_of_the_tree_is_refused(image: str, tree: Tree) -> None:
    tree.fill().list(train=f"0 1 {image}", test="3")
    with pytest.raises(UserError, match=r"train.txt names '.*', which leads out of the tree"):
        tree.open(LISTS)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        *((line, "2") for line in ("2.jpg", "2.PNG", "2.xml", "2  -1", "2 1", "JPEGImages/2.jpg")),
        *((line, "a b") for line in ("a b.jpg", "JPEGImages\\a b.jpg")),
        *((line, "in/6") for line in ("in/6.jpg", "in/6 0")),
    ],
)
def test_a_list_of_more_than_ids_is_refused_by_line(line: str, meant: str, tree: Tree) -> None:
    tree.fill().list(train="0 1", test="3 4")
    tree.add("a b", "a b.jpg")
    tree.add("in/6", "in/6.jpg")
    with (tree.root / "ImageSets" / "Main" / "train.txt").open("a") as file:
        file.write(f"\na b\n{line}\n")
    checked = bench(tree.home, None, "data", "check", tree.described(LISTS))
    said = f"train.txt, line 5: there is no image {line!r}, but one {meant!r}: put that alone on the line, "
    assert checked.exit_code == 2 and f"{said}without suffix" in checked.output, checked.output
    assert checked.output.count("\n") == 1
    made = bench(tree.home, None, "new", "dataset", "pets", "--from", "tree")
    assert made.exit_code == 2 and said in made.output and not (tree.home / "pets.yaml").exists()


@pytest.mark.parametrize("line", ["9", "9.jpg", "9 -1", "in/2", "2.v2", "./ /"])
def test_an_image_of_a_list_that_is_not_there_is_a_problem_of_its_own(line: str, tree: Tree) -> None:
    tree.fill().list(train="0 1", test="3 4")
    with (tree.root / "ImageSets" / "Main" / "train.txt").open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(UserError, match=rf"Annotations/{line.strip('./')}\.xml: does not exist"):
        tree.open(LISTS)
    assert len(tree.open(LISTS, skip_bad=True).train) == 2


def test_ids_may_have_blanks_and_look_like_more(tree: Tree) -> None:
    tree.fill()
    for name in ("2 -1", "2.jpg", "a b"):
        tree.add(name, f"{name}.jpg")
    tree.list(train="0", test="3 4")
    with (tree.root / "ImageSets" / "Main" / "train.txt").open("a") as file:
        file.write("2 -1\n2.jpg\na b\n")
    assert tree.open(LISTS).train.ids == ("0", "2 -1", "2.jpg", "a b")


def test_two_pictures_of_one_stem_are_refused_by_name_unless_the_filename_tells(tree: Tree) -> None:
    tree.fill()
    tree.add("6", "6.png", "6.gif")
    tree.picture("6.webp")
    with pytest.raises(
        UserError, match=r"6.xml: its picture may be 6.png or 6.webp: remove one, or name it as <filename>"
    ):
        tree.open()
    assert "6" not in files(tree.open(skip_bad=True))
    tree.add("6", None, "D:\\x\\6.webp")
    assert files(tree.open())["6"] == "JPEGImages/6.webp"


def test_no_picture_is_that_of_two_annotations(tree: Tree) -> None:
    tree.fill()
    tree.add("6", None, "3.jpg", label="dog")
    with pytest.raises(UserError, match=r"6.xml: has no picture: its <filename> is that of 3, 3.jpg$"):
        tree.open()
    tree.add("6", "x.jpg", "x.jpg")
    tree.add("7", None, "x.jpg", label="dog")
    with pytest.raises(UserError) as caught:
        tree.open()
    for image in "67":
        assert f"{image}.xml: has no picture of its own: 2 annotations name JPEGImages/x.jpg" in str(
            caught.value
        )


def test_what_is_missing_is_named_with_the_suffix_that_the_filename_gives(tree: Tree) -> None:
    tree.fill()
    tree.add("6", None, "6.PNG")
    with pytest.raises(UserError, match=r"JPEGImages/6.PNG: does not exist"):
        tree.open()


def test_pictures_that_come_or_go_are_noticed(tree: Tree) -> None:
    tree.fill(".png").list(train="0 1 2", test="3 4 5")
    assert files(tree.open(LISTS))["0"] == "JPEGImages/0.png"
    (tree.images / "0.png").unlink()
    tree.picture("0.bmp")
    assert files(tree.open(LISTS))["0"] == "JPEGImages/0.bmp"


# Trees without lists.


def test_every_annotation_is_an_image_and_new_ones_are_noticed(tree: Tree) -> None:
    tree.fill()
    assert set(files(tree.open())) == set("012345")
    tree.add("6", "6.jpg", label="bird")
    assert set(files(tree.open())) == set("0123456") and "bird" in tree.open().info.classes
    (tree.annotations / "6.xml").unlink()
    (tree.images / "6.jpg").unlink()
    assert set(files(tree.open())) == set("012345")


def test_what_has_no_counterpart_is_listed_and_can_be_left_out(tree: Tree) -> None:
    tree.fill()
    whole = tree.open()
    tree.add("6", None)
    tree.picture("7.png")
    (tree.images / ".hidden.jpg").write_bytes(b"")
    (tree.images / "notes.txt").write_text("no picture")
    checked = bench(tree.home, None, "data", "check", tree.described(), "--fix-list", "bad.txt")
    assert checked.exit_code == 1 and (tree.home / "bad.txt").read_text() == "6\n7\n"
    assert f"6: {tree.images / '6.jpg'}: does not exist" in checked.output
    assert f"7: {tree.images / '7.png'}: has no annotation" in checked.output
    for skip in (True, tree.home / "bad.txt"):
        assert set(files(tree.open(skip_bad=skip))) == set(files(whole))


def test_pictures_without_annotation_change_nothing_in_the_splits(tree: Tree) -> None:
    tree.fill(images=12)
    before = tree.open()
    for number in range(40):
        tree.picture(f"a{number}.png")
    with pytest.raises(UserError, match=r"40 files of own cannot be used"):
        tree.open()
    after = tree.open(skip_bad=True)
    assert (after.train.ids, after.eval.ids) == (before.train.ids, before.eval.ids)
    few = open_dataset(tree.described(), limit_train=5, limit_eval=5, skip_bad=True)
    assert (len(few.train), len(few.eval)) == (5, 5), "none of them takes the place of an image"


def test_a_tree_that_is_not_whole_says_what_is_missing(tree: Tree) -> None:
    tree.fill()
    with pytest.raises(
        UserError, match=r"looked for VOCdevkit/none/Annotations and none/Annotations, or XML"
    ):
        tree.open(voc="{folder: none}")
    with pytest.raises(UserError, match="tree is incomplete: it has no xml;"):
        tree.open(voc="{folder: tree, annotations: xml}")
    shutil.rmtree(tree.images)
    with pytest.raises(UserError, match="tree is incomplete: it has no JPEGImages;"):
        tree.open()
    shutil.rmtree(tree.annotations)
    with pytest.raises(
        UserError, match=r"or XML files beside their pictures; the folder holds own\.yaml, tree"
    ):
        tree.open()
    with pytest.raises(UserError, match="looked for VOCdevkit/tree/ImageSets/Main"):
        tree.open(LISTS)


def test_two_annotations_of_one_image_are_refused(tree: Tree) -> None:
    tree.fill()
    shutil.copy(tree.annotations / "3.xml", tree.annotations / "3.XML")
    with pytest.raises(UserError, match=r"has both Annotations/3.XML and Annotations/3.xml; remove one"):
        tree.open()


@pytest.mark.parametrize("name", ["a\nb", "a\x1bb", os.fsdecode(b"a\xffb")])
def test_a_file_name_that_no_list_can_hold_is_refused(name: str, tree: Tree) -> None:
    tree.fill()
    try:
        shutil.copy(tree.images / "3.jpg", tree.images / f"{name}.jpg")
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(UserError, match=r"JPEGImages: 'a\\.*b' has the .* character U\+"):
        tree.open()
    (tree.images / f"{name}.jpg").unlink()
    shutil.copy(tree.annotations / "3.xml", tree.annotations / f"{name}.xml")
    with pytest.raises(UserError, match=r"Annotations: 'a\\.*b' has the .* character U\+"):
        tree.open()


@pytest.mark.parametrize("target", ["nowhere.xml", "/dev/zero", "pipe"])
def test_an_annotation_that_leads_to_no_file_is_a_problem(target: str, tree: Tree) -> None:
    tree.fill()
    os.mkfifo(tree.home / "pipe")
    (tree.annotations / "6.xml").symlink_to(tree.home / target)
    with pytest.raises(UserError, match=r"6: .*6.xml: does not exist"):
        tree.open()
    assert len(files(tree.open(skip_bad=True))) == 6


# The cases that are given.


@pytest.mark.parametrize("case", ["voc-no-lists", "voc-png", "voc-upper", "voc-mac"])
def test_the_given_cases_are_read(case: str, shared: Path, tmp_path: Path) -> None:
    given = shared / "cases" / case
    if not given.is_dir():
        pytest.skip(f"no {case} among the cases")
    shutil.copytree(given, tmp_path / case)
    checked = bench(tmp_path, None, "data", "check", str(tmp_path / case / "own.yaml"))
    assert checked.exit_code == 0 and "0 files cannot be used" in checked.output, checked.output
