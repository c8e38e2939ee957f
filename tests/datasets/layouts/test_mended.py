"""What is mended on the disk is seen, also where no file of annotations changes with it."""

import json
from pathlib import Path

import pytest

from bench.datasets.open import open_dataset
from bench_command import bench
from own_trees import write_yolo
from own_voc import Tree, files
from trees import write_picture


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))


def add(picture: Path) -> None:
    picture.parent.mkdir(parents=True, exist_ok=True)
    write_picture(picture, seed=11)


def missing_until_copied(home: Path, own: Path, picture: str) -> None:
    """`check` names a picture until it is there, and then has all of them."""
    before = bench(home, None, "data", "check", str(own))
    assert before.exit_code == 1 and "1 files cannot be used" in before.output, before.output
    assert len(open_dataset(str(own), skip_bad=True).skipped) == 1
    add(own.parent / picture)
    after = bench(home, None, "data", "check", str(own))
    assert after.exit_code == 0 and "does not exist" not in after.output, after.output
    assert not open_dataset(str(own), skip_bad=True).skipped


@pytest.mark.parametrize(
    "name", ["C:\\Users\\me\\photos\\train\\{}.jpg", "https://host.example/train/{}.jpg"]
)
@pytest.mark.parametrize("made_later", [False, True])
def test_a_picture_that_coco_names_by_another_machine(name: str, made_later: bool, tmp_path: Path) -> None:
    photos = tmp_path / "own" / "photos"
    photos.mkdir(parents=True)
    for number in range(11):
        write_picture(photos / f"{number}.jpg", seed=number)
    if not made_later:
        (photos / "train").mkdir()
    content = {
        "images": [{"id": number, "file_name": name.format(number)} for number in range(12)],
        "annotations": [{"id": n, "image_id": n, "category_id": n % 2} for n in range(12)],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
    }
    (tmp_path / "own" / "all.json").write_text(json.dumps(content))
    own = tmp_path / "own" / "own.yaml"
    own.write_text("name: own\ncoco: {annotations: all.json, images: photos}\nsplits: {train: 0.5}\n")
    missing_until_copied(tmp_path, own, "photos/train/11.jpg")


@pytest.mark.parametrize(
    "line", ["/home/me/images/val/{}.jpg", "images/val/{}.jpg", "..\\images\\val\\{}.jpg"]
)
@pytest.mark.parametrize("whole_folder", [False, True])
def test_a_picture_in_a_list_of_yolo(line: str, whole_folder: bool, tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own", {"val": "lists/val.txt"})
    images = own.parent / "images"
    lines = [line.format(number) for number in (2, 5, 8, 11)]
    (images / "val" / "11.jpg").unlink()
    if whole_folder:
        (images / "val").rename(images / "more")
        (own.parent / "labels" / "more").mkdir()
        for number in (2, 5, 8):
            text = own.parent / "labels" / "val" / f"{number}.txt"
            text.rename(own.parent / "labels" / "more" / text.name)
        lines = [*(name.replace("val", "more") for name in lines[:3]), lines[3]]
    (own.parent / "lists").mkdir()
    (own.parent / "lists" / "val.txt").write_text("\n".join(lines))
    missing_until_copied(tmp_path, own, "images/val/11.jpg")


def test_a_split_of_yolo_that_comes_later_is_drawn_from(tmp_path: Path) -> None:
    own = write_yolo(tmp_path / "own", {"test": "images/test"})
    own.write_text(own.read_text().replace("{train: train, eval: val}", "{train: 0.5}"))
    assert len(files(open_dataset(str(own)))) == 12
    (own.parent / "labels" / "test").mkdir()
    (own.parent / "labels" / "test" / "20.txt").write_text("1 0.5 0.5 0.2 0.2\n")
    add(own.parent / "images" / "test" / "20.jpg")
    assert "images/test/20.jpg" in files(open_dataset(str(own)))


def test_an_annotation_that_comes_later_takes_its_picture_back(tmp_path: Path) -> None:
    tree = Tree(tmp_path).fill().list(train="0 1 2 3", test="4 5 6")
    tree.add("6", None, filename="seven.jpg")
    tree.picture("seven.jpg")
    splits = "splits: {train: train, eval: test}"
    assert files(tree.open(splits))["6"] == "JPEGImages/seven.jpg"
    tree.add("seven", None)
    checked = bench(tmp_path, None, "data", "check", tree.described(splits))
    assert checked.exit_code == 1 and "its <filename> is that of seven" in checked.output, checked.output
