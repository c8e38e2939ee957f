"""What a split holds, and how that differs from what was published."""

from dataclasses import dataclass

import numpy as np

from bench.datasets.index import SplitIndex
from bench.datasets.info import Counts
from bench.labels import count_labels


@dataclass(frozen=True)
class SplitStatistics:
    """Counts of one split.

    Attributes:
        images: N.
        positives: positive image labels.
        difficult: difficult image labels.
        labels_per_image: how many images have 0, 1, 2, ... positive labels.
        frequency: `(C,)`, positive images per class.
        pairs: the pairs of classes that share most images: both columns, and how many.
    """

    images: int
    positives: int
    difficult: int
    labels_per_image: tuple[int, ...]
    frequency: tuple[int, ...]
    pairs: tuple[tuple[int, int, int], ...]


def describe_split(index: SplitIndex, most_pairs: int = 10) -> SplitStatistics:
    """Count a split."""
    counts, cooccurrence = count_labels(index.labels)
    rows, columns = np.triu_indices(len(counts), k=1)
    shared = cooccurrence[rows, columns]
    first = np.argsort(-shared, kind="stable")[:most_pairs]
    return SplitStatistics(
        images=len(index),
        positives=int((index.labels == 1).sum()),
        difficult=int((index.labels == 0).sum()),
        labels_per_image=tuple(np.bincount((index.labels == 1).sum(axis=1)).tolist()),
        frequency=tuple(counts.tolist()),
        pairs=tuple((int(rows[i]), int(columns[i]), int(shared[i])) for i in first if shared[i] > 0),
    )


def differences(found: SplitStatistics, published: Counts) -> list[str]:
    """One sentence for each count that is not the published one; empty where all agree."""
    compared = (
        ("images", found.images, published.images),
        ("positive labels", found.positives, published.positives),
        ("difficult labels", found.difficult, published.difficult),
    )
    return [
        f"{have} {what} instead of the published {expected}"
        for what, have, expected in compared
        if expected is not None and have != expected
    ]
