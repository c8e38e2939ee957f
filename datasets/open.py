"""From the name of a data set to its checked splits."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.datasets.catalog import DATASETS, DataSetInfo
from bench.datasets.check import FileChecks, Problem, Progress
from bench.datasets.index import SplitIndex, pick
from bench.datasets.scenes_generator import CLASSES as SCENES_CLASSES
from bench.datasets.scenes_generator import VERSION as SCENES_VERSION
from bench.datasets.scenes_generator import generate
from bench.datasets.voc import find_devkit, label_row, read_list
from bench.errors import UserError
from bench.resolve import resolve
from bench.settings import data_root, work_folder

LISTED_AT_MOST = 50


@dataclass(frozen=True)
class DataSet:
    """A data set on this machine, checked.

    Attributes:
        info: what it is.
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


def open_dataset(
    name: str,
    root: Path | None = None,
    limit_train: int | None = None,
    limit_eval: int | None = None,
    skip_bad: bool = False,
    progress: Progress | None = None,
) -> DataSet:
    """Find a data set, read its lists and annotations, and decode every image that will be used.

    Args:
        name: a name in the catalogue.
        root: the folder that holds it; the environment and the configuration file are asked if None.
        limit_train: use at most so many training images, a fixed random choice.
        limit_eval: likewise for the evaluation split.
        skip_bad: leave out what cannot be read instead of stopping.
        progress: called with (done, total) while files are read for the first time.

    Raises:
        UserError: unknown name, no such tree, or (unless `skip_bad`) a list of all unusable files.
    """
    info = resolve("data set", name, DATASETS)
    if info.built_in:
        info, devkit = _make_scenes(info, progress)
    else:
        found = data_root(name, root)
        if found is None:
            raise UserError(
                f"Where is {info.title}? Give --data-root DIR, set BENCH_DATA_ROOT, or name it as data_root "
                f"in .bench.yaml; DIR holds VOCdevkit/{info.folder} (from {info.source})."
            )
        devkit = find_devkit(found, info.folder)
    checks = FileChecks(devkit, work_folder() / "cache")
    train, bad_train = _read_split(info, devkit, info.train_split, limit_train, checks, progress)
    evaluated, bad_eval = _read_split(info, devkit, info.eval_split, limit_eval, checks, progress)
    shared = set(train.ids) & set(evaluated.ids)
    if shared:
        raise UserError(
            f"{len(shared)} images of {devkit} are in both {info.train_split} and {info.eval_split}, "
            f"{min(shared)} for one; the lists must be disjoint."
        )
    problems = (*bad_train, *bad_eval)
    if problems and not skip_bad:
        raise UserError(_list_problems(info, problems))
    if len(train) < 2 or len(evaluated) < 1:
        raise UserError(
            f"{info.title} has {len(train)} training and {len(evaluated)} test images to use under {devkit}; "
            "training needs two and testing one."
        )
    if not (evaluated.labels == 1).any():
        raise UserError(
            f"None of the {len(evaluated)} images of {info.eval_split} to use has a positive label, so "
            "nothing can be measured; evaluate on more of them."
        )
    return DataSet(info, devkit, train, evaluated, problems)


def _make_scenes(info: DataSetInfo, progress: Progress | None) -> tuple[DataSetInfo, Path]:
    root = work_folder() / "data" / f"scenes-v{SCENES_VERSION}"
    generate(root, progress=progress)
    return replace(info, classes=SCENES_CLASSES), find_devkit(root, info.folder)


def _read_split(
    info: DataSetInfo,
    devkit: Path,
    split: str,
    limit: int | None,
    checks: FileChecks,
    progress: Progress | None,
) -> tuple[SplitIndex, list[Problem]]:
    listed = read_list(devkit, split)
    ids = [listed[position] for position in pick(len(listed), limit)]
    images = [devkit / "JPEGImages" / f"{image}.jpg" for image in ids]
    annotations = [devkit / "Annotations" / f"{image}.xml" for image in ids]
    verdicts = checks.read([*annotations, *images], progress)
    good: list[int] = []
    rows = []
    problems = []
    for position, (image, picture, annotation) in enumerate(zip(ids, images, annotations, strict=True)):
        found = [
            Problem(image, path, problem)
            for path in (annotation, picture)
            if (problem := verdicts[path].problem)
        ]
        unknown = sorted(set(verdicts[annotation].classes or {}) - set(info.classes))
        if unknown:
            found.append(
                Problem(image, annotation, f"names classes that {info.name} does not have: {unknown}")
            )
        problems += found
        if not found:
            good.append(position)
            rows.append(label_row(verdicts[annotation].classes or {}, info.classes))
    index = SplitIndex(
        ids=tuple(ids[position] for position in good),
        paths=tuple(images[position] for position in good),
        labels=np.array(rows, dtype=np.int8).reshape(len(good), len(info.classes)),
        checksums=tuple(verdicts[images[position]].checksum for position in good),
    )
    return index, problems


def _list_problems(info: DataSetInfo, problems: tuple[Problem, ...]) -> str:
    lines = [str(problem) for problem in problems[:LISTED_AT_MOST]]
    if len(problems) > LISTED_AT_MOST:
        lines.append(f"... and {len(problems) - LISTED_AT_MOST} more")
    return (
        f"{len(problems)} files of {info.title} cannot be used; mend them, or leave them out with "
        "--skip-bad:\n  " + "\n  ".join(lines)
    )
