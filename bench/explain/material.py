"""What the data set itself adds to stored scores: pictures, boxes, which labels go together in training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.datasets.boxes import largest_boxes
from bench.datasets.check import FileChecks
from bench.datasets.index import SplitIndex, pick
from bench.datasets.open import find_dataset
from bench.datasets.prepare import prepare_split
from bench.errors import UserError
from bench.explain.companions import companions_of
from bench.explain.kinds import companions_sentence
from bench.explain.sides import Sides
from bench.labels import count_labels
from bench.metrics.average_precision import BoolArray
from bench.progress import Progress
from bench.records.own_data import give_its_file, is_own
from bench.records.record import Record
from bench.settings import work_folder


@dataclass(frozen=True)
class Material:
    """What there is beside the scores.

    Attributes:
        pictures: by image id, its file; nothing where the data set is not at hand.
        boxes: `(N, C)`, the share of the picture that the largest box covers, NaN without; None where there
            are none.
        usual: `(C, C)`, companions.
        notes: what was counted where, and what is missing and why, a sentence each.
    """

    usual: BoolArray
    pictures: Mapping[str, Path] = field(default_factory=dict)
    boxes: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()


def gather(
    sides: Sides, run: Record, data: str | None, root: Path | None, progress: Progress | None = None
) -> Material:
    """Look the data set of some runs up.

    Args:
        sides: the methods.
        run: one of theirs.
        data: the data set, as it was asked for: the name of one's own says nothing, its YAML file does.
        root: the folder that holds it, if one was named.
        progress: called with (done, total) while annotations are read.

    Raises:
        UserError: there is a folder `root`, and the data set of the runs is not there.
    """
    try:
        return _read(sides, run, data or run.cell.data, root, progress)
    except UserError as error:
        if root is not None:
            raise
        missing = f"Without pictures, boxes and training labels: {error}"
        return Material(_usual(sides.labels), notes=(companions_sentence("the test labels"), missing))


def _read(sides: Sides, run: Record, data: str, root: Path | None, progress: Progress | None) -> Material:
    cell = run.cell
    if data == cell.data and is_own(data):
        raise give_its_file(data)
    published, folder = find_dataset(data, root, progress)
    info = published.evaluated_on(cell.split)
    if info.classes != sides.classes:
        raise UserError(f"The classes of {data} in {folder} are not those of the runs; name their data set.")
    tested = prepare_split(info, folder, info.eval_split, progress).index
    rows = _rows_of(sides, tested, data)
    trained = _trained_on(prepare_split(info, folder, info.train_split, progress).index, run)
    changed = (
        *_other_pictures(tested.take(sorted(rows)), cell.data_fingerprint, progress),
        *_other_labels(trained, run),
    )
    boxes = largest_boxes(info, folder, info.eval_split, sides.ids, progress)
    pictures = {image: tested.path(row) for image, row in zip(sides.ids, rows, strict=True)}
    counted = companions_sentence(f"the {len(trained)} training images")
    usual = _usual(trained.labels)
    if boxes is None or np.isnan(boxes).all():
        without = "The data set has no boxes that are read, so small objects are not told from others."
        return Material(usual, pictures, None, (counted, without, *changed))
    boxed = int((~np.isnan(boxes) & sides.true).sum())
    said = f"{boxed} of the {int(sides.true.sum())} positive labels have a box."
    return Material(usual, pictures, boxes, (counted, said, *changed))


def _rows_of(sides: Sides, tested: SplitIndex, data: str) -> Sequence[int]:
    """Where the images of the runs stand in the split.

    Raises:
        UserError: they are not those of the split, or their labels differ.
    """
    row = {image: position for position, image in enumerate(tested.ids)}
    absent = [image for image in sides.ids if image not in row]
    if absent:
        raise UserError(
            f"{len(absent)} of the {len(sides.ids)} test images of the runs, {absent[0]} for one, are not in "
            f"{data} under {tested.root}; name the folder that the runs were made from."
        )
    rows = [row[image] for image in sides.ids]
    differ = np.argwhere(tested.labels[rows] != sides.labels)
    if len(differ):
        image, name = sides.ids[differ[0][0]], sides.classes[differ[0][1]]
        raise UserError(
            f"The labels in {tested.root} are not those that the runs were measured on, for one that of "
            f"{name} in the image {image}."
        )
    return rows


def _trained_on(split: SplitIndex, run: Record) -> SplitIndex:
    """What a run saw of its training split: so many images, but for those that it could not read."""
    wanted = split.take(pick(len(split), run.cell.limit_train))
    skipped = {said.partition(": ")[0] for said in run.data.skipped}
    return wanted.take(row for row, image in enumerate(wanted.ids) if image not in skipped)


def _other_labels(trained: SplitIndex, run: Record) -> tuple[str, ...]:
    """What is to be said where the training split has not as many images or labels any more."""
    now = (len(trained), int((trained.labels == 1).sum()), int((trained.labels == 0).sum()))
    then = (run.data.train_images, run.data.train_labels, run.data.train_difficult)
    if now == then:
        return ()
    return (
        f"The training split in {trained.root} has {_size(*now)}, and that of the runs had {_size(*then)}: "
        "which labels go together is counted in what is there now.",
    )


def _size(images: int, positive: int, difficult: int) -> str:
    return f"{images} images with {positive} positive and {difficult} difficult labels"


def _other_pictures(tested: SplitIndex, fingerprint: str, progress: Progress | None) -> tuple[str, ...]:
    """What is to be said where the files of the test images are others than the runs were measured on."""
    read = FileChecks(tested.root, work_folder() / "cache").checksums(tested.files, progress)
    checksums = np.array([read[file] for file in tested.files], dtype=np.uint32)
    if replace(tested, checksums=checksums).fingerprint() == fingerprint.split("-")[1]:
        return ()
    said = f"The test pictures in {tested.root} are not all those that the runs were measured on"
    return (f"{said}, though their names and labels are: what is drawn of them is not what was scored.",)


def _usual(labels: NDArray[np.int8]) -> BoolArray:
    return companions_of(*count_labels(labels), len(labels))
