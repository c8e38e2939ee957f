"""YOLO's layout: data.yaml as Ultralytics, Roboflow and CVAT write it, and as one who means harm."""

import math
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.datasets.contract import DatasetContract
from bench.datasets.open import open_dataset
from bench.datasets.opened import DataSet
from bench.errors import UserError
from bench_command import bench
from own_trees import NAMES, labels_of, write_yolo
from trees import write_picture

TRAIN = [number for number in range(12) if number % 3 != 2]


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)


def labels(dataset: DataSet) -> dict[str, dict[str, int]]:
    """The positive labels by the number of the picture."""
    return {
        Path(image).stem: {dataset.info.classes[column]: 1 for column in (row == 1).nonzero()[0]}
        for index in (dataset.train, dataset.eval)
        for image, row in zip(index.ids, index.labels, strict=True)
    }


EXPECTED = {str(number): labels_of(number) for number in range(12)}


class TestYOLO(DatasetContract):
    labels = {"images/train/0.jpg": labels_of(0), "images/train/7.jpg": {}, "images/val/8.jpg": labels_of(8)}

    def make(self, folder: Path) -> tuple[str, Path | None]:
        return str(write_yolo(folder / "own")), None


class TestYOLOWithMadeSplits(DatasetContract):
    labels = TestYOLO.labels

    def make(self, folder: Path) -> tuple[str, Path | None]:
        own = write_yolo(folder / "own")
        own.write_text(own.read_text().replace("{train: train, eval: val}", "{train: 0.5}"))
        return str(own), None


class TestRoboflow(DatasetContract):
    labels = {"train/images/0.jpg": labels_of(0), "val/images/8.jpg": labels_of(8)}

    def make(self, folder: Path) -> tuple[str, Path | None]:
        data = {"train": "../train/images", "val": "../val/images", "test": "../test/images", "nc": 3}
        data["roboflow"] = {"workspace": "w", "url": "https://host.example/x"}
        return str(write_yolo(folder / "own", data, images="{split}/images")), None


@pytest.mark.parametrize(
    "data",
    [
        {"names": {2: "bird", 0: "cat", 1: "dog"}},
        {"names": {"0": "cat", "1": "dog", "2": "bird"}, "nc": 3},
        {"path": "../datasets/elsewhere"},
        {"path": "."},
        {"path": "images", "train": "train", "val": ["val"]},
        {"path": "/content/of/another/machine"},
        {"train": ["images/train"], "val": "./images/val/"},
        {"train": "images\\train"},
        {"download": "import os; os.mkdir('ran')\n"},
        {"download": "bash ran.sh"},
    ],
)
def test_what_tools_write_is_understood(data: dict[str, Any], tmp_path: Path) -> None:
    dataset = open_dataset(str(write_yolo(tmp_path / "own", data)))
    assert dataset.info.classes == NAMES
    assert labels(dataset) == EXPECTED
    assert len(dataset.train) == len(TRAIN)
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.parametrize(
    "spelt",
    ["./images/train/{0}.jpg", "images/train/{0}.jpg", "/home/other/data/images/train/{0}.jpg", "ABSOLUTE",
     "..\\ds\\images\\train\\{0}.jpg"],
)  # fmt: skip
def test_a_list_of_images_takes_the_place_of_a_folder(spelt: str, tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own", {"train": "train.txt"})
    spelt = str(own.parent / "images" / "train" / "{0}.jpg") if spelt == "ABSOLUTE" else spelt
    (own.parent / "train.txt").write_text("\n".join(spelt.format(number) for number in reversed(TRAIN)))
    dataset = open_dataset(str(own))
    assert dataset.train.ids == tuple(f"images/train/{number}.jpg" for number in reversed(TRAIN))
    assert labels(dataset) == EXPECTED


def test_a_data_yaml_in_a_folder_of_its_own(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own", {"train": "../images/train", "val": "../images/val"})
    (own.parent / "config").mkdir()
    (own.parent / "data.yaml").rename(own.parent / "config" / "birds.yaml")
    own.write_text(own.read_text().replace("data.yaml", "config/birds.yaml"))
    assert labels(open_dataset(str(own))) == EXPECTED


def test_the_last_folder_of_images_is_the_one_that_becomes_labels(tmp_path: Path) -> None:
    folder = tmp_path / "own" / "images" / "x" / "images" / "deep"
    write_yolo(tmp_path / "own")
    folder.mkdir(parents=True)
    write_picture(folder / "a.b.jpg", 50)
    text = tmp_path / "own" / "images" / "x" / "labels" / "deep" / "a.b.txt"
    text.parent.mkdir(parents=True)
    text.write_text("1.0 .5 .5 .1 .1\r\n\r\n  2\t0.5 5e-1 .1 .1  ")
    (tmp_path / "own" / "data.yaml").write_text(
        yaml.safe_dump({"train": ["images/train", "images/x"], "val": "images/val", "names": list(NAMES)})
    )
    dataset = open_dataset(str(tmp_path / "own" / "own.yaml"))
    assert dataset.train.ids[-1] == "images/x/images/deep/a.b.jpg"
    assert labels(dataset)["a.b"] == {"dog": 1, "bird": 1}


def test_check_tells_what_it_understood(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own", {"train": "../images/train", "test": ["images/val", "images/none"]})
    checked = bench(tmp_path, None, "data", "check", str(own))
    assert checked.exit_code == 0, checked.output
    for sentence in (
        "data.yaml has train in images/train: 8 images, 1 of them without a text file and so",
        "data.yaml has val in images/val: 4 images\n",
        "data.yaml: test: 'images/none' is not there",
        "own.yaml: 3 classes (cat, dog, bird), 1.42 positive labels per image\n",
    ):
        assert sentence in checked.output


def test_a_label_that_appears_later_is_seen(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    assert labels(open_dataset(str(own)))["7"] == {}
    (own.parent / "labels" / "train" / "7.txt").write_text("1 0.5 0.5 0.1 0.1\n")
    assert labels(open_dataset(str(own)))["7"] == {"dog": 1}


def test_a_split_whose_labels_are_held_back_is_not_drawn_from(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own", {"test": "images/test"})
    own.write_text(own.read_text().replace("{train: train, eval: val}", "{train: 0.5}"))
    (own.parent / "images" / "test").mkdir()
    write_picture(own.parent / "images" / "test" / "held.jpg", 60)
    assert labels(open_dataset(str(own))) == EXPECTED
    own.write_text(own.read_text().replace("{train: 0.5}", "{train: train, eval: test}"))
    with pytest.raises(
        UserError, match=r"none of the 1 images of test has a text file .*labels/test/held\.txt"
    ):
        open_dataset(str(own))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"3 0.5 0.5 0.1 0.1", "line 2 is of class 3, which 'names' does not have"),
        (b"nan 0.5 0.5 0.1 0.1", "line 2 begins with 'nan', which is no class number"),
        (b"-1 0.5 0.5 0.1 0.1", "line 2 begins with '-1', which is no class number"),
        (b"1.5 0.5 0.5 0.1 0.1", "line 2 begins with '1.5', which is no class number"),
        (b"cat 0.5 0.5 0.1 0.1", "line 2 begins with 'cat', which is no class number"),
        ("\N{FULLWIDTH DIGIT ONE} 0.5 0.5 0.1 0.1".encode(), "which is no class number"),
        (b"9" * 5000 + b" 0.5 0.5 0.1 0.1", "which is no class number"),
        (b"1", "line 2 has no box or polygon"),
        (b"1 0.5 0.5", "line 2 has no box or polygon"),
        (b"1 0.5 0.5 wide 0.1", "line 2 has no box or polygon"),
        (b"1 0.5 nan 0.1 0.1", "line 2 has no box or polygon"),
        (b"1,0.5,0.5,0.1,0.1", "line 2 begins with '1,0.5,0.5,0.1,0.1', which is no class number"),
        (b"\x1b[2J\x00", "which is no class number"),
        (b"\xff\xfe\x00\x01", "codec can't decode"),
    ],
)
def test_a_line_that_is_none_is_named_with_its_file_and_can_be_left_out(
    line: bytes, reason: str, tmp_path: Path
) -> None:
    own = write_yolo(tmp_path / "own")
    (own.parent / "labels" / "train" / "3.txt").write_bytes(b"0 0.5 0.5 0.1 0.1\n" + line + b"\n")
    checked = bench(tmp_path, None, "data", "check", str(own), "--fix-list", "bad.txt")
    assert checked.exit_code == 1 and len(checked.output) < 2000
    assert (
        f"cannot be used: images/train/3.jpg: {own.parent}/labels/train/3.txt: cannot be read: "
        in checked.output
    )
    assert reason in checked.output and "\x1b" not in checked.output
    assert (tmp_path / "bad.txt").read_text() == "images/train/3.jpg\n"
    assert len(open_dataset(str(own), skip_bad=tmp_path / "bad.txt").train) == len(TRAIN) - 1


def test_text_files_that_are_none_are_named(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    texts = own.parent / "labels" / "train"
    for number in (0, 1, 3, 4, 6):
        (texts / f"{number}.txt").unlink()
    (tmp_path / "secret").write_text("1 0.5 0.5 0.1 0.1\n")
    (texts / "0.txt").symlink_to(tmp_path / "secret")
    (texts / "1.txt").mkdir()
    os.mkfifo(texts / "3.txt")
    (texts / "6.txt").symlink_to(texts / "none.txt")
    with (texts / "4.txt").open("wb") as huge:
        huge.truncate(1 << 40)
    with pytest.raises(UserError) as refused:
        open_dataset(str(own))
    assert "5 files of own cannot be used" in str(refused.value)
    for reason in (
        f"0.txt: cannot be read: it leads to {tmp_path}/secret, out of",
        "1.txt: cannot be read: it is no file",
        "3.txt: cannot be read: it is no file",
        "4.txt: cannot be read: it has more than 16777216 bytes",
        "6.txt: cannot be read: [Errno 2] No such file or directory",
    ):
        assert reason in str(refused.value)


OUTSIDE = r"is not there, or not in .*own; give it relative to the file"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"names": None}, "has no 'names'"),
        ({"names": []}, "has no 'names'"),
        ({"names": "cat"}, "has no 'names'"),
        ({"names": ["cat", "dog", "cat"]}, "names.2: the number or the name 'cat' stands there before"),
        ({"names": {0: "cat", "0": "dog"}}, "names.0: the number or the name 'dog' stands there before"),
        ({"names": ["cat", True]}, "names.1 is True, which is no text; put yes, no and numbers in quotes"),
        ({"names": ["cat", 7]}, "names.1 is 7, which is no text"),
        ({"names": ["cat", " "]}, "names.1 is ' ', which is no text"),
        ({"names": ["cat", "d\x1bog"]}, r"names.1: .* has the control character U\+001B"),
        ({"names": {-1: "cat"}}, "-1 is no class number"),
        ({"names": {1.5: "cat"}}, "1.5 is no class number"),
        ({"names": {math.nan: "cat"}}, "nan is no class number"),
        ({"names": {"first": "cat"}}, "'first' is no class number"),
        ({"nc": 4}, "'nc' is 4, but there are 3 names"),
        ({"path": 3}, "'path' is 3; it takes the folder"),
        ({"train": None}, "names no split 'train'; those that it names are: val"),
        ({"train": 3}, "train is 3; it takes a folder, a .txt list, or a list of them"),
        ({"train": ["images/train", {}]}, "it takes a folder, a .txt list"),
        ({"train": "images/none"}, OUTSIDE),
        ({"train": "../../../../etc"}, OUTSIDE),
        ({"train": "/etc"}, OUTSIDE),
        ({"train": "link"}, OUTSIDE),
        ({"train": "../outside"}, OUTSIDE),
        ({"train": "x" * 5000}, OUTSIDE),
        ({"train": "a\0b"}, r"has the control character U\+0000"),
        ({"path": "../outside", "train": "train"}, OUTSIDE),
        ({"train": "data.yaml"}, "'data.yaml' is neither a folder nor a .txt list"),
        ({"train": "pipe.txt"}, "'pipe.txt' is neither a folder nor a .txt list"),
        ({"train": "empty"}, "there is no picture in empty"),
        ({"train": ["images/train", "images"]}, "names image images/train/0.jpg 2 times"),
        ({"train": "images/val"}, "images of .*own are in both train and val"),
    ],
)  # fmt: skip
def test_a_data_yaml_that_is_wrong_or_leads_out_is_refused(
    data: dict[str, Any], message: str, tmp_path: Path
) -> None:
    own = write_yolo(tmp_path / "own", data)
    write_yolo(tmp_path / "outside" / "train")
    (own.parent / "link").symlink_to(tmp_path / "outside")
    (own.parent / "empty").mkdir()
    os.mkfifo(own.parent / "pipe.txt")
    with pytest.raises(UserError, match=message) as refused:
        open_dataset(str(own))
    assert len(str(refused.value)) < 700 and "\n" not in str(refused.value)


@pytest.mark.parametrize("line", ["..", "/", "../..", "images/linked.jpg"])
def test_a_list_that_names_no_image_here_is_refused_by_line(line: str, tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own", {"train": "train.txt"})
    (own.parent / "train.txt").write_text(f"images/train/0.jpg\n{line}\n")
    (own.parent / "images" / "linked.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(UserError, match=r"train.txt, line 2: .* names no image"):
        open_dataset(str(own))


@pytest.mark.parametrize("line", ["../../../outside/9.jpg", "/etc/passwd", "/OUTSIDE/9.jpg", "C:\\9.jpg"])
def test_a_list_reads_no_picture_outside(line: str, tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own", {"train": "train.txt"})
    (tmp_path / "outside").mkdir()
    write_picture(tmp_path / "outside" / "9.jpg", 70)
    line = line.replace("/OUTSIDE", str(tmp_path / "outside"))
    (own.parent / "train.txt").write_text(f"images/train/0.jpg\nimages/train/1.jpg\n{line}\n")
    with pytest.raises(UserError, match=rf"(9\.jpg|passwd): {own.parent}/.*: does not exist"):
        open_dataset(str(own))


@pytest.mark.parametrize("target", ["9.jpg", "missing.jpg", "folder"])
def test_a_link_among_the_pictures_that_leads_out_is_refused(target: str, tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    (tmp_path / "outside" / "folder").mkdir(parents=True)
    write_picture(tmp_path / "outside" / "9.jpg", 70)
    (own.parent / "images" / "train" / "x.jpg").symlink_to(tmp_path / "outside" / target)
    with pytest.raises(
        UserError, match=r"x\.jpg leads to .*outside/.*, out of .*own; give a folder that holds both"
    ):
        open_dataset(str(own))


def test_labels_in_a_folder_outside_are_refused(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    (own.parent / "labels").rename(tmp_path / "outside")
    (own.parent / "labels").symlink_to(tmp_path / "outside")
    with pytest.raises(
        UserError, match=r"labels/train leads to .*outside/train, out of .*own; give a folder"
    ):
        open_dataset(str(own))
    own.write_text(f"{own.read_text().replace('data.yaml', 'own/data.yaml')}root: ..\n")
    assert len(open_dataset(str(own)).train) == len(TRAIN)


def test_links_within_the_folder_are_followed_but_in_no_circle(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    pictures = own.parent / "images" / "train"
    pictures.rename(own.parent / "all")
    pictures.mkdir()
    for picture in (own.parent / "all").iterdir():
        (pictures / picture.name).symlink_to(picture)
    assert labels(open_dataset(str(own))) == EXPECTED
    (pictures / "again").symlink_to(own.parent / "images")
    with pytest.raises(UserError, match="again is a link to a folder"):
        open_dataset(str(own))


@pytest.mark.parametrize("name", [b"a\nb.jpg", b"\xff.jpg", b"\x1b[2J.png"])
def test_a_name_that_no_list_can_hold_is_refused(name: bytes, tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    try:
        (own.parent / "images" / "train" / os.fsdecode(name)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has no such names")
    checked = bench(tmp_path, None, "data", "check", str(own))
    assert checked.exit_code == 2 and "character U+" in checked.output


def test_hidden_files_and_others_are_passed_over_and_pictures_of_unread_formats_are_not(
    tmp_path: Path,
) -> None:
    own = write_yolo(tmp_path / "own")
    for name in ("._0.jpg", "train.cache", "Thumbs.db", "notes.txt"):
        (own.parent / "images" / "train" / name).write_bytes(b"x")
    assert labels(open_dataset(str(own))) == EXPECTED
    (own.parent / "images" / "train" / "new.heic").write_bytes(b"x")
    with pytest.raises(UserError, match="1 files of own cannot be used"):
        open_dataset(str(own))


def test_pictures_that_are_not_named_as_such_are_counted_in_a_note(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    pictures = own.parent / "images" / "train"
    (pictures / "20").write_bytes((pictures / "0.jpg").read_bytes())
    checked = bench(tmp_path, None, "data", "check", str(own))
    said = (
        "note: own: 1 file does not have the suffix of a picture but holds one or leads nowhere, "
        "'images/train/20' for one: rename them, or remove them\n"
    )
    assert checked.exit_code == 0 and checked.output.count(said) == 1, checked.output


def test_classes_can_be_given_in_another_order(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    text = own.read_text()
    own.write_text(text + "classes: [bird, never, dog, cat]\n")
    dataset = open_dataset(str(own))
    assert dataset.info.classes == ("bird", "never", "dog", "cat") and labels(dataset) == EXPECTED
    own.write_text(text + "classes: [bird, dog]\n")
    with pytest.raises(UserError, match=r"data.yaml: the class 'cat' is not in the class list"):
        open_dataset(str(own))


def test_a_root_that_holds_no_data_yaml_says_what_is_there(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own")
    own.write_text(own.read_text().replace("data.yaml", "birds.yaml"))
    with pytest.raises(UserError, match=r"looked for birds.yaml; the folder holds data.yaml"):
        open_dataset(str(own))
    own.write_text(own.read_text().replace("birds.yaml", "../data.yaml"))
    (tmp_path / "data.yaml").write_text("names: [cat]\n")
    with pytest.raises(UserError, match=r"data.yaml leads to .*, out of .*own"):
        open_dataset(str(own))
