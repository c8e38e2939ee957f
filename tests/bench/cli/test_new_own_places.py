"""`bench new dataset --from`: which folders and files it takes, and what it asks where several may be it."""

import json
from pathlib import Path

import pytest
import yaml

from bench_command import bench
from trees import write_picture


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


def coco_section(home: Path) -> dict[str, object]:
    """What is written of `pets`, which passes the check."""
    done = bench(home, None, "new", "dataset", "--from", "pets")
    assert done.exit_code == 0, done.output
    assert bench(home, None, "data", "check", "pets.yaml").exit_code == 0
    written: dict[str, object] = yaml.safe_load((home / "pets.yaml").read_text())["coco"]
    return written


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
    assert coco_section(tmp_path) == {"annotations": "labels.json", "images": expected}


@pytest.mark.parametrize(
    ("folders", "file"),
    [
        (["depth", "rgb"], "labels.json"),
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
    assert coco_section(tmp_path)["images"] == {"train2017": "images/train", "val2017": "images/val"}


def test_a_split_of_the_very_name_is_taken_before_others(tmp_path: Path) -> None:
    for split in ("train", "train2", "val"):
        write_pictures(tmp_path / "pets" / split / "cat", [f"{split}a.jpg", f"{split}b.jpg"])
        write_pictures(tmp_path / "pets" / split / "dog", [f"{split}c.jpg"])
    done = bench(tmp_path, None, "new", "dataset", "--from", "pets")
    assert "trained on train, evaluated on val (there are train2 too)" in done.output
