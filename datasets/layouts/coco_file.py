"""One file of COCO's annotations: read, its parts and references checked."""

import json
import mmap
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from bench.datasets.listing import Problem, refuse_control_characters
from bench.errors import UserError, cut
from bench.files import open_text

# What is needed of each part, and of which type; the rest of the format is not looked at.
# Tools other than COCO's number by strings, UUIDs among them.
Id = int | str
FIELDS: dict[str, dict[str, tuple[type, ...]]] = {
    "categories": {"id": (int, str), "name": (str,)},
    "images": {"id": (int, str), "file_name": (str,)},
    "annotations": {"image_id": (int, str), "category_id": (int, str)},
}


def order(given: Id) -> tuple[bool, Id]:
    """Numbers before strings."""
    return isinstance(given, str), given


def shown(given: Id) -> str:
    """As messages and lists name it: a string may hold anything."""
    return cut(repr(given))


def categories(content: dict[str, Any], path: Path) -> tuple[dict[Id, str], dict[Id, str]]:
    """Category names by id, in the order of the ids: those that are classes, and those that stand above them.

    Exports have a root that is the supercategory of all others and that nothing is annotated with.
    """
    by_id = _by_id(content["categories"], "categories", path)
    used = {annotation["category_id"] for annotation in content["annotations"]}
    children = Counter(
        one["supercategory"] for one in by_id.values() if isinstance(one.get("supercategory"), str)
    )
    names: dict[Id, str] = {}
    parents: dict[Id, str] = {}
    for category in sorted(by_id, key=order):
        name = by_id[category]["name"]
        refuse_control_characters(name, f"{path}: the category {shown(category)}")
        if isinstance(category, int) and category < 0:
            raise UserError(f"{path}: the category '{name}' has the negative id {category}.")
        is_its_own = by_id[category].get("supercategory") == name
        if category not in used and children[name] > is_its_own:
            parents[category] = name
            continue
        if name in names.values():
            raise UserError(f"{path}: there are several categories '{name}'; names must be unique.")
        names[category] = name
    return names, parents


def _by_id(entries: list[dict[str, Any]], part: str, path: Path) -> dict[Id, dict[str, Any]]:
    found: dict[Id, dict[str, Any]] = {}
    for number, entry in enumerate(entries):
        if entry["id"] in found:
            raise UserError(f"{path}: {part}[{number}] has the id {shown(entry['id'])} of an earlier one.")
        found[entry["id"]] = entry
    return found


def load(path: Path) -> dict[str, Any]:
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
    except (ValueError, RecursionError) as error:  # also a number of 5,000 digits
        raise UserError(f"{path} is not JSON in UTF-8: {cut(str(error))}.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no COCO annotations, but a JSON {type(content).__name__}.")
    for part, fields in FIELDS.items():
        if not isinstance(content.get(part), list):
            raise UserError(f"{path} has no list '{part}', so it is not COCO's instance annotations.")
        for number, entry in enumerate(content[part]):
            _check_fields(entry, fields, f"{path}: {part}[{number}]")
    return content


def file_names(path: Path) -> Iterator[str]:
    """What an annotation file calls its images, found in its text: it is neither parsed nor checked."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for found in re.finditer(rb'"file_name"\s*:\s*("(?:[^"\\]|\\.){1,1000}")', content):
                if name := _text(found[1]):
                    yield name
    except (OSError, ValueError):  # an empty file cannot be mapped
        return


def _text(quoted: bytes) -> str:
    """A string of JSON; empty where it is none."""
    try:
        return str(json.loads(quoted))
    except ValueError:
        return ""


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


def take_out_orphans(content: dict[str, Any], path: Path) -> list[Problem]:
    """Take out the annotations of images that are not there, as they are where somebody deleted images.

    Raises:
        UserError: an annotation is of a category that is not there.
    """
    images, known = (_by_id(content[part], part, path) for part in ("images", "categories"))
    orphans: dict[Id, list[str]] = {}
    for number, annotation in enumerate(content["annotations"]):
        if type(annotation.get("id")) not in (int, str):
            annotation["id"] = f"number {number}"
        name, category = str(annotation["id"]), annotation["category_id"]
        if category not in known:
            found = f"category_id {shown(category)}, which is not in 'categories'"
            raise UserError(f"{path}: annotation {cut(name)} has {found}.")
        if annotation["image_id"] not in images:
            orphans.setdefault(annotation["image_id"], []).append(name)
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] in images]
    return [
        Problem(f"image_id {shown(image)}", path, f"is not in 'images', but {_listed(annotations)}")
        for image, annotations in orphans.items()
    ]


def _listed(annotations: Sequence[str]) -> str:
    first = cut(", ".join(annotations[:5]) + (", ..." if len(annotations) > 5 else ""))
    return f"{len(annotations)} annotations are of it: {first}"
