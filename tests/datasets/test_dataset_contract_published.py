"""COCO, NUS-WIDE and Visual Genome under the contract of all data sets."""

import json
from pathlib import Path

from bench.datasets.contract import DatasetContract
from published_trees import coco_content, write_coco, write_nuswide, write_vg
from trees import write_picture


class TestCOCO2014(DatasetContract):
    labels = {
        "COCO_train2014_000000000009": {"bowl": 1, "orange": 1, "broccoli": 1},
        "COCO_val2014_000000000074": {"person": 1, "bicycle": 1, "dog": 1},
    }

    def make(self, folder: Path) -> tuple[str, Path | None]:
        write_coco(folder)
        return "coco2014", folder


class TestCOCO2014All(TestCOCO2014):
    labels = {**TestCOCO2014.labels, "COCO_train2014_000000000036": {}}

    def make(self, folder: Path) -> tuple[str, Path | None]:
        return "coco2014-all", super().make(folder)[1]


class TestOwnCOCO(DatasetContract):
    labels = {"000000000001": {"crow": 1, "kite": 1}, "000000000004": {"robin": 1}}
    splits = "{train: 0.5}"
    annotations = "all.json"

    def make(self, folder: Path) -> tuple[str, Path | None]:
        (folder / "photos").mkdir()
        objects = {1: ["kite", "crow"], 2: ["crow"], 3: ["robin", "kite"], 4: ["robin"]}
        parts = {"all": objects, "a": {k: objects[k] for k in (1, 2)}, "b": {k: objects[k] for k in (3, 4)}}
        for name, part in parts.items():
            content = coco_content(part, names=("robin", "crow", "kite"))
            (folder / f"{name}.json").write_text(json.dumps(content))
        for number in objects:
            write_picture(folder / "photos" / f"{number:012d}.jpg", seed=number)
        (folder / "birds.yaml").write_text(
            f"name: birds\ncoco: {{annotations: {self.annotations}, images: photos}}\nsplits: {self.splits}\n"
        )
        return str(folder / "birds.yaml"), None


class TestOwnCOCOWithGivenSplits(TestOwnCOCO):
    splits = "{train: first, eval: second}"
    annotations = "{first: a.json, second: b.json}"


class TestNUSWide(DatasetContract):
    labels = {
        "zoo/0001_2124494179": {"animal": 1, "zebra": 1},
        "bay/0003_815043568": {"clouds": 1, "ocean": 1, "sky": 1},
    }
    name = "nuswide"

    def make(self, folder: Path) -> tuple[str, Path | None]:
        write_nuswide(folder)
        return self.name, folder


class TestNUSWideOfficial(TestNUSWide):
    labels = {**TestNUSWide.labels, "zoo/0004_5": {}}
    name = "nuswide-official"


class TestNUSWide7030(TestNUSWide):
    name = "nuswide-70-30"


class TestVG500(DatasetContract):
    labels = {"61": {"man": 1, "shirt": 1}, "2400001": {"wing of a bird": 1}}

    def make(self, folder: Path) -> tuple[str, Path | None]:
        write_vg(folder)
        return "vg500", folder
