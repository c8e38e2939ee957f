"""From the name of a data set to its checked splits."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.datasets.catalog import DataSetInfo
from bench.datasets.check import FileChecks
from bench.datasets.index import SplitIndex, pick
from bench.datasets.listing import Problem, read_lines
from bench.datasets.locate import dataset_info, locate
from bench.datasets.prepare import Prepared, prepare_split, with_classes
from bench.errors import UserError
from bench.progress import Progress
from bench.settings import work_folder

LISTED_AT_MOST = 50


@dataclass(frozen=True)
class DataSet:
    """A data set on this machine, checked.

    Attributes:
        info: what it is, with its classes.
        root: the folder it was read from.
        train: the training split.
        eval: the split that metrics are computed on.
        skipped: the files left out because they could not be read.
    """

    info: DataSetInfo
    root: Path
    train: SplitIndex
    eval: SplitIndex
    skipped: tuple[Problem, ...]

    def fingerprint(self) -> str:
        """A hash of both splits: equal on two machines that hold the same data."""
        return f"{self.train.fingerprint()}-{self.eval.fingerprint()}"

    @property
    def eval_is_labelled(self) -> bool:
        """Whether anything can be measured here, or the labels are held by a server."""
        return bool((self.eval.labels != 0).any())


def open_dataset(
    name: str,
    root: Path | None = None,
    limit_train: int | None = None,
    limit_eval: int | None = None,
    skip_bad: bool | Path = False,
    progress: Progress | None = None,
) -> DataSet:
    """Find a data set, read its lists and annotations, and decode every image that will be used.

    Args:
        name: a name in the catalogue, or the YAML file of a data set of one's own.
        root: the folder that holds it; the environment and the configuration file are asked if None.
        limit_train: use at most so many training images, a fixed random choice.
        limit_eval: likewise for the evaluation split.
        skip_bad: leave out what cannot be read instead of stopping; a file lists the images to leave out,
            and any other that cannot be read stops.
        progress: called with (done, total) while files are read for the first time.

    Raises:
        UserError: unknown name, no such tree, a layout that contradicts itself, or (unless `skip_bad`) a
            list of all unusable files.
    """
    unwanted = frozenset(read_lines(skip_bad)) if isinstance(skip_bad, Path) else frozenset()
    dataset = read_dataset(name, root, limit_train, limit_eval, unwanted, progress)
    problems = tuple(problem for problem in dataset.skipped if problem.image not in unwanted)
    if problems and skip_bad is not True:
        raise UserError(_list_problems(dataset.info, problems))
    if len(dataset.train) < 2 or len(dataset.eval) < 1:
        raise UserError(
            f"{dataset.root} has {len(dataset.train)} images to train on and {len(dataset.eval)} to evaluate "
            "on that can be used; it takes two and one."
        )
    if dataset.eval_is_labelled and not (dataset.eval.labels == 1).any():
        raise UserError(
            f"None of the {len(dataset.eval)} images of {dataset.info.eval_split} to use has a positive "
            "label, so nothing can be measured; evaluate on more of them."
        )
    return dataset


def read_dataset(
    name: str,
    root: Path | None = None,
    limit_train: int | None = None,
    limit_eval: int | None = None,
    unwanted: frozenset[str] = frozenset(),
    progress: Progress | None = None,
) -> DataSet:
    """As `open_dataset`, leaving out the images `unwanted` and whatever cannot be used, be it all of them."""
    info = dataset_info(name)
    folder = locate(info, root, progress)
    info = with_classes(info, folder)
    prepared = prepare_both(info, folder, progress)
    checks = FileChecks(folder, work_folder() / "cache")
    train, bad_train = _checked(prepared[0], limit_train, checks, unwanted, progress)
    evaluated, bad_eval = _checked(prepared[1], limit_eval, checks, unwanted, progress)
    return DataSet(info, folder, train, evaluated, (*bad_train, *bad_eval))


def prepare_both(
    info: DataSetInfo, folder: Path, progress: Progress | None = None
) -> tuple[Prepared, Prepared]:
    """The indices of the training and the evaluation split.

    Raises:
        UserError: as the layout's reader, or an image is in both.
    """
    kept_in = work_folder() / "indices"
    train = prepare_split(info, folder, info.train_split, kept_in, progress)
    evaluated = prepare_split(info, folder, info.eval_split, kept_in, progress)
    shared = set(train.index.ids) & set(evaluated.index.ids)
    if shared:
        raise UserError(
            f"{len(shared)} images of {folder} are in both {info.train_split} and {info.eval_split}, "
            f"{min(shared)} for one; the lists must be disjoint."
        )
    return train, evaluated


def _checked(
    prepared: Prepared,
    limit: int | None,
    checks: FileChecks,
    unwanted: frozenset[str],
    progress: Progress | None,
) -> tuple[SplitIndex, list[Problem]]:
    """The images to use that can be used, with their checksums; and the problems of the others."""
    wanted = prepared.index.take(pick(len(prepared.index), limit))
    verdicts = checks.read([wanted.files[i] for i, x in enumerate(wanted.ids) if x not in unwanted], progress)
    of_annotations = {problem.image: problem for problem in prepared.problems}
    problems: list[Problem] = []
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
    return replace(kept, checksums=checksums), problems


def _list_problems(info: DataSetInfo, problems: tuple[Problem, ...]) -> str:
    lines = [str(problem) for problem in problems[:LISTED_AT_MOST]]
    if len(problems) > LISTED_AT_MOST:
        lines.append(f"... and {len(problems) - LISTED_AT_MOST} more")
    return (
        f"{len(problems)} files of {info.title} cannot be used; mend them, or leave them out with "
        "--skip-bad:\n  " + "\n  ".join(lines)
    )
