"""VOC trees as people and their tools leave them: other suffixes, no lists, nested or flat folders."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.datasets.open import DataSet, open_dataset
from bench.datasets.pictures.read import FORMATS, SUFFIXES
from bench.errors import UserError
from bench_command import bench
from trees import write_annotation, write_picture

LISTS = "splits: {train: train, eval: test}"
DRAWN = "splits: {train: 0.5}"


class Tree:
    """A tree of one's own in a folder `tree`, to which images are added one by one."""

    def __init__(self, home: Path, annotations: str = "Annotations", images: str = "JPEGImages") -> None:
        self.home, self.root = home, home / "tree"
        self.annotations, self.images = self.root / annotations, self.root / images
        for folder in (self.annotations, self.images):
            folder.mkdir(parents=True, exist_ok=True)

    def add(self, image: str, picture: str | None, filename: str | None = None, label: str = "cat") -> None:
        """An annotation, and its picture; without `<filename>` where that is empty."""
        path = self.annotations / f"{image}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_annotation(path, [(label, 0)])
        if filename is not None:
            text = path.read_text()
            path.write_text(
                text.replace(f"<filename>{path.stem}.jpg</filename>", f"<filename>{filename}</filename>")
            )
        if picture:
            self.picture(picture)

    def picture(self, name: str) -> None:
        path = self.images / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_picture(path, seed=sum(name.encode()))

    def fill(self, suffix: str = ".jpg", folder: str = "", images: int = 6) -> "Tree":
        for number in range(images):
            name = f"{folder}{number}"
            self.add(name, f"{name}{suffix}", label=("cat", "dog")[number % 2])
        return self

    def list(self, **splits: str) -> "Tree":
        folder = self.root / "ImageSets" / "Main"
        folder.mkdir(parents=True, exist_ok=True)
        for split, ids in splits.items():
            (folder / f"{split}.txt").write_text("".join(f"{image}\n" for image in ids.split()))
        return self

    def described(self, splits: str = DRAWN, voc: str = "{folder: tree}") -> str:
        path = self.home / "own.yaml"
        path.write_text(f"name: own\nvoc: {voc}\n{splits}\n")
        return str(path)

    def open(
        self, splits: str = DRAWN, voc: str = "{folder: tree}", skip_bad: bool | Path = False
    ) -> DataSet:
        return open_dataset(self.described(splits, voc), skip_bad=skip_bad)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tree:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return Tree(tmp_path / "home")


def files(dataset: DataSet) -> dict[str, str]:
    return {
        image: file
        for index in (dataset.train, dataset.eval)
        for image, file in zip(index.ids, index.files, strict=True)
    }


def labels(dataset: DataSet) -> dict[str, set[str]]:
    names = np.array(dataset.info.classes)
    return {
        image: set(names[row == 1].tolist())
        for index in (dataset.train, dataset.eval)
        for image, row in zip(index.ids, index.labels, strict=True)
    }


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


# Folders.


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


# Encodings.

ENCODED = "<?xml version='1.0' encoding='{0}'?>\n<annotation><object><name>{1}</name></object></annotation>"


@pytest.mark.parametrize(
    ("declared", "written", "name"),
    [
        *(("ISO-8859-1", "latin-1", "vélo"), ("windows-1251", "cp1251", "кот"), ("utf-8", "utf-8-sig", "猫")),
        *(
            ("GBK", "gbk", "猫"),
            ("gb2312", "gb2312", "猫"),
            ("GB18030", "gb18030", "猫"),
            ("Big5", "big5", "貓"),
        ),
        *(("Shift_JIS", "shift_jis", "猫"), ("EUC-JP", "euc_jp", "猫"), ("euc-kr", "euc_kr", "고양이")),
        *(("UTF-16", "utf-16", "猫"), ("UTF-16LE", "utf-16-le", "猫"), ("utf-16", "utf-8", "猫")),
    ],
)
def test_annotations_are_read_in_the_encoding_that_they_declare(
    declared: str, written: str, name: str, tree: Tree
) -> None:
    tree.fill()
    (tree.annotations / "3.xml").write_bytes(ENCODED.format(declared, name).encode(written))
    assert labels(tree.open())["3"] == {name}


@pytest.mark.parametrize(
    ("declared", "written", "said"),
    [
        ("klingon", "utf-8", "in its encoding 'klingon': unknown encoding"),
        ("GBK", "utf-8", "in its encoding 'GBK': 'gbk' codec can't decode"),
        ("ascii", "utf-8", "in its encoding 'ascii': not well-formed"),
        ("utf-16", "latin-1", "in its encoding 'utf-16': 'utf-8' codec can't decode"),
        ("punycode", "utf-8", "in its encoding 'punycode': "),
        ("rot13", "utf-8", "in its encoding 'rot13': "),
    ],
)
def test_what_cannot_be_decoded_is_refused_by_file_and_encoding(
    declared: str, written: str, said: str, tree: Tree
) -> None:
    tree.fill()
    (tree.annotations / "3.xml").write_bytes(
        ENCODED.format(declared, "é猫é"[: 1 + 2 * (written == "utf-8")]).encode(written)
    )
    with pytest.raises(UserError, match=rf"3: .*3.xml: cannot be read: not well-formed XML, {said}"):
        tree.open()


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_entities_that_grow_without_end_are_refused_in_any_encoding(encoding: str, tree: Tree) -> None:
    tree.fill()
    levels = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    (tree.annotations / "3.xml").write_text(
        f"<?xml version='1.0' encoding='{encoding}'?><!DOCTYPE annotation [<!ENTITY e0 'lol'>{levels}]>"
        "<annotation><object><name>&e9;</name></object></annotation>"
    )
    with pytest.raises(UserError, match=r"3: .*3.xml: cannot be read: not well-formed XML.*amplification"):
        tree.open()


def test_external_entities_are_not_followed(tree: Tree) -> None:
    tree.fill()
    (tree.home / "secret").write_text("secret")
    (tree.annotations / "3.xml").write_text(
        f"<!DOCTYPE annotation [<!ENTITY e SYSTEM 'file://{tree.home / 'secret'}'>]>"
        "<annotation><object><name>&e;</name></object></annotation>"
    )
    with pytest.raises(UserError, match=r"3: .*3.xml: cannot be read: ") as caught:
        tree.open()
    assert "secret" not in str(caught.value)


# The cases that are given.


@pytest.mark.parametrize("case", ["voc-no-lists", "voc-png", "voc-upper", "voc-mac"])
def test_the_given_cases_are_read(case: str, shared: Path, tmp_path: Path) -> None:
    given = shared / "cases" / case
    if not given.is_dir():
        pytest.skip(f"no {case} among the cases")
    shutil.copytree(given, tmp_path / case)
    checked = bench(tmp_path, None, "data", "check", str(tmp_path / case / "own.yaml"))
    assert checked.exit_code == 0 and "0 files cannot be used" in checked.output, checked.output
