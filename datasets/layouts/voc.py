"""The PASCAL VOC devkit layout: JPEGImages, Annotations, ImageSets/Main."""

import os
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

from bench.datasets.layout import ALL, VOCDevkit
from bench.datasets.listing import Listing, Problem, label_matrix, missing_tree, read_lines, refuse_duplicates
from bench.errors import UserError
from bench.progress import Progress

PARTS = ("JPEGImages", "Annotations", "ImageSets/Main")


def find(root: Path, layout: VOCDevkit) -> Path:
    """The folder that holds a year of the devkit, given it, its parent, or the parent of `VOCdevkit`."""
    folder = layout.folder
    candidates = [root / "VOCdevkit" / folder, root / folder, root] if folder else [root]
    for candidate in candidates:
        named = not folder or candidate.name == Path(folder).name
        if named and (candidate / PARTS[2]).is_dir():
            missing = [part for part in PARTS[:2] if not (candidate / part).is_dir()]
            if missing:
                raise UserError(
                    f"{candidate} is incomplete: it has no {' and no '.join(missing)}; "
                    "unpack the whole archive there."
                )
            return candidate
    places = dict.fromkeys(os.path.relpath(place / PARTS[2], root) for place in candidates[:2])
    raise missing_tree(root, layout, " and ".join(places))


def class_names(folder: Path, layout: VOCDevkit) -> tuple[str, ...]:
    """Every name that an annotation of the images in use gives, in alphabetical order.

    An annotation that cannot be read names nothing here: `read` reports it with its image.
    """
    names: set[str] = set()
    for file in _annotations(folder, layout):
        with suppress(OSError, ValueError):
            names |= read_annotation(folder / file).keys()
    return tuple(sorted(names))


def class_sources(folder: Path, layout: VOCDevkit) -> tuple[str, ...]:
    """The lists, and every annotation of their images that is there."""
    lists = tuple(f"{PARTS[2]}/{split}.txt" for split in layout.lists)
    return (*lists, *_annotations(folder, layout))


def _annotations(folder: Path, layout: VOCDevkit) -> list[str]:
    """The annotations of the images in use: of the lists, or of all images where the splits are drawn."""
    there = _annotated(folder)
    if layout.lists:
        known = set(there)
        listed = (image for split in layout.lists for image in _read_list(folder / PARTS[2] / f"{split}.txt"))
        there = [image for image in dict.fromkeys(listed) if image in known]
    return [f"Annotations/{image}.xml" for image in there]


def _annotated(folder: Path) -> list[str]:
    """The images that have an annotation, sorted. Hidden files are not annotations: macOS writes some."""
    return sorted(
        entry.stem for entry in (folder / "Annotations").glob("*.xml") if not entry.name.startswith(".")
    )


def read(
    folder: Path, layout: VOCDevkit, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """Read the list of a split and the annotation of every image in it."""
    path = folder / "ImageSets" / "Main" / f"{split}.txt"
    ids = tuple(_annotated(folder)) if split == ALL else _read_list(path)
    files = tuple(f"JPEGImages/{image}.jpg" for image in ids)
    lists = () if split == ALL else (path.relative_to(folder).as_posix(),)
    labels = label_matrix(len(ids), classes)
    if split in layout.unlabelled:
        labels[:] = 0
        return Listing(ids, files, labels, lists)
    column = {name: position for position, name in enumerate(classes)}
    problems = []
    for row, image in enumerate(ids):
        annotation = folder / "Annotations" / f"{image}.xml"
        try:
            found = read_annotation(annotation)
        except FileNotFoundError:
            problems.append(Problem(image, annotation, "does not exist"))
            continue
        except (OSError, ValueError) as error:
            problems.append(Problem(image, annotation, f"cannot be read: {error}"))
            continue
        unknown = sorted(found.keys() - column.keys())
        if unknown:
            problems.append(Problem(image, annotation, f"names classes that are not in the list: {unknown}"))
        for name in found.keys() & column.keys():
            labels[row, column[name]] = found[name]
        if progress is not None:
            progress(row + 1, len(ids))
    sources = (*lists, *(f"Annotations/{image}.xml" for image in ids))
    return Listing(ids, files, labels, sources, tuple(problems))


def _read_list(path: Path) -> tuple[str, ...]:
    """The image ids of a split, in the order of `ImageSets/Main/SPLIT.txt`."""
    if not path.is_file():
        there = sorted(x.stem for x in path.parent.glob("*.txt") if "_" not in x.stem and x.name[0] != ".")
        raise UserError(f"No list {path}; the lists there are: {', '.join(there) or 'none'}.")
    ids = tuple(read_lines(path))
    refuse_duplicates(ids, path)
    return ids


def read_annotation(path: Path) -> dict[str, int]:
    """The classes of one image: 1 where any object is not difficult, else 0.

    Raises:
        ValueError: the file is not XML, not an annotation, or an object lacks its name.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # LookupError: an unknown encoding
        raise ValueError(f"not well-formed XML: {error}") from error
    if root.tag != "annotation":
        raise ValueError(f"not an annotation but <{root.tag}>")
    found: dict[str, int] = {}
    for number, element in enumerate(root.iter("object"), start=1):
        name = (element.findtext("name") or "").strip()
        if not name:
            raise ValueError(f"object {number} has no name")
        # Tools write Unspecified, False, or nothing at all for what is not difficult.
        difficult = (element.findtext("difficult") or "").strip().lower() in ("1", "true")
        found[name] = max(found.get(name, 0), int(not difficult))
    return found
