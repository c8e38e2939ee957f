"""The PASCAL VOC devkit layout: JPEGImages, Annotations, ImageSets/Main."""

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bench.datasets.boxes import Shares
from bench.datasets.layout import ALL, MadeSplit, VOCDevkit
from bench.datasets.layouts.annotation import Annotation, read_annotation, read_shares
from bench.datasets.layouts.voc_files import (
    LISTS,
    Files,
    below,
    choose_picture,
    find_files,
    is_there,
    misspelt,
    parts_of,
    side_by_side,
)
from bench.datasets.layouts.voc_splits import lists_in, splits_of
from bench.datasets.listing import (
    Listing,
    Problem,
    label_matrix,
    missing_tree,
    read_lines,
    refuse_control_characters,
    refuse_duplicates,
)
from bench.errors import UserError, cut
from bench.files import open_text
from bench.progress import Progress


def find(root: Path, layout: VOCDevkit) -> Path:
    """The folder that holds a year of the devkit, given it, its parent, or the parent of `VOCdevkit`."""
    folder = layout.folder
    candidates = [root / "VOCdevkit" / folder, root / folder] if folder else [root]
    if folder and root.name == Path(folder).name:
        candidates.append(root)
    for candidate in candidates:
        if _is_tree(candidate, layout):
            missing = [part for part in parts_of(candidate, layout)[::-1] if not is_there(candidate, part)]
            if missing:
                raise UserError(
                    f"{candidate} is incomplete: it has no {' and no '.join(missing)}; "
                    "unpack the whole archive there."
                )
            return candidate
    wanted = layout.annotations if layout.drawn else LISTS
    places = dict.fromkeys(os.path.relpath(place / wanted, root) for place in candidates[:2])
    beside = ", or XML files beside their pictures" if layout.drawn else ""
    beside += f", or folders {' and '.join(layout.lists)}" if layout.lists else ""
    raise missing_tree(root, layout, f"{' and '.join(places)}{beside}")


def _is_tree(folder: Path, layout: VOCDevkit) -> bool:
    parts = parts_of(folder, layout)
    if layout.drawn:
        return side_by_side(folder) if parts == (".", ".") else any(is_there(folder, part) for part in parts)
    folders = [folder / below(parts[0], split) for split in layout.lists]
    return (folder / LISTS).is_dir() or (bool(folders) and all(split.is_dir() for split in folders))


def class_names(folder: Path, layout: VOCDevkit) -> tuple[str, ...]:
    """Every name that an annotation of the images in use gives, in alphabetical order.

    An annotation that cannot be read names nothing here: `read` reports it with its image.
    """
    names: set[str] = set()
    for file in _annotations(folder, layout):
        with suppress(OSError, ValueError):
            names |= read_annotation(folder / file).labels.keys()
    return tuple(sorted(names))


def class_sources(folder: Path, layout: VOCDevkit) -> tuple[str, ...]:
    """The lists, and every annotation of their images that is there."""
    lists = [f"{LISTS}/{split}.txt" for split in layout.lists] if (folder / LISTS).is_dir() else []
    return (*lists, *_annotations(folder, layout))


def _annotations(folder: Path, layout: VOCDevkit) -> list[str]:
    """The annotations of the images in use: of the lists, or of all images where the splits are drawn."""
    files = find_files(folder, layout)
    ids = (image for split in layout.lists or (ALL,) for image in _ids(folder, files, split))
    return [files.annotations[image] for image in dict.fromkeys(ids) if image in files.annotations]


def read(
    folder: Path, layout: VOCDevkit, split: str, classes: tuple[str, ...], progress: Progress | None
) -> Listing:
    """Read the list of a split and the annotation of every image in it.

    For the split `ALL`, and for a folder that is one, every annotation is an image, and a picture without one
    is a problem.
    """
    files = find_files(folder, layout)
    list_file = _list_of(folder, split)
    ids = _ids(folder, files, split)
    labelled = split not in layout.unlabelled
    read_one = _read_image if labelled else _of_server
    images = []
    for row, image in enumerate(ids):
        images.append(read_one(folder, image, files, classes))
        if progress is not None:
            progress(row + 1, len(ids))
    _refuse_shared_pictures(images)
    column = {name: position for position, name in enumerate(classes)}
    labels = label_matrix(len(images), classes)
    for row, one in enumerate(images):
        for name in one.labels.keys() & column.keys():
            labels[row, column[name]] = one.labels[name]
    of_images = [files.annotations[image] for image in ids if labelled and image in files.annotations]
    problems = [Problem(image.id, image.at, image.fault) for image in images if image.fault]
    if list_file is None:
        problems += _without_annotation(folder, files, split, {image.picture for image in images})
    listed = () if list_file is None else (list_file,)
    splits = splits_of(folder, layout, files)
    folders = (*files.annotation_folders, *files.image_folders)
    return Listing(
        ids=tuple(image.id for image in images),
        files=tuple(image.picture for image in images),
        labels=labels,
        sources=tuple(dict.fromkeys((*listed, *splits.sources, *folders, *of_images))),
        problems=tuple(problems),
        splits=splits.images,
    )


def box_shares(
    folder: Path, layout: VOCDevkit, split: str, ids: Sequence[str], progress: Progress | None
) -> Shares:
    """The largest boxes of images; one whose annotation cannot be read has none."""
    files = find_files(folder, layout)
    found = {}
    for number, image in enumerate(ids, start=1):
        if file := files.annotations.get(image):
            with suppress(OSError, ValueError):
                found[image] = read_shares(folder / file)
        if progress is not None:
            progress(number, len(ids))
    return found


@dataclass
class _Image:
    """One image as its annotation describes it; `at` is the file that has the fault, if there is one."""

    id: str
    picture: str
    at: Path
    labels: Mapping[str, int]
    fault: str = ""


def _read_image(folder: Path, image: str, files: Files, classes: Collection[str]) -> _Image:
    file = files.annotations.get(image)
    # A name that is not among the files is not followed: lists are written by anybody.
    path = folder / (file or below(files.xml, f"{image}.xml"))
    given, fault = Annotation({}), "does not exist"
    if file is not None:
        try:
            given, fault = read_annotation(path), ""
        except FileNotFoundError:
            pass  # a link that leads nowhere
        except (OSError, ValueError) as error:
            fault = f"cannot be read: {error}"
    if unknown := sorted(given.labels.keys() - classes):
        fault = f"names classes that are not in the list: {unknown}"
    picture, of_picture = choose_picture(image, given.filename, files)
    return _Image(image, picture, path, given.labels, fault or of_picture)


def _of_server(folder: Path, image: str, files: Files, classes: Collection[str]) -> _Image:
    """An image whose labels are not known here: 0 for every class."""
    picture, fault = choose_picture(image, "", files)
    return _Image(image, picture, folder / picture, dict.fromkeys(classes, 0), fault)


def _refuse_shared_pictures(images: list[_Image]) -> None:
    """A fault for images whose annotations name one picture: nobody knows which of them is of it."""
    times = Counter(image.picture for image in images)
    for image in images:
        if times[image.picture] > 1 and not image.fault:
            others = f"{times[image.picture]} annotations name {image.picture}"
            image.fault = f"has no picture of its own: {others}"


def _without_annotation(folder: Path, files: Files, split: str, used: Collection[str]) -> list[Problem]:
    """The pictures of a split that no annotation is of."""
    found = []
    for image, pictures in sorted(files.pictures.items()):
        unused = [x for x in map(files.picture, pictures) if x not in used]
        if unused and image not in files.annotations and image.startswith(_prefix(split)):
            refuse_control_characters(image, str(folder / files.images))
            found.append(Problem(image, folder / unused[0], "has no annotation"))
    return found


def _ids(folder: Path, files: Files, split: str) -> tuple[str, ...]:
    """The images of a split: of its list, of the folder of its name where there are no lists, or all."""
    if list_file := _list_of(folder, split):
        return _read_list(folder / list_file, files)
    ids = tuple(image for image in files.annotations if image.startswith(_prefix(split)))
    for image in ids:
        refuse_control_characters(image, str(folder / files.xml))
    return ids


def _list_of(folder: Path, split: str) -> str | None:
    return f"{LISTS}/{split}.txt" if split != ALL and (folder / LISTS).is_dir() else None


def _prefix(split: str) -> str:
    return "" if split == ALL else f"{split}/"


def _for_these(path: Path, there: Collection[str]) -> str:
    """The data sets that are read from the same tree and need no other lists, in words."""
    from bench.datasets.catalog import DATASETS

    names = [
        info.name + ("" if _has_lists(info.validation, there) else " without a validation split")
        for info in DATASETS.values()
        if isinstance(info.layout, VOCDevkit)
        and info.layout.folder == path.parents[2].name
        and {info.train_split, info.eval_split} <= set(there)
    ]
    return f", or, with these alone, take the data set {' or '.join(names)}" if names else ""


def _has_lists(validation: tuple[str, str] | MadeSplit, there: Collection[str]) -> bool:
    """Whether a validation split can be had: it is drawn, or its official lists are there."""
    return isinstance(validation, MadeSplit) or set(validation) <= set(there)


def _read_list(path: Path, files: Files) -> tuple[str, ...]:
    """The image ids of a split, in the order of `ImageSets/Main/SPLIT.txt`; `/` stands between folders."""
    if not path.is_file():
        there = [found.stem for found in lists_in(path.parents[2])]
        raise UserError(
            f"No list {path}; the lists there are: {', '.join(there) or 'none'}; put it there"
            f"{_for_these(path, there)}."
        )
    lines = read_lines(path)
    given = [PurePosixPath(line.replace("\\", "/")) for line in lines]
    for image in given:
        if image.is_absolute() or ".." in image.parts:
            raise UserError(f"The list {path} names '{image}', which leads out of the tree; take it out.")
    ids = tuple(image.as_posix() for image in given)
    for line, spelt in zip(lines, ids, strict=True):
        if meant := misspelt(spelt, files):
            raise UserError(
                f"{path}, line {_number_of(line, path)}: there is no image {cut(repr(line))}, but one "
                f"{cut(repr(meant))}: put that alone on the line, without suffix or a word behind it."
            )
    refuse_duplicates(ids, path)
    return ids


def _number_of(line: str, path: Path) -> int:
    """Of a line of a list, blank ones counted."""
    with open_text(path) as file:
        return next(number for number, text in enumerate(file, start=1) if text.strip() == line)
