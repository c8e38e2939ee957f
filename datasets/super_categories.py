"""The super-categories of classes, as their data sets have them."""

from collections.abc import Iterable, Mapping
from typing import Final

from bench.datasets.classes import COCO_CLASSES

Groups = Mapping[str, tuple[str, ...]]

# The tree of classes in the VOC2007 development kit's documentation.
VOC_GROUPS: Final[Groups] = {
    "person": ("person",),
    "animal": ("bird", "cat", "cow", "dog", "horse", "sheep"),
    "vehicle": ("aeroplane", "bicycle", "boat", "bus", "car", "motorbike", "train"),
    "indoor": ("bottle", "chair", "diningtable", "pottedplant", "sofa", "tvmonitor"),
}

# The `supercategory` of each category in the annotations, which list the categories one group after another.
_COCO_SIZES: Final = {
    "person": 1,
    "vehicle": 8,
    "outdoor": 5,
    "animal": 10,
    "accessory": 5,
    "sports": 10,
    "kitchen": 7,
    "food": 10,
    "furniture": 6,
    "electronic": 6,
    "appliance": 5,
    "indoor": 7,
}


def _in_a_row(sizes: Mapping[str, int], names: tuple[str, ...]) -> Groups:
    found, start = {}, 0
    for group, size in sizes.items():
        found[group] = names[start : start + size]
        start += size
    return found


COCO_GROUPS: Final = _in_a_row(_COCO_SIZES, COCO_CLASSES)


def groups_of(classes: Iterable[str]) -> Groups | None:
    """The super-categories of VOC or COCO where these are its classes or some of them; else None."""
    wanted = set(classes)
    for groups in (VOC_GROUPS, COCO_GROUPS):
        if wanted <= {name for names in groups.values() for name in names}:
            return {
                group: tuple(name for name in names if name in wanted)
                for group, names in groups.items()
                if wanted & set(names)
            }
    return None
