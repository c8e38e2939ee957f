"""Starting a run from a model that was trained before: what of it is taken."""

import re
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

Parts = Literal["backbone", "class-independent", "all"]
DEFAULT_PARTS: Parts = "class-independent"

# Classes of Pascal VOC that have another name in COCO: the same class, whose weights can be taken over.
COCO_NAMES_OF_VOC_CLASSES = {
    "aeroplane": "airplane",
    "diningtable": "dining table",
    "motorbike": "motorcycle",
    "pottedplant": "potted plant",
    "sofa": "couch",
    "tvmonitor": "tv",
}


class InitFrom(BaseModel):
    """What a run started from, other than the weights that its schedule names.

    Attributes:
        file: the name of the model's file, without its folder.
        sha256: of the file.
        method: the method in the file, with its options.
        parts: what was taken: the backbone; also what of the head does not depend on the classes; or all,
            which adds what depends on the classes, for those that both have.
        classes: how many classes both have, by name, where they were mapped; otherwise 0.
        data: what the model was trained on, where its file says so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    sha256: str
    method: str
    parts: Parts
    classes: int
    data: str | None = None

    def describe(self) -> str:
        """A part of a sentence: where the weights come from and which were taken."""
        taken = {
            "backbone": "its backbone alone",
            "class-independent": "all but what depends on the classes",
            "all": f"all, {self.classes} classes by name",
        }
        trained_on = f" trained on {self.data}" if self.data else ""
        return f"{self.file} ({self.method}{trained_on}, sha256 {self.sha256[:12]}): {taken[self.parts]}"


def corresponding(own: Sequence[str], others: Sequence[str]) -> list[tuple[int, int]]:
    """The positions of the classes that two label spaces have in common, by name.

    Case, blanks, hyphens and underscores do not count, and classes of VOC go by their names in COCO.
    """
    places = {_canonical(name): place for place, name in enumerate(others)}
    pairs = ((place, places.get(_canonical(name))) for place, name in enumerate(own))
    return [(place, other) for place, other in pairs if other is not None]


def _canonical(name: str) -> str:
    plain = re.sub(r"[\s_-]+", " ", name.lower()).strip()
    return COCO_NAMES_OF_VOC_CLASSES.get(plain.replace(" ", ""), plain)
