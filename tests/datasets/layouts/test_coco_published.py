"""COCO 2014: real photographs, the labels of the whole of val2014, and the order of the published graph."""

import csv
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from bench.datasets.catalog import DATASETS
from bench.datasets.classes import COCO_CLASSES
from bench.datasets.layout import COCOInstances
from bench.datasets.layouts import coco
from bench.datasets.open import open_dataset
from published_trees import coco_content


@pytest.fixture(scope="module")
def whole(shared: Path) -> dict[str, set[str]]:
    """The labels of every annotated image of val2014."""
    with gzip.open(shared / "realdata" / "labels" / "coco_val2014.csv.gz", "rt", encoding="utf-8") as file:
        return {Path(row["image"]).stem: set(row["labels"].split("|")) for row in csv.DictReader(file)}


def test_the_real_photographs_open(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    real = open_dataset("coco2014", shared / "realdata")
    assert (len(real.train), len(real.eval), real.skipped) == (206, 140, ())
    assert real.info.classes == COCO_CLASSES
    for index in (real.train, real.eval):
        assert list(index.ids) == sorted(index.ids) and (index.labels == 1).any(axis=1).all()


def test_real_images_without_annotation_are_kept_or_dropped(shared: Path) -> None:
    layouts = [DATASETS[name].layout for name in ("coco2014", "coco2014-all")]
    folder = coco.find(shared / "realdata", cast(COCOInstances, layouts[0]))
    dropped, kept = (
        coco.read(folder, cast(COCOInstances, layout), "train2014", COCO_CLASSES, None) for layout in layouts
    )
    assert (len(kept.ids), len(dropped.ids)) == (208, 206)
    assert ((kept.labels == 1).sum(axis=1) == 0).sum() == 2
    assert (kept.labels == 1).sum() == (dropped.labels == 1).sum()


def test_the_whole_val_list_has_the_published_counts(whole: dict[str, set[str]], tmp_path: Path) -> None:
    """Written as annotations and read again, the labels of val2014 are what they were."""
    images = {int(image[-12:]): sorted(names) for image, names in whole.items()}
    (tmp_path / "val.json").write_text(json.dumps(coco_content(images, "COCO_val2014_")))
    layout = COCOInstances({"val2014": "val.json"}, {"val2014": "val2014"})
    found = coco.read(tmp_path, layout, "val2014", COCO_CLASSES, None)
    counts = DATASETS["coco2014"].counts["val2014"]
    assert (counts.images, counts.positives) == (40137, 116592)
    assert (len(found.ids), int((found.labels == 1).sum())) == (counts.images, counts.positives)
    for image, row in zip(found.ids, found.labels, strict=True):
        assert {COCO_CLASSES[column] for column in np.flatnonzero(row == 1)} == whole[image], image


def test_the_published_graph_is_in_alphabetical_order_and_the_classes_are_not(
    shared: Path, whole: dict[str, set[str]]
) -> None:
    frequency = Counter(name for names in whole.values() for name in names)
    with np.load(shared / "realdata" / "graphs" / "mlgcn_coco_adj.npz") as graph:
        published = graph["nums"]
    alphabetical = sorted(COCO_CLASSES)
    assert alphabetical[int(published.argmax())] == "person"
    by_name = np.corrcoef(published, [frequency[name] for name in alphabetical])[0, 1]
    by_id = np.corrcoef(published, [frequency[name] for name in COCO_CLASSES])[0, 1]
    assert by_name > 0.999 and abs(by_id) < 0.2
