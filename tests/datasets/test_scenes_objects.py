"""Pictures with one object each, and the weights that were trained on them."""

from pathlib import Path

import pytest
import torch

from bench.datasets.catalog import DATASETS
from bench.datasets.scenes.draw import CLASSES
from bench.datasets.scenes.generator import OBJECT_SIZES, generate
from bench.errors import UserError
from bench.methods.backbones.build import build_backbone
from bench.methods.backbones.initial_weights import PACKAGED, initial_weights

FEW = {"train": 40, "val": 20, "objects": 20}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("objects")
    generate(root, sizes=FEW)
    return root / "VOCdevkit" / "ScenesObjects"


def test_each_picture_has_one_class_and_the_classes_come_in_turn(folder: Path) -> None:
    for split, size in FEW.items():
        names = (folder / "ImageSets" / "Main" / f"{split}.txt").read_text().split()
        assert len(names) == size
        for position, name in enumerate(names):
            there = {
                label
                for label in CLASSES
                for line in (folder / "ImageSets" / "Main" / f"{label}_{split}.txt").read_text().splitlines()
                if line.split()[0] == name and line.split()[1] != "-1"
            }
            assert there <= {CLASSES[position % len(CLASSES)]}, "hidden it may be"


def test_no_picture_is_one_of_scenes(folder: Path, tmp_path: Path) -> None:
    generate(tmp_path, sizes={"train": 5, "val": 5, "test": 5})
    of_scenes = {path.name for path in (tmp_path / "VOCdevkit" / "Scenes" / "JPEGImages").iterdir()}
    assert not of_scenes & {path.name for path in (folder / "JPEGImages").iterdir()}


def test_the_sizes_are_those_of_the_catalogue() -> None:
    counts = DATASETS["scenes-objects"].counts
    assert counts["trainval"].images == OBJECT_SIZES["train"] + OBJECT_SIZES["val"]
    assert counts["objects"].images == OBJECT_SIZES["objects"]


def test_the_weights_are_those_of_the_demo_s_backbone_and_of_no_other() -> None:
    weights = initial_weights("scenes-objects")
    assert weights.file == PACKAGED["scenes-objects"] and weights.file.stat().st_size < 2**20
    started, drawn = build_backbone("timm/test_byobnet", weights), build_backbone("timm/test_byobnet")
    assert not all(
        torch.equal(one, other) for one, other in zip(started.parameters(), drawn.parameters(), strict=True)
    )
    with pytest.raises(UserError, match="do not fit"):
        build_backbone("timm/resnet18", weights)
