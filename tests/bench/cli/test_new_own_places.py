"""`bench new dataset --from`: which folders and files it takes, and what it asks where several may be it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench_command import bench
from trees import write_annotation, write_picture, write_voc


def write_json(file: Path, names: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(names)],
        "annotations": [{"id": n, "image_id": n, "category_id": n % 2} for n in range(len(names))],
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
    }
    file.write_text(json.dumps(content))


def write_pictures(folder: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        picture = folder / name
        picture.parent.mkdir(parents=True, exist_ok=True)
        write_picture(picture, seed=number)


NAMES = [f"{number:04}.jpg" for number in range(6)]


def written(home: Path) -> dict[str, Any]:
    """What is written of `pets`, which passes the check."""
    done = bench(home, None, "new", "dataset", "--from", "pets")
    assert done.exit_code == 0, done.output
    assert bench(home, None, "data", "check", "pets.yaml").exit_code == 0
    found = yaml.safe_load((home / "pets.yaml").read_text())
    assert (found.pop("name"), found.pop("root")) == ("pets", "pets")
    return dict(found)


def refusal(home: Path) -> str:
    """The one sentence for `pets`, of which nothing is written."""
    done = bench(home, None, "new", "dataset", "--from", "pets")
    assert done.exit_code == 2 and done.output.count("\n") == 1, done.output
    assert not (home / "pets.yaml").exists()
    return done.output


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        (["photos"], "photos"),
        (["depth", "images"], "images"),
        (["labels", "images"], "images"),
        (["thumbnails", "data/images"], "data/images"),
        (["photos", "photos/small"], "photos"),
        ([".", "backup"], "."),
    ],
)
def test_of_several_folders_the_likely_one_is_taken(
    folders: list[str], expected: str, tmp_path: Path
) -> None:
    for folder in folders:
        write_pictures(tmp_path / "pets" / folder, NAMES)
    write_json(tmp_path / "pets" / "labels.json", NAMES)
    assert written(tmp_path)["coco"] == {"annotations": "labels.json", "images": expected}


@pytest.mark.parametrize(
    ("folders", "file"),
    [
        (["depth", "rgb"], "labels.json"),
        (["thumbnails", "data/large"], "labels.json"),
        (["images", "photos"], "annotations/labels.json"),
        (["train", "images/train"], "annotations/instances_train2017.json"),
    ],
)
def test_folders_that_are_equally_likely_are_asked_about(
    folders: list[str], file: str, tmp_path: Path
) -> None:
    for folder in folders:
        write_pictures(tmp_path / "pets" / folder, NAMES)
    write_json(tmp_path / "pets" / file, NAMES)
    assert (
        f"Which folder holds the pictures cannot be told of pets/{file}: {folders[0]} and {folders[1]} have "
        "some that it names; name it as 'images' in the coco section of a YAML file."
    ) in refusal(tmp_path)


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (
            "annotations_old/instances_train2017.json",
            "annotations/instances_train2017.json, annotations_old/",
        ),
        ("annotations/instances_train2014.json", "annotations/instances_train2014.json, annotations/"),
    ],
)
def test_two_files_of_a_split_are_asked_about(more: str, named: str, tmp_path: Path) -> None:
    for split in ("train", "val"):
        names = [f"{split}{name}" for name in NAMES]
        write_pictures(tmp_path / "pets" / "images" / split, names)
        write_json(tmp_path / "pets" / "annotations" / f"instances_{split}2017.json", names)
    write_json(tmp_path / "pets" / more, [f"train{name}" for name in NAMES[:3]])
    output = refusal(tmp_path)
    assert f"Which file is of the split 'train' cannot be told of pets: {named}" in output
    (tmp_path / "pets" / more).unlink()
    assert written(tmp_path)["coco"]["images"] == {"train2017": "images/train", "val2017": "images/val"}


def test_a_split_of_the_very_name_is_taken_before_others(tmp_path: Path) -> None:
    for split in ("train", "train2", "val"):
        write_pictures(tmp_path / "pets" / split / "cat", [f"{split}a.jpg", f"{split}b.jpg"])
        write_pictures(tmp_path / "pets" / split / "dog", [f"{split}c.jpg"])
    done = bench(tmp_path, None, "new", "dataset", "--from", "pets")
    assert "trained on train, evaluated on val (there are train2 too)" in done.output


def write_class_folders(pets: Path) -> None:
    write_pictures(pets / "photos" / "cat", NAMES)
    write_pictures(pets / "photos" / "dog", NAMES)


def write_json_and_pictures(pets: Path) -> None:
    write_pictures(pets / "photos", NAMES)
    write_json(pets / "labels.json", NAMES)


DRAWN = {"train": 0.8, "seed": 0}
VOC = {"voc": {"folder": "VOCdevkit/VOC2007"}, "splits": {"train": "trainval", "eval": "test"}}


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (write_class_folders, {"folders": {"folder": "photos"}, "splits": DRAWN}),
        (
            write_json_and_pictures,
            {"coco": {"annotations": "labels.json", "images": "photos"}, "splits": DRAWN},
        ),
        (write_voc, VOC),
    ],
)
def test_what_macos_adds_to_an_archive_is_passed_over(
    write: Callable[[Path], object], expected: dict[str, object], tmp_path: Path
) -> None:
    pets = tmp_path / "pets"
    write(pets)
    for file in [path for path in pets.rglob("*") if path.is_file()]:
        twin = pets / "__MACOSX" / file.relative_to(pets).with_name(f"._{file.name}")
        twin.parent.mkdir(parents=True, exist_ok=True)
        twin.write_bytes(b"\0\5\x16\7")
    assert written(tmp_path) == expected


def write_apart(annotations: Path, images: Path, first: int = 0) -> None:
    """Six XML files and their pictures in two folders."""
    annotations.mkdir(parents=True)
    for number in range(first, first + 6):
        write_annotation(annotations / f"{number}.xml", [(("cat", "dog")[number % 2], 0)])
    write_pictures(images, [f"{number}.png" for number in range(first, first + 6)])


@pytest.mark.parametrize(
    ("annotations", "images", "more", "fields"),
    [
        ("annotations", "images", "", {"annotations": "annotations", "images": "images"}),
        ("Annotations", "images", "", {"annotations": "Annotations", "images": "images"}),
        ("xml", "birds", "", {"annotations": "xml", "images": "birds"}),
        ("xml", "photos", "masks", {"annotations": "xml", "images": "photos"}),
        ("zip/xml", "zip/birds", "", {"folder": "zip", "annotations": "xml", "images": "birds"}),
    ],
)
def test_xml_files_and_pictures_in_two_folders(
    annotations: str, images: str, more: str, fields: dict[str, str], tmp_path: Path
) -> None:
    pets = tmp_path / "pets"
    write_apart(pets / annotations, pets / images)
    if more:
        write_pictures(pets / more, [f"{number}.png" for number in range(6)])
    assert written(tmp_path) == {"voc": fields, "splits": DRAWN}


def test_two_folders_with_a_folder_for_each_split(tmp_path: Path) -> None:
    pets = tmp_path / "pets"
    for first, split in ((0, "train"), (6, "val")):
        write_apart(pets / "xml" / split, pets / "images" / split, first)
    assert written(tmp_path) == {
        "voc": {"annotations": "xml", "images": "images"},
        "splits": {"train": "train", "eval": "val"},
    }


@pytest.mark.parametrize("folders", [[], ["dawn", "dusk"]])
def test_xml_files_whose_pictures_may_lie_anywhere_are_asked_about(
    folders: list[str], tmp_path: Path
) -> None:
    pets = tmp_path / "pets"
    write_apart(pets / "xml", pets / "gone")
    shutil.rmtree(pets / "gone")
    for folder in folders:
        write_pictures(pets / folder, NAMES)
    assert (
        "Where the pictures of the XML files in xml lie cannot be told of pets: name the folders of both as "
        "'annotations' and 'images' in the voc section of a YAML file."
    ) in refusal(tmp_path)
