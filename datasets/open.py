"""Open a data set: find it, read its lists and annotations, decode every image, give its splits."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from bench.datasets.check import FileChecks
from bench.datasets.duplicates import exact_duplicates
from bench.datasets.index import SplitIndex, pick
from bench.datasets.info import DataSetInfo, EvaluatedOn
from bench.datasets.listing import Problem, problem_lines, read_lines
from bench.datasets.locate import dataset_info, locate
from bench.datasets.odd.splits import unmatched, unused_splits
from bench.datasets.opened import DataSet, OpenedSplit
from bench.datasets.prepare import Prepared, prepare_split, with_classes
from bench.datasets.splits import FEWEST_TO_CHOOSE_ON, too_few_to_choose_on
from bench.errors import UserError
from bench.progress import Progress
from bench.settings import work_folder

Part = Literal["train", "eval"]
"""The split that is trained on, or the one that metrics are computed on, whatever the data set calls them."""


def open_dataset(
    name: str,
    root: Path | None = None,
    limit_train: int | None = None,
    limit_eval: int | None = None,
    skip_bad: bool | Path = False,
    progress: Progress | None = None,
    on: EvaluatedOn = "test",
    choose: bool = False,
) -> DataSet:
    """The splits of a data set, every image decoded that will be used.

    Args:
        name: a name in the catalogue, or the YAML file of a data set of one's own.
        root: the folder that holds it; the environment and the configuration file are asked if None.
        limit_train: use at most so many training images, a fixed random choice.
        limit_eval: likewise for the evaluation split.
        skip_bad: leave out what cannot be read instead of stopping; a file lists the images to leave out,
            and any other that cannot be read stops.
        progress: called with (done, total) while files are read for the first time.
        on: what is evaluated: the evaluation split, or a validation split carved from the training split.
        choose: carve the validation split also where the evaluation split is evaluated.

    Raises:
        UserError: unknown name, no such tree, a layout that contradicts itself, too few images for a
            validation split, or (unless `skip_bad`) a list of all unusable files.
    """
    unwanted = _unwanted(skip_bad)
    dataset = read_dataset(name, root, limit_train, limit_eval, unwanted, progress, on, choose)
    _refuse_problems(dataset.info, dataset.skipped, skip_bad, unwanted)
    if len(dataset.train) < 2 or len(dataset.eval) < 1:
        raise UserError(
            f"{dataset.root} has {len(dataset.train)} images to train on and {len(dataset.eval)} to evaluate "
            "on that can be used; it takes two and one."
        )
    _refuse_without_positives(dataset.info.eval_split, dataset.eval)
    return dataset


def find_dataset(
    name: str, root: Path | None = None, progress: Progress | None = None
) -> tuple[DataSetInfo, Path]:
    """A data set with its classes, and the folder that holds it; no picture is looked at.

    Raises:
        UserError: unknown name, or no such tree.
    """
    info = dataset_info(name)
    folder = locate(info, root, progress)
    return with_classes(info, folder), folder


def open_split(
    name: str,
    part: Part,
    root: Path | None = None,
    limit: int | None = None,
    skip_bad: bool | Path = False,
    progress: Progress | None = None,
    on: EvaluatedOn = "test",
) -> OpenedSplit:
    """One split of a data set; nothing is asked of the other, which need not be there.

    Args:
        name: as `open_dataset`.
        part: which of the two.
        root: as `open_dataset`.
        limit: use at most so many images, a fixed random choice.
        skip_bad: as `open_dataset`.
        progress: called with (done, total) while files are read for the first time.
        on: as `open_dataset`.

    Raises:
        UserError: as `open_dataset`.
    """
    unwanted = _unwanted(skip_bad)
    published, folder = find_dataset(name, root, progress)
    info = published.evaluated_on(on)
    split = info.train_split if part == "train" else info.eval_split
    checks = FileChecks(folder, work_folder() / "cache")
    prepared = prepare_split(info, folder, split, progress)
    index, problems, _ = _checked(prepared, limit, checks, unwanted, progress)
    _refuse_problems(info, problems, skip_bad, unwanted)
    if not len(index):
        raise UserError(f"No image of {split} of {folder} can be used; see `bench data check {name}`.")
    if part == "eval":
        _refuse_without_positives(split, index)
    return OpenedSplit(info, split, index, tuple(problems))


def read_dataset(
    name: str,
    root: Path | None = None,
    limit_train: int | None = None,
    limit_eval: int | None = None,
    unwanted: frozenset[str] = frozenset(),
    progress: Progress | None = None,
    on: EvaluatedOn = "test",
    choose: bool = False,
) -> DataSet:
    """As `open_dataset`, leaving out the images `unwanted` and whatever cannot be used, be it all of them."""
    published, folder = find_dataset(name, root, progress)
    info = published.evaluated_on(on)
    prepared: tuple[Prepared, ...] = prepare_both(info, folder, progress)
    if on == "validation":
        _refuse_few(published, prepared[1].index)
    elif choose:
        reduced, validation = prepare_both(info.for_validation(), folder, progress)
        _refuse_few(published, validation.index)
        prepared = (reduced, prepared[1], validation)
    checks = FileChecks(folder, work_folder() / "cache")
    limits = (limit_train, limit_eval, limit_eval)
    read = [_checked(*split, checks, unwanted, progress) for split in zip(prepared, limits, strict=False)]
    train, evaluated, *chosen_on = (index for index, _, _ in read)
    return DataSet(
        info,
        folder,
        train,
        evaluated,
        chosen_on[0] if chosen_on else None,
        skipped=tuple(problem for _, problems, _ in read for problem in problems),
        uniform=tuple(image for _, _, plain in read for image in plain),
        shared=exact_duplicates(train, evaluated),
        said=_said(published, prepared, unwanted),
    )


def _said(info: DataSetInfo, prepared: Sequence[Prepared], unwanted: frozenset[str]) -> tuple[str, ...]:
    """What is to be known of how the files were read, each sentence once."""
    used = (info.train_split, info.eval_split)
    unused = (sentence for split in prepared for sentence in unused_splits(used, split.splits))
    images = [image for split in prepared for image in split.index.ids]
    others = [problem.image for split in prepared for problem in split.problems]
    notes = (note for split in prepared for note in split.notes)
    return tuple(dict.fromkeys([*notes, *unused, *unmatched(unwanted, images, others)]))


def _refuse_few(info: DataSetInfo, validation: SplitIndex) -> None:
    """UserError where a validation split is too small to choose on."""
    if len(validation) < FEWEST_TO_CHOOSE_ON:
        raise too_few_to_choose_on(info, len(validation))


def prepare_both(
    info: DataSetInfo, folder: Path, progress: Progress | None = None
) -> tuple[Prepared, Prepared]:
    """The indices of the training and the evaluation split.

    Raises:
        UserError: as the layout's reader, or an image is in both.
    """
    train = prepare_split(info, folder, info.train_split, progress)
    evaluated = prepare_split(info, folder, info.eval_split, progress)
    shared = set(train.index.ids) & set(evaluated.index.ids)
    if shared:
        raise UserError(
            f"{len(shared)} images of {folder} are in both {info.train_split} and {info.eval_split}, "
            f"{min(shared)} for one; the lists must be disjoint."
        )
    return train, evaluated


def _unwanted(skip_bad: bool | Path) -> frozenset[str]:
    """The images that a file lists to be left out."""
    return frozenset(read_lines(skip_bad, from_pipe=True)) if isinstance(skip_bad, Path) else frozenset()


def _checked(
    prepared: Prepared,
    limit: int | None,
    checks: FileChecks,
    unwanted: frozenset[str],
    progress: Progress | None,
) -> tuple[SplitIndex, list[Problem], list[str]]:
    """The images that can be used, with their checksums; the problems of the others; which are uniform."""
    wanted = prepared.index.take(pick(len(prepared.index), limit))
    verdicts = checks.read([wanted.files[i] for i, x in enumerate(wanted.ids) if x not in unwanted], progress)
    of_annotations = {problem.image: problem for problem in prepared.problems}
    # Those that are about none of the images come first, whichever images are wanted.
    known = set(prepared.index.ids)
    problems = [problem for problem in prepared.problems if problem.image not in known]
    good = []
    for position, (image, file) in enumerate(zip(wanted.ids, wanted.files, strict=True)):
        if image in unwanted:
            problems.append(Problem(image, wanted.path(position), "left out as the list says"))
            continue
        reason = verdicts[file].problem
        found = [Problem(image, wanted.path(position), reason)] if reason else []
        if image in of_annotations:
            found.insert(0, of_annotations[image])
        problems += found
        if not found:
            good.append(position)
    kept = wanted.take(good)
    checksums = np.array([verdicts[file].checksum for file in kept.files], dtype=np.uint32)
    uniform = [image for image, file in zip(kept.ids, kept.files, strict=True) if verdicts[file].uniform]
    return replace(kept, checksums=checksums), problems, uniform


def _refuse_problems(
    info: DataSetInfo, found: Iterable[Problem], skip_bad: bool | Path, unwanted: frozenset[str]
) -> None:
    """UserError with a list of the files that cannot be used, unless they are to be left out."""
    problems = [problem for problem in found if problem.image not in unwanted]
    if not problems or skip_bad is True:
        return
    raise UserError(
        f"{len(problems)} files of {info.title} cannot be used; mend them, or leave them out with "
        f"--skip-bad:{problem_lines(problems)}"
    )


def _refuse_without_positives(split: str, index: SplitIndex) -> None:
    """UserError where labels are known but none is positive."""
    if (index.labels != 0).any() and not (index.labels == 1).any():
        raise UserError(
            f"None of the {len(index)} images of {split} to use has a positive label, so nothing can be "
            "measured; evaluate on more of them."
        )
