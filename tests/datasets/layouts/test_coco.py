"""COCO's annotations: what becomes a label, which images are kept, class order, and what is refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets.classes import COCO_CLASSES
from bench.datasets.layout import ALL, COCOInstances
from bench.datasets.layouts import coco
from bench.datasets.listing import Listing
from bench.errors import UserError
from published_trees import COCO_IDS, COCO_SPLITS, coco_content, write_coco
from trees import write_picture

Change = Callable[[dict[str, Any]], object]

LAYOUT = COCOInstances(
    {split: f"annotations/instances_{split}.json" for split in ("train2014", "val2014")},
    {split: split for split in ("train2014", "val2014")},
)
OWN = COCOInstances({"train": "a.json", "test": "b.json"}, {"train": "photos", "test": "photos"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_coco(tmp_path)


def listed(folder: Path, split: str = "train2014", layout: COCOInstances = LAYOUT) -> Listing:
    return coco.read(folder, layout, split, COCO_CLASSES, None)


def positives(listing: Listing) -> list[set[str]]:
    return [{COCO_CLASSES[column] for column in np.flatnonzero(row == 1)} for row in listing.labels]


def change(folder: Path, apply: Change, split: str = "train2014") -> None:
    path = folder / "annotations" / f"instances_{split}.json"
    content = json.loads(path.read_text())
    apply(content)
    path.write_text(json.dumps(content))


def own_tree(folder: Path, first: Any, second: Any) -> None:
    (folder / "photos").mkdir(parents=True)
    write_picture(folder / "photos" / "000000000001.jpg", seed=1)
    (folder / "a.json").write_text(json.dumps(first))
    (folder / "b.json").write_text(json.dumps(second))


def test_images_come_by_id_with_every_class_that_an_annotation_names(folder: Path) -> None:
    found = listed(folder)
    assert found.ids == tuple(f"COCO_train2014_{number:012d}" for number in (9, 25, 30, 109))
    assert found.files[0] == "train2014/COCO_train2014_000000000009.jpg"
    assert positives(found) == [set(COCO_SPLITS["train2014"][image]) for image in (9, 25, 30, 109)]
    assert found.labels.dtype == np.int8 and set(np.unique(found.labels)) == {-1, 1}
    # The other file says which names are in both.
    assert found.sources == tuple(f"annotations/instances_{split}.json" for split in ("train2014", "val2014"))
    assert positives(listed(folder, "val2014"))[-1] == {"toothbrush"}, "id 90 is column 79"


def test_images_without_annotation_are_kept_or_dropped(folder: Path) -> None:
    kept = listed(folder, layout=replace(LAYOUT, keep_unannotated=True))
    assert len(kept.ids) == len(listed(folder).ids) + 1
    assert kept.ids[3].endswith("36") and (kept.labels[3] == -1).all()


def test_a_crowd_counts_like_any_object(folder: Path) -> None:
    content = json.loads((folder / "annotations" / "instances_val2014.json").read_text())
    assert [one["iscrowd"] for one in content["annotations"] if one["image_id"] == 42] == [1]
    assert positives(listed(folder, "val2014"))[0] == {"dog"}


def test_columns_follow_the_data_set_and_not_the_order_of_the_categories(folder: Path) -> None:
    before = listed(folder)
    change(folder, lambda content: content["categories"].reverse())
    np.testing.assert_array_equal(listed(folder).labels, before.labels)
    renumbered = dict(zip(COCO_IDS, reversed(range(80)), strict=True))

    def renumber(content: dict[str, Any]) -> None:
        for category in content["categories"]:
            category["id"] = renumbered[category["id"]]
        for annotation in content["annotations"]:
            annotation["category_id"] = renumbered[annotation["category_id"]]

    change(folder, renumber)
    np.testing.assert_array_equal(listed(folder).labels, before.labels)


def test_the_published_categories_by_id_are_the_classes_in_their_order(folder: Path) -> None:
    assert coco.class_names(folder, LAYOUT) == COCO_CLASSES


def test_own_categories_come_by_id_from_every_file(tmp_path: Path) -> None:
    own_tree(tmp_path, coco_content({1: ["b"]}, names="bca"), coco_content({2: ["d"]}, names="cd"))
    classes = coco.class_names(tmp_path, OWN)
    assert classes == ("b", "c", "a", "d")
    assert coco.read(tmp_path, OWN, "train", classes, None).labels.tolist() == [[1, -1, -1, -1]]
    assert coco.read(tmp_path, OWN, "test", classes, None).labels.tolist() == [[-1, -1, -1, 1]]
    with pytest.raises(UserError, match=r"a\.json: the categories do not list the class 'e'"):
        coco.read(tmp_path, OWN, "train", (*classes, "e"), None)
    with pytest.raises(UserError, match=r"a\.json: the category 'c' \(id 2\) is not in the class list"):
        coco.read(tmp_path, OWN, "train", ("b", "a", "d"), None)


def test_one_file_may_hold_every_image(tmp_path: Path) -> None:
    own_tree(tmp_path, coco_content({3: ["a"], 1: ["b"]}, names="ab"), {})
    layout = COCOInstances({ALL: "a.json"}, {ALL: "photos"})
    found = coco.read(coco.find(tmp_path, layout), layout, ALL, ("a", "b"), None)
    assert found.ids == ("000000000001", "000000000003") and found.labels.tolist() == [[-1, 1], [1, -1]]
    with pytest.raises(UserError, match="No annotations are named for the split 'train', only for: all"):
        coco.read(tmp_path, layout, "train", ("a", "b"), None)


def test_reading_prints_nothing_and_reports_its_progress(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[tuple[int, int]] = []
    coco.read(folder, LAYOUT, "val2014", COCO_CLASSES, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["coco", "COCO", "MS-COCO", "coco2014", "mscoco_2014"])
def test_the_folder_is_found_by_any_of_its_names(name: str, folder: Path) -> None:
    named = folder.rename(folder.with_name(name))
    assert coco.find(named.parent, LAYOUT) == named
    assert coco.find(named, LAYOUT) == named


def gone(*parts: str) -> Callable[[Path], None]:
    def remove(folder: Path) -> None:
        for part in parts:
            path = folder / part
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def emptied(folder: Path) -> None:
    for path in (folder / "train2014").iterdir():
        path.unlink()


def another_year(folder: Path) -> None:
    for path in (folder / "annotations").iterdir():
        path.rename(path.with_name(path.name.replace("2014", "2017")))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (gone("train2014"), "coco is incomplete: there is no folder train2014; unpack"),
        (emptied, "coco is incomplete: there is nothing in train2014; unpack"),
        (
            gone("annotations/instances_val2014.json", "val2014"),
            "there is no annotations/instances_val2014.json and no folder val2014",
        ),
        (
            another_year,
            r"no instances_train2014.json; it has instances_train2017.json, instances_val2017.json: another",
        ),
        (
            gone("annotations"),
            "looked for annotations/instances_train2014.json, here or in coco; .* holds coco",
        ),
    ],
)
def test_what_is_missing_of_the_tree_is_named(
    damage: Callable[[Path], None], message: str, folder: Path
) -> None:
    damage(folder)
    with pytest.raises(UserError, match=message):
        coco.find(folder.parent, LAYOUT)


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (
            lambda content: content["annotations"][2].update(category_id=91),
            "annotation 902 has category_id 91, which is not in 'categories'",
        ),
        (
            lambda content: content["annotations"][1].update(category_id=-1),
            "annotation 901 has category_id -1, which is not in 'categories'",
        ),
        (
            lambda content: content["annotations"][3].pop("image_id"),
            r"annotations\[3\] \(id 903\): 'image_id' is missing",
        ),
        (
            lambda content: content["annotations"][3].update(category_id=1.5),
            r"annotations\[3\] \(id 903\): 'category_id' is 1.5, which is no int or str",
        ),
        (
            lambda content: content["annotations"][3].update(image_id=True),
            r"annotations\[3\] \(id 903\): 'image_id' is True, which is no int or str",
        ),
        (lambda content: content["annotations"].append(7), r"annotations\[10\] is not an object"),
        (
            lambda content: content["images"].append(content["images"][0]),
            r"images\[5\] has the id 30 of an earlier one",
        ),
        (
            lambda content: content["images"][1].update(file_name=content["images"][2]["file_name"]),
            "names image COCO_train2014_000000000025.jpg 2 times",
        ),
        (lambda content: content["images"][0].pop("id"), r"images\[0\]: 'id' is missing"),
        (
            lambda content: content["images"][0].update(file_name=""),
            r"images\[0\] \(id 30\): 'file_name' is '', which is no str",
        ),
        (
            lambda content: content["categories"][0].update(id=-4),
            "the category 'person' has the negative id -4",
        ),
        (
            lambda content: content["categories"][1].update(name="person"),
            "there are several categories 'person'",
        ),
        (
            lambda content: content["categories"][4].update(name="aeroplane"),
            r"the category 'aeroplane' \(id 5\) is not in the class list",
        ),
        (
            lambda content: content["categories"][1].update(id=1),
            r"categories\[1\] has the id 1 of an earlier one",
        ),
        (lambda content: content.pop("annotations"), "has no list 'annotations', so it is not COCO's"),
    ],
)
def test_a_bad_entry_is_named_with_file_and_field(apply: Change, message: str, folder: Path) -> None:
    change(folder, apply)
    with pytest.raises(UserError, match=rf"instances_train2014\.json.* {message}"):
        listed(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"images": [{"id": 1, "file_na',
            r"is not whole JSON: .* at character 22 \(line 1\) of 30; it may be cut",
        ),
        (b'{"images": [],\n "annotations"', r"is not whole JSON: .* at character 29 \(line 2\) of 29"),
        (b"", "is not whole JSON: Expecting value at character 0"),
        (b'{"images": "\xff"}', "is not JSON in UTF-8"),
        (b"[" * 200_000, "is not JSON in UTF-8"),
        (b"[]", "holds no COCO annotations, but a JSON list"),
    ],
)
def test_a_file_that_is_no_whole_json_is_named(content: bytes, message: str, folder: Path) -> None:
    (folder / "annotations" / "instances_train2014.json").write_bytes(content)
    with pytest.raises(UserError, match=rf"instances_train2014\.json {message}"):
        listed(folder)
