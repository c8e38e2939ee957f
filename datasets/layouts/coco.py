"""COCO's instance annotations: one JSON file per split, its images in a folder."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path, PurePosixPath
from typing import Any

from pycocotools.coco import COCO

from bench.datasets.boxes import Shares, share_of
from bench.datasets.layout import ALL, COCOInstances
from bench.datasets.layouts.coco_file import Id, categories, load, order, shown, take_out_orphans
from bench.datasets.layouts.coco_names import Ends, ends_of, image_ids, looked_through, place_of, stems_in
from bench.datasets.listing import (
    Listing,
    label_matrix,
    missing_tree,
    places,
    refuse_duplicates,
)
from bench.errors import UserError
from bench.progress import Progress

NAMES = frozenset({"coco", "coco2014", "mscoco", "mscoco2014"})


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
    """The categories of every annotation file, by id; those that only a later file has come last.

    What only stands above other categories is left out, unless a file has annotations of it.
    """
    return tuple(dict.fromkeys(name for kept, _ in _categories(folder, layout) for name in kept.values()))


def _categories(folder: Path, layout: COCOInstances) -> Iterator[tuple[dict[Id, str], dict[Id, str]]]:
    for file in class_sources(folder, layout):
        yield categories(load(folder / file), folder / file)


def class_sources(folder: Path, layout: COCOInstances) -> tuple[str, ...]:
    """Every annotation file."""
    return tuple(dict.fromkeys(layout.annotations.values()))


def read(
    folder: Path, layout: COCOInstances, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The images of a split by their id, each with the classes that any of its annotations names.

    Crowds count like single objects, as in the codes of ML-GCN and SSGRL. Classes are found by their
    names, so that the columns follow `classes` whatever the order of the categories is. Annotations of an
    image that is not there are a problem.
    """
    if split not in layout.annotations:
        raise UserError(f"No annotations are named for the split '{split}', only for: {_known(layout)}.")
    file = layout.annotations[split]
    path = folder / file
    content = load(path)
    names, parents = categories(content, path)
    _compare_classes(names, parents, classes, folder, layout, path)
    problems = take_out_orphans(content, path)
    coco = _index(content, path)
    column_of = {name: column for column, name in enumerate(classes)}
    chosen = _chosen(coco, layout)
    labels = label_matrix(len(chosen), classes)
    for row, image in enumerate(chosen):
        for annotation in coco.imgToAnns.get(image, ()):
            labels[row, column_of[names[annotation["category_id"]]]] = 1
        if progress is not None:
            progress(row + 1, len(chosen))
    prefix = PurePosixPath(layout.images[split])
    ends = _ends(coco, chosen, path)
    images = [place_of(one, folder / prefix) for one in ends]
    others = _others(folder, layout, split)
    ids = image_ids(images, prefix, _stems(folder, layout, others))
    refuse_duplicates(ids, path)
    files = tuple((prefix / image).as_posix() for image in images)
    notes = (*_no_classes(parents, classes), *_left_out(len(coco.imgs) - len(chosen), coco, layout, split))
    # Where a file comes or goes, a name may mean another one.
    looked = ((prefix / place).as_posix() for place in looked_through(ends, folder / prefix))
    sources = dict.fromkeys((file, *looked, *(layout.annotations[other] for other in others)))
    return Listing(ids, files, labels, tuple(sources), tuple(problems), notes)


def box_shares(
    folder: Path, layout: COCOInstances, split: str, ids: Sequence[str], progress: Progress | None
) -> Shares:
    """The largest boxes of images, those of crowds too, which count as labels."""
    path = folder / layout.annotations[split]
    content = load(path)
    names, _ = categories(content, path)
    take_out_orphans(content, path)
    coco = _index(content, path)
    chosen = _chosen(coco, layout)
    wanted = frozenset(ids)
    prefix = PurePosixPath(layout.images[split])
    images = [place_of(one, folder / prefix) for one in _ends(coco, chosen, path)]
    others = _stems(folder, layout, _others(folder, layout, split))
    found: dict[str, dict[str, float]] = {}
    for image, name in zip(chosen, image_ids(images, prefix, others), strict=True):
        if name in wanted:
            found[name] = _largest(coco.imgs[image], coco.imgToAnns.get(image, ()), names)
        if progress is not None:
            progress(len(found), len(ids))
    return found


def _largest(
    image: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]], names: Mapping[Id, str]
) -> dict[str, float]:
    """By class, the share of an image that its largest box covers; without boxes that make sense, nothing."""
    found: dict[str, float] = {}
    for annotation in annotations:
        box = annotation.get("bbox")
        sides = [*box[2:], image.get("width"), image.get("height")] if isinstance(box, list) else []
        if len(sides) == 4 and all(type(side) in (int, float) for side in sides):
            name, share = names[annotation["category_id"]], share_of(*sides)
            if share is not None:
                found[name] = max(found.get(name, 0.0), share)
    return found


def _chosen(coco: COCO, layout: COCOInstances) -> list[Id]:
    """The images that are used, in their order."""
    return [
        image for image in sorted(coco.imgs, key=order) if layout.keep_unannotated or image in coco.imgToAnns
    ]


def _no_classes(parents: Mapping[Id, str], classes: tuple[str, ...]) -> tuple[str, ...]:
    """A note on each category that is no class because it only stands above others."""
    return tuple(
        f"the category {shown(name)} is no class: others name it as their supercategory, and no annotation "
        "is of it; to have it as a class, list all of them under 'classes'"
        for name in parents.values()
        if name not in classes
    )


def _left_out(images: int, coco: COCO, layout: COCOInstances, split: str) -> tuple[str, ...]:
    """A note on the images without annotation, where nobody has said that they are to be left out."""
    if not images or layout.keep_unannotated is not None:
        return ()
    of_split = "" if split == ALL else f" of {split}"
    return (
        f"{images} of {len(coco.imgs)} images{of_split} have no annotation and are left out; "
        "keep_unannotated: true in the coco section keeps them as images without a label, and false leaves "
        "them out without this note",
    )


def _ends(coco: COCO, chosen: Sequence[Id], path: Path) -> list[Ends]:
    """What the name of each image may mean."""
    return [ends_of(coco.imgs[image]["file_name"], path) for image in chosen]


def _others(folder: Path, layout: COCOInstances, split: str) -> list[str]:
    """The splits whose images lie in another folder: one of the same name there is another picture."""
    homes = {one: (folder / images).resolve() for one, images in layout.images.items()}
    return [one for one, home in homes.items() if home != homes[split]]


def _stems(folder: Path, layout: COCOInstances, splits: Sequence[str]) -> set[PurePosixPath]:
    """The names without suffix of the images of some splits."""
    files = ((folder / layout.annotations[split], folder / layout.images[split]) for split in splits)
    return {stem for path, images in files for stem in stems_in(path, images)}


def _known(layout: COCOInstances) -> str:
    return ", ".join(layout.annotations)


def _compare_classes(
    names: Mapping[Id, str],
    parents: Mapping[Id, str],
    classes: tuple[str, ...],
    folder: Path,
    layout: COCOInstances,
    path: Path,
) -> None:
    """UserError where the categories are not those of the data set."""
    for category, name in names.items():
        if name not in classes:
            raise UserError(
                f"{path}: the category '{name}' (id {shown(category)}) is not in the class list of the data "
                "set."
            )
    missing = set(classes).difference(names.values(), parents.values())
    if missing:  # a split may lack a class that another one has
        missing = missing.difference(
            *(part.values() for both in _categories(folder, layout) for part in both)
        )
    if missing:
        first = next(name for name in classes if name in missing)
        raise UserError(f"{path}: the categories do not list the class '{first}' of the data set.")


def _index(content: dict[str, Any], path: Path) -> COCO:
    """Pycocotools' index of an annotation file whose references can be followed."""
    coco = COCO()
    coco.dataset = content
    with redirect_stdout(io.StringIO()):  # it prints what it does
        coco.createIndex()
    return coco
