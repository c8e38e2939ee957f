"""How large objects are, from the annotations of each layout that has boxes."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.datasets.boxes import largest_boxes
from bench.datasets.open import find_dataset
from bench.datasets.prepare import prepare_split
from own_trees import write_yolo
from published_trees import write_coco
from trees import write_own_csv, write_voc


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.delenv("BENCH_DATA_ROOT", raising=False)


Found = tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float64] | None]


def boxes(name: str, root: Path | None = None, on: str = "test", train: bool = False) -> Found:
    """The ids of a split, the classes, and the shares."""
    info, folder = find_dataset(name, root)
    info = info.evaluated_on("validation" if on == "validation" else "test")
    split = info.train_split if train else info.eval_split
    ids = prepare_split(info, folder, split).index.ids
    return ids, info.classes, largest_boxes(info, folder, split, ids)


def of(found: Found, image: str) -> dict[str, float]:
    """By class, what is known of one image."""
    ids, classes, shares = found
    assert shares is not None and shares.shape == (len(ids), len(classes))
    row = shares[ids.index(image)]
    return {classes[c]: round(float(row[c]), 9) for c in np.flatnonzero(~np.isnan(row))}


def annotate(
    path: Path, *objects: tuple[str, int, str], size: str = "<width>100</width><height>50</height>"
) -> None:
    """One picture's XML; an object is a name, whether it is difficult, and left, top, right and bottom."""
    parts = [f"<size>{size}</size>"]
    for name, difficult, edges in objects:
        named = zip(("xmin", "ymin", "xmax", "ymax"), edges.split(), strict=True)
        box = "".join(f"<{edge}>{value}</{edge}>" for edge, value in named)
        parts.append(
            f"<object><name>{name}</name><difficult>{difficult}</difficult><bndbox>{box}</bndbox></object>"
        )
    path.write_text(f"<annotation>{''.join(parts)}</annotation>", encoding="utf-8")


def test_voc(tmp_path: Path) -> None:
    devkit = write_voc(tmp_path, train=8, test=6)
    folder = devkit / "Annotations"
    # The largest box that is not difficult counts; of what is difficult alone, the largest.
    annotate(
        folder / "000009.xml",
        ("cat", 0, "10 10 20 20"),
        ("cat", 0, "0.5 0 50.5 10"),
        ("cat", 1, "0 0 100 50"),
        ("dog", 1, "0 0 10 10"),
        ("dog", 1, "0 0 20 10"),
    )
    # Without a width, without numbers, turned round; one that is larger than the picture fills it.
    annotate(folder / "000010.xml", ("cat", 0, "1 1 9 9"), size="<width>0</width><height>50</height>")
    annotate(folder / "000011.xml", ("cat", 0, "x 1 9 9"), ("dog", 0, "9 9 1 1"), ("bus", 0, "0 0 999 999"))
    found = boxes("voc2007", tmp_path)
    assert of(found, "000009") == {"cat": 500 / 5000, "dog": 200 / 5000}
    assert of(found, "000010") == {}
    assert of(found, "000011") == {"bus": 1.0}
    whole = (folder / "000009.xml").read_text()
    # The box of 50 by 10 is deleted: that of 10 by 10 is the largest then.
    deleted = whole.replace("<bndbox><xmin>0.5", "<deleted>1</deleted><bndbox><xmin>0.5")
    (folder / "000009.xml").write_text(deleted)
    assert of(boxes_of_ids(tmp_path, ("000009",)), "000009") == {"cat": 100 / 5000, "dog": 200 / 5000}
    (folder / "000012.xml").write_text("<annotation>")
    assert of(boxes_of_ids(tmp_path, ("000009", "000012")), "000012") == {}


def boxes_of_ids(root: Path, ids: tuple[str, ...]) -> Found:
    info, folder = find_dataset("voc2007", root)
    return ids, info.classes, largest_boxes(info, folder, "test", ids)


def test_splits_that_are_drawn_from_another(tmp_path: Path) -> None:
    """The validation split of `train`, and splits of a folder that has none."""
    devkit = write_voc(tmp_path / "a", train=60, test=6)
    for path in (devkit / "Annotations").glob("*.xml"):
        annotate(path, ("cat", 0, "0 0 10 10"), ("dog", 0, "0 0 100 10"))
    found = boxes("voc2007-train-val", tmp_path / "a", on="validation")
    assert all(of(found, image) == {"cat": 0.02, "dog": 0.2} for image in found[0])
    own = tmp_path / "own.yaml"
    own.write_text(f"name: own\nroot: {devkit}\nvoc: {{}}\nsplits: {{train: 0.5}}\n")
    for train in (False, True):
        found = boxes(str(own), train=train)
        assert len(found[0]) == 33 and of(found, found[0][0]) == {"cat": 0.02, "dog": 0.2}


def test_coco(tmp_path: Path) -> None:
    folder = write_coco(tmp_path)
    file = folder / "annotations" / "instances_val2014.json"
    content = json.loads(file.read_text())
    one, *others = content["annotations"]
    image = next(x for x in content["images"] if x["id"] == one["image_id"])
    image |= {"width": 100, "height": 50}
    names = {category["id"]: category["name"] for category in content["categories"]}
    name = names[one["category_id"]]
    mine = [x for x in others if x["image_id"] == one["image_id"]]
    for other in mine:
        other["bbox"] = None
    one["bbox"] = [90, 40, 10, 5]
    content["annotations"].append({**one, "id": 7, "bbox": [0, 0, 20, 25.0]})
    content["annotations"].append({**one, "id": 8, "bbox": [0, 0, "20", 25]})
    file.write_text(json.dumps(content))
    found = boxes("coco2014", tmp_path)
    stem = image["file_name"].removesuffix(".jpg")
    assert of(found, stem) == {name: 0.1}
    known = [share for other in found[0] if other != stem for share in of(found, other).values()]
    assert known and set(known) == {round(81 / (48 * 36), 9)}


def test_yolo(tmp_path: Path) -> None:
    """A box says its share; a polygon is as large as the box around it."""
    own = write_yolo(tmp_path / "own")
    text = tmp_path / "own" / "labels" / "val" / "8.txt"
    text.write_text("0 0.5 0.5 0.2 0.3\n2 0.1 0.1 0.5 0.1 0.5 0.3\n\n2 0.5 0.5 0.1 0.1\n1 0.5 0.5 0 0\n")
    found = boxes(str(own))
    assert of(found, "images/val/8.jpg") == {"cat": 0.06, "bird": 0.08}
    assert of(boxes(str(own), train=True), "images/train/7.jpg") == {}


def test_a_layout_without_boxes_has_none(tmp_path: Path) -> None:
    *_, shares = boxes(str(write_own_csv(tmp_path / "own")))
    assert shares is None
