"""Splits, and lists of images to leave out, that look as if they had been meant otherwise."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.datasets.catalog import DataSetInfo
from bench.datasets.index import SplitIndex
from bench.datasets.odd_labels import differ, letters
from bench.errors import cut

NAMED = 5
"""Names that a sentence has before it counts."""


def unused_splits(used: Sequence[str], there: Mapping[str, int]) -> list[str]:
    """A sentence on the splits that are not used, and one on each of them that looks like one that is.

    Args:
        used: the splits to train on and to evaluate on.
        there: how many images each split has that the files name.
    """
    others = sorted(set(there).difference(used))
    if not others:
        return []
    counts = [f"{there[name]} of {_quoted(name)}" for name in others]
    found = [f"images of splits that are not used: {listed(counts)}"]
    for name in others:
        alike = [one for one in used if letters(one) == letters(name)]
        if alike:
            both = (alike[0], name)
            found.append(f"the splits {' and '.join(map(_quoted, both))} {differ(both)}")
    return found


def one_sided(info: DataSetInfo, train: SplitIndex, evaluated: SplitIndex) -> list[str]:
    """A sentence each on the classes that cannot be learned, and on those that metrics say nothing of."""
    learned, measured = ((split.labels == 1).any(axis=0) for split in (train, evaluated))
    told_apart = (evaluated.labels == -1).any(axis=0)
    # Of a split without images, or whose labels nobody knows, there is nothing to say.
    known = [bool((split.labels != 0).any()) for split in (train, evaluated)]
    kinds = (
        (f"positive in {info.train_split}", ~learned & known[0], "no method can learn such a class"),
        (f"positive in {info.eval_split}", ~measured & known[1], "mAP is over the others"),
        (f"negative in {info.eval_split}", measured & ~told_apart, "AP is 100 whatever is predicted for one"),
    )
    return [
        f"classes without a {what} ({chosen.sum()} of {len(chosen)}): {_chosen(info, chosen)}; {follows}"
        for what, chosen, follows in kinds
        if chosen.any()
    ]


def _chosen(info: DataSetInfo, chosen: NDArray[np.bool_]) -> str:
    return listed([_quoted(name) for name, one in zip(info.classes, chosen, strict=True) if one])


def unmatched(unwanted: frozenset[str], images: Sequence[str], others: Sequence[str]) -> list[str]:
    """A sentence on what a list leaves out that is not there; no error: it may be of another data set.

    Args:
        unwanted: what the list names.
        images: the images of all splits that are used.
        others: what else a list may name: annotations that are of no image.
    """
    names = [_quoted(name) for name in sorted(unwanted.difference(images, others))]
    if not names:
        return []
    return [
        f"{len(names)} of {len(unwanted)} entries of the list of --skip-bad name no image: {listed(names)}; "
        f"an image is named as `bench data check --fix-list` writes it, such as {_quoted(images[0])}"
    ]


def listed(words: Sequence[str]) -> str:
    """The first of some words, and how many more there are."""
    more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return ", ".join(words[:NAMED]) + more


def _quoted(name: str) -> str:
    return f"'{cut(name, 40)}'"
