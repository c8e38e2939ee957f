"""COCO's JSON whose splits have folders of their own, with pictures of the same names in them."""

import json
from pathlib import Path

import pytest

from bench.datasets.layout import COCOInstances
from bench.datasets.layouts import coco
from bench.datasets.open import open_dataset
from bench.errors import UserError
from bench_command import bench
from own_voc import files, labels
from trees import write_picture

LABELS = ("cat", "dog")


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))


def write_split(home: Path, split: str, names: list[str], odd: int) -> None:
    """Pictures in `SPLIT/images` and `SPLIT/labels.json`; the first is of class `odd`, and others in turn."""
    content = {
        "images": [{"id": n, "file_name": name, "width": 10, "height": 10} for n, name in enumerate(names)],
        "annotations": [
            {"id": n, "image_id": n, "category_id": (n + odd) % 2, "bbox": [0, 0, 5, 1 + odd]}
            for n in range(len(names))
        ],
        "categories": [{"id": n, "name": name} for n, name in enumerate(LABELS)],
    }
    for number, name in enumerate(names):
        picture = home / split / "images" / name
        picture.parent.mkdir(parents=True, exist_ok=True)
        write_picture(picture, seed=number + 10 * odd)
    (home / split / "labels.json").write_text(json.dumps(content))


def described(home: Path, images: str = "{train: train/images, val: val/images}") -> str:
    own = home / "own.yaml"
    annotations = "{train: train/labels.json, val: val/labels.json}"
    own.write_text(
        f"name: own\ncoco: {{annotations: {annotations}, images: {images}}}\n"
        "splits: {train: train, eval: val}\n"
    )
    return str(own)


def test_what_both_number_alike_is_called_by_its_folder(tmp_path: Path) -> None:
    write_split(tmp_path, "train", ["0000.jpg", "0001.jpg", "a.jpg"], odd=0)
    write_split(tmp_path, "val", ["0000.jpg", "0001.png", "b.jpg"], odd=1)
    own = described(tmp_path)
    checked = bench(tmp_path, None, "data", "check", own)
    assert checked.exit_code == 0 and "3 images of train and 3 of val are used" in checked.output
    dataset = open_dataset(own)
    assert dataset.train.ids == ("train/images/0000", "train/images/0001", "a")
    assert dataset.eval.ids == ("val/images/0000", "val/images/0001", "b")
    assert files(dataset)["val/images/0001"] == "val/images/0001.png"
    assert [labels(dataset)[f"{split}/images/0000"] for split in ("train", "val")] == [{"cat"}, {"dog"}]


def test_boxes_are_found_by_the_same_names(tmp_path: Path) -> None:
    write_split(tmp_path, "train", ["0.jpg"], odd=0)
    write_split(tmp_path, "val", ["0.jpg"], odd=1)
    splits = ("train", "val")
    layout = COCOInstances({s: f"{s}/labels.json" for s in splits}, {s: f"{s}/images" for s in splits})
    shares = coco.box_shares(tmp_path, layout, "val", ["val/images/0"], None)
    assert shares == {"val/images/0": {"dog": pytest.approx(0.1)}}


def test_names_follow_what_the_other_split_has_now(tmp_path: Path) -> None:
    write_split(tmp_path, "train", ["0.jpg", "1.jpg"], odd=0)
    write_split(tmp_path, "val", ["2.jpg"], odd=1)
    own = described(tmp_path)
    assert open_dataset(own).train.ids == ("0", "1")
    write_split(tmp_path, "val", ["2.jpg", "1.jpg"], odd=1)
    assert open_dataset(own).train.ids == ("0", "train/images/1")


@pytest.mark.parametrize("images", ["train/images", "{train: train/images, val: ./val/../train/images}"])
def test_a_picture_of_one_folder_in_both_splits_is_refused(images: str, tmp_path: Path) -> None:
    for odd, split in enumerate(("train", "val")):
        write_split(tmp_path, split, ["0.jpg", "1.jpg"], odd)
    with pytest.raises(UserError, match=r"2 images of .* are in both train and val, 0 for one"):
        open_dataset(described(tmp_path, images))


@pytest.mark.parametrize("field", ["annotations", "images"])
@pytest.mark.parametrize(
    ("splits", "said"),
    [
        (
            "{train: 0.8}",
            r"has an entry for each split \('one', 'two'\), but 'splits' draws them by a share; give one "
            r"entry for all images, or name two of these under 'splits' as train and eval\.$",
        ),
        (
            "{train: one, eval: test}",
            r"has no entry for the split 'test', only for: 'one', 'two'; add one, or name another split "
            r"under 'splits'\.$",
        ),
    ],
)
def test_entries_that_are_not_those_of_the_splits_are_named_with_what_to_do(
    field: str, splits: str, said: str, tmp_path: Path
) -> None:
    given = {"annotations": "all.json", "images": "photos"} | {field: "{one: a, two: b}"}
    coco = ", ".join(f"{key}: {value}" for key, value in given.items())
    own = tmp_path / "own.yaml"
    own.write_text(f"name: own\ncoco: {{{coco}}}\nsplits: {splits}\n")
    with pytest.raises(UserError, match=rf"^In .*own.yaml: 'coco.{field}' {said}"):
        open_dataset(str(own))
