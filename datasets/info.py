"""What a data set is, as published or as its owner describes it.

Light on purpose: listing data sets must not import numpy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from bench.datasets.layout import Layout, MadeSplit

EvaluatedOn = Literal["test", "validation"]
"""The evaluation split as published, or a validation split carved from the training split, to choose on."""


@dataclass(frozen=True)
class Counts:
    """What a split holds as published; None where no source states it.

    Attributes:
        images: images in the list.
        positives: image labels that are positive.
        difficult: image labels of which every object is difficult.
    """

    images: int
    positives: int | None = None
    difficult: int | None = None


_A_TENTH: Final = MadeSplit(0.9, stratified=True)


@dataclass(frozen=True)
class DataSetInfo:
    """A data set as published, or as its owner describes it.

    Attributes:
        name: what the user types.
        title: as tables print it.
        summary: one line.
        citation: one line, authors, title, venue.
        source: where the images come from.
        licence: under which terms.
        classes: class names in the order of the label columns; the order is part of the definition. Empty
            where the data itself says which classes there are.
        layout: how its files lie on the disk.
        train_split: the split trained on.
        eval_split: the split that metrics are computed on.
        counts: the published counts of its splits.
        default_schedule: what `bench run` uses when no schedule is named.
        built_in: made on first use instead of downloaded.
        made: its splits are drawn here.
        validation: how the training split is divided where a validation split is asked for: the names of two
            official lists, of what is then trained on and what is evaluated, or how it is drawn.
        home: the folder that its paths are relative to, of a user's own data set.
        carved_from: the data set as published, where the evaluation split is drawn from its training split.
    """

    name: str
    title: str
    summary: str
    citation: str
    source: str
    licence: str
    classes: tuple[str, ...]
    layout: Layout
    train_split: str
    eval_split: str
    counts: Mapping[str, Counts]
    default_schedule: str = "identical"
    built_in: bool = False
    made: MadeSplit | None = None
    validation: tuple[str, str] | MadeSplit = _A_TENTH
    home: Path | None = None
    carved_from: "DataSetInfo | None" = None

    def for_validation(self) -> "DataSetInfo":
        """The data set with its validation split in the place of the evaluation split.

        It is trained on what is left of the training split; the evaluation split is not in it.
        """
        if isinstance(self.validation, MadeSplit):
            rest = f"{self.train_split}-without-validation"
            return replace(
                self, train_split=rest, eval_split="validation", made=self.validation, carved_from=self
            )
        train, held_out = self.validation
        return replace(self, train_split=train, eval_split=held_out)

    def evaluated_on(self, split: EvaluatedOn) -> "DataSetInfo":
        """The data set as it is, or for validation."""
        return self if split == "test" else self.for_validation()
