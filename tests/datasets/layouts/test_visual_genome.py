"""Visual Genome: which names are the classes, SSGRL's lists, two image folders, a file too large to hold."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.datasets.layout import ALL, VisualGenome
from bench.datasets.layouts import visual_genome
from bench.datasets.listing import Listing
from bench.datasets.open import open_dataset
from bench.errors import UserError
from published_trees import VG_SPLITS, vg_object, write_vg

LAYOUT = VisualGenome()
FEW = VisualGenome(names=3)
# Of man there are five, of tree four.
FREQUENT = ("man", "tree", "shirt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_vg(tmp_path, names=3)


def listed(folder: Path, split: str = "train", classes: tuple[str, ...] = FREQUENT) -> Listing:
    return visual_genome.read(folder, FEW, split, classes, None)


def change(folder: Path, apply: Callable[[Any], object]) -> None:
    content = json.loads((folder / "objects.json").read_text())
    apply(content)
    (folder / "objects.json").write_text(json.dumps(content))


def test_the_classes_are_the_most_frequent_first_names(folder: Path) -> None:
    assert visual_genome.class_names(folder, FEW) == FREQUENT
    assert visual_genome.class_names(folder, VisualGenome(names=2)) == FREQUENT[:2]


def test_of_equally_frequent_names_the_first_in_the_file_comes_first(folder: Path) -> None:
    change(folder, lambda content: content[0]["objects"].insert(0, vg_object("Man ")))
    names = visual_genome.class_names(folder, VisualGenome(names=5))
    assert names == (*FREQUENT, "Man ", "wing of a bird"), "written as they are, and each once"


def test_a_changed_file_is_read_again(folder: Path) -> None:
    assert visual_genome.class_names(folder, FEW) == FREQUENT
    change(folder, lambda content: content[2]["objects"].extend([vg_object("kite")] * 9))
    assert visual_genome.class_names(folder, FEW) == ("kite", *FREQUENT[:2])
    assert listed(folder, classes=("kite",)).labels.tolist() == [[-1], [-1], [1]]


def test_a_list_is_read_in_its_order_also_images_without_any_class(folder: Path) -> None:
    found = listed(folder)
    assert found.ids == ("2317429", "61", "2400001")
    assert found.labels.tolist() == [[1, 1, -1], [1, -1, 1], [-1, -1, -1]]
    assert found.labels.dtype == np.int8 and found.problems == ()
    assert listed(folder, "test").labels.tolist() == [[1, 1, -1], [1, -1, 1]]
    assert set(found.sources) == {"train_list_3.txt", "objects.json", "VG_100K", "VG_100K_2"}


def test_every_image_comes_for_the_split_all(folder: Path) -> None:
    found = listed(folder, ALL)
    assert found.ids == (*map(str, (*VG_SPLITS["train"], *VG_SPLITS["test"])), "1")
    assert "objects.json" in found.sources


def test_an_image_is_looked_for_in_both_folders(folder: Path) -> None:
    assert listed(folder).files == (
        *("VG_100K_2/2317429.jpg", "VG_100K_2/61.jpg"),
        "VG_100K_2/2400001.jpg",
    )
    assert listed(folder, "test").files == ("VG_100K/2.jpg", "VG_100K/1592810.jpg")
    (folder / "VG_100K_2" / "61.jpg").unlink()
    assert listed(folder).files[1] == "VG_100K/61.jpg", "named where the check finds it missing"


def test_one_folder_may_hold_all_images(folder: Path) -> None:
    for path in (folder / "VG_100K_2").iterdir():
        path.rename(folder / "VG_100K" / path.name)
    (folder / "VG_100K_2").rmdir()
    found = listed(folder)
    assert found.files[0] == "VG_100K/2317429.jpg" and "VG_100K_2" not in found.sources
    (folder / "VG_100K" / "61.jpg").unlink()
    with pytest.raises(
        UserError, match=r"no folder VG_100K_2, and 1 of 3 images are not in VG_100K, 61\.jpg"
    ):
        listed(folder)


def test_an_image_that_objects_json_does_not_know_is_a_problem(folder: Path) -> None:
    change(folder, lambda content: content.pop(1))
    found = listed(folder)
    assert [str(problem) for problem in found.problems] == [
        f"61: {folder / 'objects.json'}: says nothing of this image"
    ]
    assert found.labels[0].tolist() == [1, 1, -1]


def test_the_data_set_opens_with_500_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_vg(tmp_path)
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    dataset = open_dataset("vg500", tmp_path)
    assert (len(dataset.train), len(dataset.eval), dataset.skipped) == (3, 2, ())
    assert dataset.info.classes[:3] == FREQUENT and len(dataset.info.classes) == 500


@pytest.mark.parametrize("name", ["vg", "VG", "VisualGenome", "Visual_Genome", "VisualGenome1.4"])
def test_the_folder_is_found_by_any_of_its_names(name: str, folder: Path) -> None:
    named = folder.rename(folder.with_name(name))
    assert visual_genome.find(named.parent, FEW) == named
    assert visual_genome.find(named, FEW) == named


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        (["objects.json"], r"vg is incomplete: it has no objects\.json; the lists are SSGRL's"),
        (["VG_100K", "test_list_3.txt"], r"it has no test_list_3\.txt and no VG_100K;"),
        (
            ["objects.json", "VG_100K", "train_list_3.txt"],
            r"looked for objects\.json, .* the folder holds vg",
        ),
    ],
)
def test_what_is_missing_of_the_tree_is_named(gone: list[str], message: str, folder: Path) -> None:
    for part in gone:
        path = folder / part
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(UserError, match=message):
        visual_genome.find(folder.parent, FEW)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"2317429.jpg\n61\n", r"train_list_3\.txt, line 2: '61' is not an image such as 2317429\.jpg"),
        (b"61.jpg\n61.jpg\n", r"train_list_3\.txt names image 61\.jpg 2 times"),
        (b"", r"train_list_3\.txt is empty"),
    ],
)
def test_a_bad_list_is_named(content: bytes, message: str, folder: Path) -> None:
    (folder / "train_list_3.txt").write_bytes(content)
    with pytest.raises(UserError, match=message):
        listed(folder)


def test_too_few_names_and_unknown_splits_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="has 4 different names, fewer than 500: it is not the whole file"):
        visual_genome.class_names(folder, LAYOUT)
    with pytest.raises(UserError, match="no split 'val', only train and test"):
        listed(folder, "val")


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (
            lambda content: content[1]["objects"][1].update(names=[]),
            "object 1 of image 61 has no name in 'names'",
        ),
        (
            lambda content: content[1]["objects"][0].pop("names"),
            "object 0 of image 61 has no name in 'names'",
        ),
        (lambda content: content[1].pop("objects"), "element 1 has no list 'objects'"),
        (lambda content: content[2].pop("image_id"), "element 2 has image_id None; each has a number"),
        (lambda content: content[2].update(image_id=61), "element 2 has image_id 61; each has a number"),
        (lambda content: content.insert(0, "a"), "element 0 has no list 'objects'"),
    ],
)
def test_a_bad_entry_is_named(apply: Callable[[Any], object], message: str, folder: Path) -> None:
    change(folder, apply)
    with pytest.raises(UserError, match=rf"objects\.json: {message}"):
        listed(folder)


def test_a_file_is_read_in_pieces_wherever_they_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.loads((folder / "objects.json").read_text())
    (folder / "objects.json").write_text(json.dumps(content, indent=1))
    whole = listed(folder)
    for size in range(40, 60):
        monkeypatch.setattr(visual_genome, "CHUNK", size)
        (folder / "objects.json").write_text(json.dumps(content, indent=1) + " " * size)
        seen: list[tuple[int, int]] = []
        pieces = visual_genome.read(
            folder, FEW, "train", FREQUENT, lambda *report, seen=seen: seen.append(report)
        )
        assert pieces.labels.tolist() == whole.labels.tolist() and len(seen) > 10


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_is_named_with_where(
    share: float, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "objects.json"
    text = path.read_text()
    path.write_text(text[: int(share * len(text))])
    monkeypatch.setattr(visual_genome, "CHUNK", 64)
    with pytest.raises(UserError, match=r"objects\.json is not (whole JSON: .* at character|a JSON array)"):
        listed(folder)


def test_damage_is_found_without_reading_on_to_the_end(folder: Path) -> None:
    path = folder / "objects.json"
    text = path.read_text()
    middle = text.index('"names"')
    path.write_text(text[:middle] + "}" + text[middle:])
    with pytest.raises(UserError, match=r"is not whole JSON: .* at character \d+; it may be cut") as error:
        listed(folder)
    # Python 3.13 points at the comma before.
    assert middle - 2 <= int(re.findall(r"at character (\d+)", str(error.value))[0]) <= middle
    path.write_bytes(text.encode().replace(b"tree", b"tr\xffe"))
    with pytest.raises(UserError, match="is not JSON in UTF-8"):
        listed(folder)
    path.write_text('{"images": []}')
    with pytest.raises(UserError, match="is not a JSON array of images"):
        listed(folder)
