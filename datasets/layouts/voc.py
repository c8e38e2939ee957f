"""The PASCAL VOC devkit layout: JPEGImages, Annotations, ImageSets/Main."""

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
        if candidate.name == (folder or candidate.name) and (candidate / PARTS[2]).is_dir():
            missing = [part for part in PARTS[:2] if not (candidate / part).is_dir()]
            if missing:
                raise UserError(
                    f"{candidate} is incomplete: it has no {' and no '.join(missing)}; "
                    "unpack the whole archive there."
                )
            return candidate
    raise missing_tree(
        root, layout, " and ".join(f"{place.relative_to(root) / PARTS[2]}" for place in candidates[:2])
    )


def class_names(folder: Path, layout: VOCDevkit) -> tuple[str, ...]:
    """Every name that an annotation gives, in alphabetical order."""
    names: set[str] = set()
    for path in sorted((folder / "Annotations").glob("*.xml")):
        try:
            names |= read_annotation(path).keys()
        except (OSError, ValueError) as error:
            raise UserError(f"{path} cannot be read: {error}.") from error
    return tuple(sorted(names))


def class_sources(folder: Path, layout: VOCDevkit) -> tuple[str, ...]:
    """Every annotation."""
    return tuple(f"Annotations/{path.name}" for path in sorted((folder / "Annotations").glob("*.xml")))


def read(
    folder: Path, layout: VOCDevkit, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """Read the list of a split and the annotation of every image in it."""
    path = folder / "ImageSets" / "Main" / f"{split}.txt"
    if split == ALL:
        ids = tuple(sorted(entry.stem for entry in (folder / "Annotations").glob("*.xml")))
    else:
        ids = _read_list(path)
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
        there = sorted(entry.stem for entry in path.parent.glob("*.txt") if "_" not in entry.stem)
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
        difficult = (element.findtext("difficult") or "0").strip()
        if not name or difficult not in ("0", "1"):
            raise ValueError(f"object {number} has name '{name}' and difficult '{difficult}'")
        found[name] = max(found.get(name, 0), 1 - int(difficult))
    return found
