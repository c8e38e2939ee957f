"""Splits that are drawn here: seeded, and in equal proportions of every label where that is asked for."""

import numpy as np
from numpy.typing import NDArray

from bench.datasets.info import DataSetInfo
from bench.datasets.layout import MadeSplit
from bench.errors import UserError

FEWEST_TO_CHOOSE_ON = 10
"""Images of a validation split, below which what is chosen on it is chance."""

FAR_SHORT = 0.1
"""The share of its images that a part may lack for the sake of equal proportions."""


def too_few_to_choose_on(info: DataSetInfo, images: int) -> UserError:
    """The error for a validation split that would have so few images.

    Args:
        info: the data set as published.
        images: of the validation split.
    """
    noun = "image" if images == 1 else "images"
    return UserError(
        f"A validation split of {info.train_split} of {info.name} would have {images} {noun}, and fewer than "
        f"{FEWEST_TO_CHOOSE_ON} are too few to choose on; add images to {info.train_split}, or evaluate on "
        f"{info.eval_split}."
    )


def positions_of(train: bool, labels: NDArray[np.int8], made: MadeSplit) -> list[int]:
    """Positions of the images in the training split, or of the others, in list order.

    Args:
        train: which of the two.
        labels: `(N, C)` of all images.
        made: how they are drawn.
    """
    chosen = _stratified(labels, made) if made.stratified else _drawn(len(labels), made)
    return [int(i) for i in np.flatnonzero(chosen == train)]


def _number(count: int, made: MadeSplit) -> int:
    number = round(count * made.train) if made.train < 1 else int(made.train)
    if not 0 < number < count:
        raise UserError(
            f"A split with {number} images to train on cannot be drawn from {count}, some of which are to be "
            "evaluated on: add images, or have another share of them trained on."
        )
    return number


def _drawn(count: int, made: MadeSplit) -> NDArray[np.bool_]:
    order = np.random.Generator(np.random.PCG64(made.seed)).permutation(count)
    chosen = np.zeros(count, dtype=np.bool_)
    chosen[order[: _number(count, made)]] = True
    return chosen


def _stratified(labels: NDArray[np.int8], made: MadeSplit) -> NDArray[np.bool_]:
    """Iterative stratification (Sechidis et al., ECML PKDD 2011): the rarest label is shared out first."""
    from iterstrat.ml_stratifiers import MultilabelStratifiedShuffleSplit

    number = _number(len(labels), made)
    # Both as whole numbers: shares are rounded up, and the two would not fit beside each other.
    splitter = MultilabelStratifiedShuffleSplit(
        n_splits=1, train_size=number, test_size=len(labels) - number, random_state=made.seed
    )
    positive = labels == 1
    # Images without any label are shared out like a label; and one column alone would be refused.
    columns = np.column_stack([positive, ~positive.any(axis=1)]).astype(np.int8)
    train, _ = next(splitter.split(np.zeros(len(labels)), columns))
    chosen = np.zeros(len(labels), dtype=np.bool_)
    chosen[train] = True
    rng = np.random.Generator(np.random.PCG64(made.seed))
    chosen = _topped_up(chosen, number, rng)
    return ~_topped_up(~chosen, len(labels) - number, rng)


def _topped_up(chosen: NDArray[np.bool_], number: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A part with the number of images that it was to have, where it fell far short of that.

    A label of a few images is shared out whole to the larger part, so where most labels are so rare the
    smaller one gets too few images or none. Some more or less is the price of equal proportions.
    """
    missing = number - int(chosen.sum())
    if missing <= FAR_SHORT * number:
        return chosen
    filled = chosen.copy()
    filled[rng.permutation(np.flatnonzero(~chosen))[:missing]] = True
    return filled
