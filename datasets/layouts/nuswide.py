"""NUS-WIDE as published: a text file per concept, lists of images, and the images in one folder per topic."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.datasets.layout import ALL, NUSWide
from bench.datasets.listing import Listing, label_matrix, missing_tree, places, read_lines, refuse_duplicates
from bench.errors import UserError
from bench.progress import Progress

NAMES = frozenset({"nuswide"})
WHOLE_LIST = "ImageList/Imagelist.txt"
LISTS = {"train": "ImageList/TrainImagelist.txt", "test": "ImageList/TestImagelist.txt", ALL: WHOLE_LIST}
LABELS = "Groundtruth/AllLabels"
IMAGES = "Flickr"
# In its own archive, or beside the others.
CONCEPTS = ("ConceptsList/Concepts81.txt", "Concepts81.txt")


def find(root: Path, layout: NUSWide) -> Path:
    """The folder with the labels and lists: the data root, or one in it that is called NUS-WIDE or alike."""
    for folder in places(root, NAMES):
        if (folder / LABELS).is_dir() or (folder / WHOLE_LIST).is_file():
            _refuse_incomplete(folder)
            return folder
    raise missing_tree(root, layout, f"{LABELS} and {WHOLE_LIST}, here or in nuswide")


def _refuse_incomplete(folder: Path) -> None:
    missing = [part for part in (LABELS, IMAGES) if not (folder / part).is_dir()]
    missing += [file for file in LISTS.values() if not (folder / file).is_file()]
    if missing:
        raise UserError(
            f"{folder} is incomplete: it has no {' and no '.join(missing)}; unpack every archive there."
        )
    if not any(entry.is_dir() for entry in (folder / IMAGES).iterdir()):
        raise UserError(
            f"{folder / IMAGES} holds no folders of images; they lie as in actor/0001_2124494179.jpg."
        )


def class_names(folder: Path, layout: NUSWide) -> tuple[str, ...]:
    """The concepts in the order of Concepts81.txt."""
    (file,) = class_sources(folder, layout) or CONCEPTS[:1]
    return tuple(read_lines(folder / file))


def class_sources(folder: Path, layout: NUSWide) -> tuple[str, ...]:
    """Concepts81.txt, where it is."""
    return tuple(file for file in CONCEPTS if (folder / file).is_file())[:1]


def read(
    folder: Path, layout: NUSWide, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """The images of an official list, or all of them, without those that have no label unless these are kept.

    An image is known by its path without suffix, such as `actor/0001_2124494179`: the number at its end is
    not unique.
    """
    if split not in LISTS:
        raise UserError(f"NUS-WIDE has no split '{split}', only train and test.")
    concepts = class_sources(folder, layout)
    if concepts:
        _compare_concepts(class_names(folder, layout), classes, folder / concepts[0])
    images = _read_list(folder / WHOLE_LIST)
    rows = np.arange(len(images)) if split == ALL else _rows(folder / LISTS[split], images)
    files = [f"{LABELS}/Labels_{name}.txt" for name in classes]
    labels = label_matrix(len(images), classes)
    for column, file in enumerate(files):
        labels[_read_labels(folder / file, len(images)), column] = 1
        if progress is not None:
            progress(column + 1, len(files))
    if not layout.keep_unlabelled:
        rows = rows[(labels[rows] == 1).any(axis=1)]
    chosen = [images[row] for row in rows]
    sources = dict.fromkeys((*concepts, WHOLE_LIST, LISTS[split], *files))
    return Listing(
        ids=tuple(image.removesuffix(".jpg") for image in chosen),
        files=tuple(f"{IMAGES}/{image}" for image in chosen),
        labels=labels[rows],
        sources=tuple(sources),
    )


def _compare_concepts(found: tuple[str, ...], classes: tuple[str, ...], path: Path) -> None:
    """UserError where Concepts81.txt does not list the classes in their order."""
    if len(found) != len(classes):
        raise UserError(f"{path} lists {len(found)} concepts instead of {len(classes)}.")
    for number, (name, expected) in enumerate(zip(found, classes, strict=True), start=1):
        if name != expected:
            raise UserError(f"{path}: concept {number} is '{name}' instead of '{expected}'.")


def _read_list(path: Path) -> list[str]:
    r"""The images of a list, each once, with `/` between folder and file; the published ones have `\`."""
    images = [line.replace("\\", "/") for line in read_lines(path)]
    refuse_duplicates(tuple(images), path)
    return images


def _rows(path: Path, images: list[str]) -> NDArray[np.intp]:
    """The positions of a list's images in the whole list."""
    position = {image: row for row, image in enumerate(images)}
    listed = _read_list(path)
    for number, image in enumerate(listed, start=1):
        if image not in position:
            raise UserError(f"{path}, line {number}: image {image} is not in {WHOLE_LIST}.")
    return np.array([position[image] for image in listed], dtype=np.intp)


def _read_labels(path: Path, count: int) -> NDArray[np.intp]:
    """The positions, in the whole list, of the images that have a concept.

    Raises:
        UserError: the file is absent, has not one line per image, or a line is neither 0 nor 1.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"No {path}; unpack the whole archive of the ground truth.") from None
    # As bytes, because there are 22 million lines in all.
    data = np.frombuffer(content, dtype=np.uint8)
    written = data > ord(" ")
    values = data[written]
    alone = not (written[1:] & written[:-1]).any()
    if alone and len(values) == count and np.isin(values, (ord("0"), ord("1"))).all():
        return np.flatnonzero(values == ord("1"))
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip() not in (b"0", b"1", b""):
            raise UserError(f"{path}, line {number}: {line.decode(errors='replace')!r} is neither 0 nor 1.")
    raise UserError(f"{path} has {len(values)} lines, but {WHOLE_LIST} names {count} images.")
