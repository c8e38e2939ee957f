"""What a VOC tree is told by, and what a YAML file says of it then."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.datasets.layout import VOCDevkit
from bench.datasets.layouts.annotation import read_annotation
from bench.datasets.layouts.voc_files import EACH, LISTS, XML, places_of, side_by_side
from bench.datasets.layouts.voc_splits import lists_in
from bench.datasets.layouts.walk import entries
from bench.datasets.pictures.read import SUFFIXES
from bench.datasets.recognise.signs import EVERY, Found, files_in, folders_below, pair, relative, splits_of
from bench.datasets.recognise.table_pictures import FOLDERS
from bench.datasets.tree import files_below
from bench.errors import UserError, cut

Parts = tuple[str, str]
"""The folders of the annotations and of the pictures in a tree."""
USUAL: Parts = (VOCDevkit.annotations, VOCDevkit.images)
BESIDE: Parts = (".", ".")
"""XML files lie beside their pictures."""


def voc_trees(root: Path, pattern: str) -> Iterator[Found]:
    """Annotations and JPEGImages up to two folders below, two folders like them, or XML beside pictures."""
    if pattern != EVERY:
        return
    usual = {home: USUAL for home in folders_below(root, 2) if all((home / part).is_dir() for part in USUAL)}
    for home, parts in (_of_splits(usual or _apart(root)) or _beside(root)).items():
        if (home / LISTS).is_dir():
            splits = [path.stem for path in lists_in(home)]
        elif EACH in parts[0]:
            splits = list(places_of(home, parts[0]))
        else:
            splits = entries(home / parts[0], root).folders
        said = splits_of(splits)
        fields = {} if home == root else {"folder": relative(home, root)}
        if parts not in (USUAL, BESIDE):
            fields |= dict(zip(("annotations", "images"), parts, strict=True))
        yield Found("voc", fields, said[0], f"the VOC tree {home}; {said[1]}")


def _of_splits(trees: Mapping[Path, Parts]) -> Mapping[Path, Parts]:
    """Trees in one folder that are alike and called as splits are one tree; others are as they are."""
    homes, parts = {home.parent for home in trees}, set(trees.values())
    if len(homes) == len(parts) == 1 and pair(home.name for home in trees):
        ((annotations, images),) = parts
        return {homes.pop(): (f"{EACH}/{annotations}", f"{EACH}/{images}")}
    return trees


def _apart(root: Path) -> Mapping[Path, Parts]:
    """The folders, of which one holds XML files alone and one pictures alone, whatever they are called."""
    if not files_below(root, XML).files:
        return {}
    found = {home: _parts(home) for home in folders_below(root, 1)}
    return {home: parts for home, parts in found.items() if parts}


def _parts(home: Path) -> Parts | None:
    """The one folder of annotations and the one of pictures; of several, that with a usual name."""
    annotated, pictured = [], []
    for folder in folders_below(home, 1)[1:]:
        xml, pictures = (files_below(folder, suffixes).files for suffixes in (XML, SUFFIXES))
        if xml and pictures:
            return None
        if xml and _is_annotation(folder / xml[0]):
            annotated.append(folder.name)
        elif pictures:
            pictured.append(folder.name)
    usual = [name for name in pictured if name.lower() in FOLDERS]
    pictured = usual if len(usual) == 1 else pictured
    return (annotated[0], pictured[0]) if len(annotated) == len(pictured) == 1 else None


def _beside(root: Path) -> Mapping[Path, Parts]:
    """The folder itself, where annotations lie in it or one folder below.

    Raises:
        UserError: there are no pictures beside them.
    """
    homes = [home for home in folders_below(root, 1) if any(map(_is_annotation, _first(home)))]
    if not homes:
        return {}
    if not side_by_side(root):
        places = cut(", ".join(relative(home, root) for home in homes), 400)
        raise UserError(
            f"Where the pictures of the XML files in {places} lie cannot be told of {root}: name the folders "
            "of both as 'annotations' and 'images' in the voc section of a YAML file."
        )
    return {root: BESIDE}


def _first(folder: Path) -> list[Path]:
    return files_in(folder, EVERY, ".xml")[:1]


def _is_annotation(path: Path) -> bool:
    try:
        read_annotation(path)
    except (OSError, ValueError):
        return False
    return True
