"""Write small trees in the published layouts of COCO, NUS-WIDE and Visual Genome."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.datasets.classes import COCO_CLASSES, NUSWIDE_CONCEPTS
from trees import write_picture

# The ids that COCO's 80 categories leave out of 1 to 90.
UNUSED = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
COCO_IDS = tuple(number for number in range(1, 91) if number not in UNUSED)

# By split and image, the label of every object of the image.
Splits = Mapping[str, Mapping[Any, Sequence[str]]]
COCO_SPLITS: Splits = {
    "train2014": {
        30: ["vase", "potted plant"],
        9: ["bowl", "broccoli", "orange", "bowl"],
        25: ["giraffe", "giraffe"],
        36: [],
        109: ["person", "tie"],
    },
    "val2014": {42: ["dog"], 74: ["dog", "bicycle", "person"], 73: ["motorcycle"], 133: ["toothbrush"]},
}
NUSWIDE_SPLITS: Splits = {
    "train": {
        "actor/0002_174174086": ["person"],
        "zoo/0001_2124494179": ["animal", "zebra"],
        "actor/0001_2124494179": ["person", "airport"],
        "bay/0007_815043568": [],
    },
    "test": {
        "bay/0003_815043568": ["ocean", "sky", "clouds"],
        "actor/0009_1100787682": ["person"],
        "zoo/0004_5": [],
    },
}
VG_SPLITS: Splits = {
    "train": {2317429: ["tree", "man", "tree"], 61: ["man", "shirt"], 2400001: ["wing of a bird"]},
    "test": {2: ["man", "tree"], 1592810: ["shirt", "man", "man"]},
}


def coco_content(
    images: Mapping[int, Sequence[str]], prefix: str = "", names: Sequence[str] = COCO_CLASSES
) -> dict[str, Any]:
    """The content of an annotation file, in COCO's format; the first object of each image is a crowd."""
    ids = COCO_IDS if len(names) == len(COCO_IDS) else range(1, len(names) + 1)
    category = dict(zip(names, ids, strict=True))
    objects = [(image, name, not k) for image, found in images.items() for k, name in enumerate(found)]
    return {
        "info": {"year": 2014},
        "images": [
            {"id": image, "file_name": f"{prefix}{image:012d}.jpg", "width": 48, "height": 36}
            for image in images
        ],
        "categories": [
            {"id": number, "name": name, "supercategory": "thing"} for name, number in category.items()
        ],
        "annotations": [
            {
                **{"id": 900 + number, "image_id": image, "category_id": category[name]},
                **{"iscrowd": int(crowd), "bbox": [1, 1, 9, 9], "area": 81},
                "segmentation": [[1.0, 1.0, 9.0, 1.0, 9.0, 9.0]],
            }
            for number, (image, name, crowd) in enumerate(objects)
        ],
    }


def write_coco(root: Path, splits: Splits = COCO_SPLITS) -> Path:
    """Write `root/coco` with annotations and pictures in COCO 2014's layout, and return it."""
    folder = root / "coco"
    (folder / "annotations").mkdir(parents=True)
    for split, images in splits.items():
        content = coco_content(images, f"COCO_{split}_")
        (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
        (folder / split).mkdir()
        for image in content["images"]:
            write_picture(folder / split / image["file_name"], seed=image["id"])
    return folder


def write_nuswide(root: Path, splits: Splits = NUSWIDE_SPLITS, pictures: bool = True) -> Path:
    """Write `root/nuswide` in the published layout, and return it.

    The whole list is sorted, the split lists are in the order given.
    """
    folder = root / "nuswide"
    for part in ("ConceptsList", "Groundtruth/AllLabels", "ImageList", "Flickr"):
        (folder / part).mkdir(parents=True)
    write_lines(folder / "ConceptsList" / "Concepts81.txt", NUSWIDE_CONCEPTS)
    labels = {image: found for images in splits.values() for image, found in images.items()}
    _write_image_list(folder / "ImageList" / "Imagelist.txt", sorted(labels))
    for split, images in splits.items():
        _write_image_list(folder / "ImageList" / f"{split.capitalize()}Imagelist.txt", images)
    column = {name: number for number, name in enumerate(NUSWIDE_CONCEPTS)}
    # Each column is a file: 0 or 1, and the end of the line.
    text = np.full((len(NUSWIDE_CONCEPTS), len(labels), 2), (ord("0"), ord("\n")), dtype=np.uint8)
    for row, image in enumerate(sorted(labels)):
        for name in labels[image]:
            text[column[name], row, 0] = ord("1")
    for name, number in column.items():
        (folder / "Groundtruth" / "AllLabels" / f"Labels_{name}.txt").write_bytes(text[number].tobytes())
    for seed, image in enumerate(sorted(labels) if pictures else ()):
        (folder / "Flickr" / image).parent.mkdir(exist_ok=True)
        write_picture(folder / "Flickr" / f"{image}.jpg", seed)
    return folder


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """A list with the line ends of the published ones."""
    path.write_text("".join(f"{line}\r\n" for line in lines), newline="")


def _write_image_list(path: Path, images: Iterable[str]) -> None:
    write_lines(path, (image.replace("/", "\\") + ".jpg" for image in images))


def write_vg(root: Path, splits: Splits = VG_SPLITS, names: int = 500) -> Path:
    """Write `root/vg` as published, and return it; images with odd ids lie in the second folder.

    One image that is in no list has as many further names, each once, as it takes to come to `names`, and one
    more.
    """
    folder = root / "vg"
    for part in ("VG_100K", "VG_100K_2"):
        (folder / part).mkdir(parents=True)
    images = {image: found for listed in splits.values() for image, found in listed.items()}
    used = {name for found in images.values() for name in found}
    others = {1: [f"thing {number}" for number in range(names - len(used) + 1)]}
    content = [
        {"image_id": image, "objects": [vg_object(name) for name in found], "image_url": "https://"}
        for image, found in {**images, **others}.items()
    ]
    (folder / "objects.json").write_text(json.dumps(content))
    for split, listed in splits.items():
        (folder / f"{split}_list_{names}.txt").write_text("".join(f"{image}.jpg\n" for image in listed))
    for image in images:
        write_picture(folder / ("VG_100K", "VG_100K_2")[image % 2] / f"{image}.jpg", seed=image)
    return folder


def vg_object(name: str) -> dict[str, Any]:
    """An object as Visual Genome describes it: the first of its names counts."""
    return {
        **{"object_id": 1, "merged_object_ids": [], "synsets": ["thing.n.01"], "names": [name, "other"]},
        **{"x": 1, "y": 1, "w": 9, "h": 9},
    }
