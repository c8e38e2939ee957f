"""Recognise a data set of one's own by what lies in a folder, and describe it as a YAML file would."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench.datasets.catalog import DATASET_CATALOGUE
from bench.datasets.layouts.walk import kind_of
from bench.datasets.recognise.coco_signs import coco_files
from bench.datasets.recognise.signs import (
    EVERY,
    Found,
    Sign,
    class_folders,
    hugging_face_tables,
    yolo_files,
)
from bench.datasets.recognise.table_pictures import why_none
from bench.datasets.recognise.table_signs import csv_tables
from bench.datasets.recognise.voc_signs import voc_trees
from bench.errors import UserError, cut
from bench.names import file_name

SIGNS: Mapping[str, Sign] = {
    "a VOC tree": voc_trees,
    "COCO's JSON": coco_files,
    "a CSV file that names pictures": csv_tables,
    "YOLO's data.yaml": yolo_files,
    "tables of Hugging Face's": hugging_face_tables,
}
"""The signs of each layout, by what they look for."""
LAST: Mapping[str, Sign] = {"a folder for each class": class_folders}
"""Looked for where there is nothing else: folders with pictures are a part of other layouts."""


class Recognised(NamedTuple):
    """A data set in a folder.

    Attributes:
        root: the folder.
        found: what was recognised.
    """

    root: Path
    found: Found

    def fields(self, name: str, beside: Path) -> dict[str, Any]:
        """The fields of a YAML file.

        Args:
            name: of the data set.
            beside: the folder that the file is written to.
        """
        root, home = self.root.resolve(), beside.resolve()
        place = root.relative_to(home).as_posix() if root.is_relative_to(home) else str(root)
        of_root = {} if place == "." else {"root": place}
        return {"name": name, **of_root, self.found.section: self.found.fields, "splits": self.found.splits}


def recognise(place: Path) -> Recognised:
    """The one data set that a folder holds, or that a file describes.

    Raises:
        UserError: there is none, or more than one, or something of it cannot be told; with what there is.
    """
    kind = kind_of(place)
    if kind not in ("file", "folder"):
        raise UserError(f"There is no file or folder {place}.")
    root, pattern = (
        (place, EVERY) if kind == "folder" else (place.parent, re.sub(r"([*?\[])", r"[\1]", place.name))
    )
    found = _only(SIGNS, place, root, pattern)
    if found is not None:
        return Recognised(root, found)
    cause = why_none(root, pattern)
    try:
        found = _only(LAST, place, root, pattern)
    except UserError:
        if cause is None:
            raise
    if found is not None:
        passed_over = f"; not used: {cause}" if cause else ""
        return Recognised(root, found._replace(seen=f"{found.seen}{passed_over}"))
    if cause is not None:
        raise UserError(f"{cause}.")
    there = cut(", ".join(sorted(entry.name for entry in root.iterdir())[:8]), 400) or "nothing"
    known = ", ".join((*SIGNS, *LAST))
    raise UserError(f"{place} is none of what is recognised: {known}; {root} holds {there}.")


def _only(signs: Mapping[str, Sign], place: Path, root: Path, pattern: str) -> Found | None:
    """The one data set that has one of some signs; None where there is none, and a UserError for several."""
    found = [one for sign in signs.values() for one in sign(root, pattern)]
    if len(found) > 1:
        seen = cut("; or ".join(one.seen for one in found), 1000)
        raise UserError(
            f"{place} may be several data sets: {seen}; name the file or folder of one as --from."
        )
    return found[0] if found else None


def name_for(root: Path) -> str:
    """A name for the data set in a folder, after that of the folder.

    Raises:
        UserError: the name of the folder has nothing for one.
    """
    name = re.sub(r"[^a-z0-9._-]+", "-", root.resolve().name.lower()).strip("._-")
    if not name:
        raise UserError(f"The name of {root} has no letter or digit to name the data set by; give a NAME.")
    return file_name(f"my-{name}" if name in DATASET_CATALOGUE.names() else name, "name of the folder")
