"""COCO's instance annotations: one JSON file per split, its images in a folder."""

import io
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from pycocotools.coco import COCO

from bench.datasets.layout import COCOInstances
from bench.datasets.listing import (
    Listing,
    label_matrix,
    missing_tree,
    places,
    refuse_control_characters,
    refuse_duplicates,
)
from bench.errors import UserError, cut
from bench.files import open_text
from bench.progress import Progress

NAMES = frozenset({"coco", "coco2014", "mscoco", "mscoco2014"})
# What is needed of each part, and of which type; the rest of the format is not looked at.
# Tools other than COCO's number by strings, UUIDs among them.
Id = int | str
FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "categories": {"id": (int, str), "name": (str,)},
    "images": {"id": (int, str), "file_name": (str,)},
    "annotations": {"image_id": (int, str), "category_id": (int, str)},
}


def find(root: Path, layout: COCOInstances) -> Path:
    """The folder that holds the annotations: the data root, or one in it that is called coco or alike."""
    folders = places(root, NAMES)
    for folder in folders:
        if any((folder / file).is_file() for file in layout.annotations.values()):
            _refuse_incomplete(folder, layout)
            return folder
    wanted = next(iter(layout.annotations.values()))
    for folder in folders:
        others = sorted(path.name for path in (folder / wanted).parent.glob("*.json"))
        if others:
            raise UserError(
                f"{(folder / wanted).parent} has no {Path(wanted).name}; it has {', '.join(others[:8])}: "
                "another year's annotations, or not all of them."
            )
    raise missing_tree(root, layout, f"{wanted}, here or in coco")


def _refuse_incomplete(folder: Path, layout: COCOInstances) -> None:
    missing = [f"no {file}" for file in layout.annotations.values() if not (folder / file).is_file()]
    for images in dict.fromkeys(layout.images.values()):
        if not (folder / images).is_dir():
            missing.append(f"no folder {images}")
        elif not any((folder / images).iterdir()):
            missing.append(f"nothing in {images}")
    if missing:
        raise UserError(
            f"{folder} is incomplete: there is {' and '.join(missing)}; unpack the whole archives there."
        )


def class_names(folder: Path, layout: COCOInstances) -> tuple[str, ...]:
    """The categories of every annotation file, by id; those that only a later file has come last."""
    names: dict[str, None] = {}
    for file in class_sources(folder, layout):
        names |= dict.fromkeys(_categories(_load(folder / file), folder / file).values())
    return tuple(names)


def class_sources(folder: Path, layout: COCOInstances) -> tuple[str, ...]:
    """Every annotation file."""
    return tuple(dict.fromkeys(layout.annotations.values()))


def read(
    folder: Path, layout: COCOInstances, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The images of a split by their id, each with the classes that any of its annotations names.

    Crowds count like single objects, as in the codes of ML-GCN and SSGRL. Classes are found by their
    names, so that the columns follow `classes` whatever the order of the categories is.
    """
    if split not in layout.annotations:
        raise UserError(f"No annotations are named for the split '{split}', only for: {_known(layout)}.")
    file = layout.annotations[split]
    path = folder / file
    coco = _index(_load(path), path)
    column_of = {name: column for column, name in enumerate(classes)}
    names = {
        category: entry["name"]
        for category, entry in sorted(coco.cats.items(), key=lambda item: _order(item[0]))
    }
    _compare_classes(names, classes, folder, layout, path)
    chosen = [
        image for image in sorted(coco.imgs, key=_order) if layout.keep_unannotated or image in coco.imgToAnns
    ]
    labels = label_matrix(len(chosen), classes)
    for row, image in enumerate(chosen):
        for annotation in coco.imgToAnns.get(image, ()):
            labels[row, column_of[names[annotation["category_id"]]]] = 1
        if progress is not None:
            progress(row + 1, len(chosen))
    prefix = PurePosixPath(layout.images[split])
    images = [_place(coco.imgs[image]["file_name"], folder / prefix, path) for image in chosen]
    ids = _image_ids(images)
    refuse_duplicates(ids, path)
    return Listing(ids, tuple((prefix / image).as_posix() for image in images), labels, (file,))


def _order(given: Id) -> tuple[bool, Id]:
    """Numbers before strings."""
    return isinstance(given, str), given


def _place(name: str, folder: Path, path: Path) -> PurePosixPath:
    """Where an image lies in the folder of the images.

    Names with backslashes or of a web address begin with folders of the machine that wrote them: the longest
    end of such a name that is a file is taken.
    """
    refuse_control_characters(name, str(path))
    is_address = "://" in name
    if not is_address and "\\" not in name:
        return PurePosixPath(name)
    text = unquote(urlsplit(name).path) if is_address else name.replace("\\", "/")
    refuse_control_characters(text, str(path))
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    if not parts:
        raise UserError(f"{path}: the image name {name!r} names no file.")
    ends = [PurePosixPath(*parts[start:]) for start in range(len(parts))]
    return next((end for end in ends if (folder / end).is_file()), ends[-1])


def _image_ids(images: Sequence[PurePosixPath]) -> tuple[str, ...]:
    """Names without suffix, except where only the suffix tells images apart."""
    stems = Counter(image.with_suffix("") for image in images)
    return tuple(
        (image.with_suffix("") if stems[image.with_suffix("")] == 1 else image).as_posix() for image in images
    )


def _known(layout: COCOInstances) -> str:
    return ", ".join(layout.annotations)


def _compare_classes(
    names: dict[Id, str], classes: tuple[str, ...], folder: Path, layout: COCOInstances, path: Path
) -> None:
    """UserError where the categories are not those of the data set."""
    for category, name in names.items():
        if name not in classes:
            raise UserError(
                f"{path}: the category '{name}' (id {category}) is not in the class list of the data set."
            )
    missing = [name for name in classes if name not in names.values()]
    # A split may lack a class that another one has.
    if missing and (absent := set(missing).difference(class_names(folder, layout))):
        first = next(name for name in missing if name in absent)
        raise UserError(f"{path}: the categories do not list the class '{first}' of the data set.")


def _index(content: dict[str, Any], path: Path) -> COCO:
    """Pycocotools' index of an annotation file, whose references have been followed."""
    categories = _categories(content, path)
    for number, annotation in enumerate(content["annotations"]):
        annotation.setdefault("id", f"number {number}")
    images = _by_id(content["images"], "images", path)
    for annotation in content["annotations"]:
        for field, known in (("image_id", images), ("category_id", categories)):
            if annotation[field] not in known:
                part = "images" if field == "image_id" else "categories"
                raise UserError(
                    f"{path}: annotation {annotation['id']} has {field} {annotation[field]}, which is not in "
                    f"'{part}'."
                )
    coco = COCO()
    coco.dataset = content
    with redirect_stdout(io.StringIO()):  # it prints what it does
        coco.createIndex()
    return coco


def _categories(content: dict[str, Any], path: Path) -> dict[Id, str]:
    """Category names by id, in the order of the ids."""
    by_id = _by_id(content["categories"], "categories", path)
    names: dict[Id, str] = {}
    for category in sorted(by_id, key=_order):
        name = by_id[category]["name"]
        refuse_control_characters(name, f"{path}: the category {category}")
        if isinstance(category, int) and category < 0:
            raise UserError(f"{path}: the category '{name}' has the negative id {category}.")
        if name in names.values():
            raise UserError(f"{path}: there are several categories '{name}'; names must be unique.")
        names[category] = name
    return names


def _by_id(entries: list[dict[str, Any]], part: str, path: Path) -> dict[Id, dict[str, Any]]:
    found: dict[Id, dict[str, Any]] = {}
    for number, entry in enumerate(entries):
        if entry["id"] in found:
            raise UserError(f"{path}: {part}[{number}] has the id {entry['id']} of an earlier one.")
        found[entry["id"]] = entry
    return found


def _load(path: Path) -> dict[str, Any]:
    """An annotation file whose parts and fields are all there.

    Raises:
        UserError: the file is not JSON, or is cut, or lacks a part or a field; says where.
    """
    try:
        with open_text(path) as file:
            content = json.load(file, object_hook=_without_outline)
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path} is not whole JSON: {error.msg} at character {error.pos} (line {error.lineno}) of "
            f"{len(error.doc)}; it may be cut off, so fetch it again."
        ) from None  # the error holds the whole text
    except (
        ValueError,
        RecursionError,
    ) as error:  # also a number of 5,000 digits
        raise UserError(f"{path} is not JSON in UTF-8: {cut(str(error))}.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no COCO annotations, but a JSON {type(content).__name__}.")
    for part, fields in FIELDS.items():
        if not isinstance(content.get(part), list):
            raise UserError(f"{path} has no list '{part}', so it is not COCO's instance annotations.")
        for number, entry in enumerate(content[part]):
            _check_fields(entry, fields, f"{path}: {part}[{number}]")
    return content


def _without_outline(entry: dict[str, Any]) -> dict[str, Any]:
    """Outlines are most of a file; dropped while it is read, they do not pile up in memory."""
    entry.pop("segmentation", None)
    return entry


def _check_fields(entry: Any, fields: dict[str, tuple[type, ...]], where: str) -> None:
    if not isinstance(entry, dict):
        raise UserError(f"{where} is not an object.")
    for field, kinds in fields.items():
        value = entry.get(field)
        # Not isinstance: true is an int.
        if type(value) not in kinds or value == "":
            named = f" (id {entry['id']})" if field != "id" and "id" in entry else ""
            names = " or ".join(kind.__name__ for kind in kinds)
            found = f"is {cut(repr(value))}, which is no {names}" if field in entry else "is missing"
            raise UserError(f"{where}{named}: '{field}' {found}.")
    if "file_name" in fields and not PurePosixPath(entry["file_name"]).name:
        raise UserError(f"{where}: 'file_name' is '{cut(entry['file_name'])}', which names no file.")
