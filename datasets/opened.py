"""A data set that was found and checked on this machine, and what a person should know of it."""

from dataclasses import dataclass
from pathlib import Path

from bench.datasets.duplicates import Shared
from bench.datasets.index import SplitIndex
from bench.datasets.info import DataSetInfo
from bench.datasets.listing import Problem, read_as
from bench.datasets.odd.counts import odd_counts
from bench.datasets.odd.labels import odd_labels


@dataclass(frozen=True)
class DataSet:
    """A data set on this machine, checked.

    Attributes:
        info: what it is, with its classes.
        root: the folder it was read from.
        train: the training split, or what a validation split leaves of it.
        eval: the split that metrics are computed on.
        chosen_on: a validation split that epochs are chosen on, in the place of `eval`; None without one.
        skipped: the files left out because they could not be read.
        uniform: the images whose pixels are nearly one value.
        shared: the images of the evaluation split whose files are in the training split too.
        said: what the reader of the files said of how they were understood.
    """

    info: DataSetInfo
    root: Path
    train: SplitIndex
    eval: SplitIndex
    chosen_on: SplitIndex | None
    skipped: tuple[Problem, ...]
    uniform: tuple[str, ...] = ()
    shared: tuple[Shared, ...] = ()
    said: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """A hash of its splits: equal on two machines that hold the same data."""
        splits = [self.train, self.eval] + ([self.chosen_on] if self.chosen_on else [])
        return "-".join(split.fingerprint() for split in splits)

    def read_as(self) -> tuple[str, ...]:
        """How its files were read, where the layout's reader has a choice; a sentence each."""
        return read_as(self.root, self.info.layout)

    def understood(self) -> str:
        """What was read of the labels: how many classes, the first of them, how many to an image."""
        classes = self.info.classes
        names = ", ".join(classes[:5]) + (", ..." if len(classes) > 5 else "")
        positive = int((self.train.labels == 1).sum() + (self.eval.labels == 1).sum())
        images = max(1, len(self.train) + len(self.eval))
        return f"{len(classes)} classes ({names}), {positive / images:.2f} positive labels per image"

    def images_used(self) -> str:
        """How many images of each split are used."""
        counts = f"{len(self.train)} images of {self.info.train_split} and {len(self.eval)} of"
        return f"{counts} {self.info.eval_split} are used"

    def notes(self) -> list[str]:
        """What a person should know before believing a number, a sentence for each, with one example."""
        found = [f"{self.info.name}: {sentence}" for sentence in self.said]
        if self.info.home is not None:
            names = self.info.train_split, self.info.eval_split
            labels = self.train.labels, self.eval.labels
            counts = odd_counts(self.info.classes, *labels, names) if self.eval_is_labelled else []
            found += [f"{self.info.name}: {said}" for said in (*odd_labels(self.info.classes), *counts)]
        if self.uniform:
            found.append(
                f"{len(self.uniform)} of {len(self.train) + len(self.eval)} pictures of {self.info.name} are "
                f"nearly one value, {self.uniform[0]} for one: there is nothing to be seen in them"
            )
        if self.shared:
            found.append(
                f"{len(self.shared)} of {len(self.eval)} pictures of {self.info.eval_split} of "
                f"{self.info.name} are in {self.info.train_split} too, {self.shared[0].eval} as "
                f"{self.shared[0].train} for one: scores on them say nothing of new pictures"
            )
        return found

    @property
    def eval_is_labelled(self) -> bool:
        """Whether anything can be measured here, or the labels are held by a server."""
        return bool((self.eval.labels != 0).any())


@dataclass(frozen=True)
class OpenedSplit:
    """One split of a data set on this machine, checked.

    Attributes:
        info: the data set, with its classes.
        name: of the split.
        index: its images.
        skipped: the files left out because they could not be read.
    """

    info: DataSetInfo
    name: str
    index: SplitIndex
    skipped: tuple[Problem, ...]
