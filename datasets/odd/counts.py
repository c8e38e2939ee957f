"""Classes of one's own data of which nothing can be learned, or nothing can be measured."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.datasets.odd.labels import listed, quoted


def odd_counts(
    classes: Sequence[str], train: NDArray[np.int8], held_out: NDArray[np.int8], names: tuple[str, str]
) -> list[str]:
    """A sentence on the classes that lack a positive label in a split, or a negative one to be measured by.

    Args:
        classes: C names.
        train: `(N, C)` labels of the training split, 1 positive, 0 difficult, -1 negative.
        held_out: `(M, C)`, of the split that is evaluated.
        names: of the two splits.
    """
    kinds = (
        (~(train == 1).any(axis=0), f"no positive label in {names[0]}: nothing is learned of them"),
        (~(held_out == 1).any(axis=0), f"no positive label in {names[1]}: they are in no mean"),
        (
            (held_out == 1).any(axis=0) & ~(held_out == -1).any(axis=0),
            f"no negative label in {names[1]}: their average precision is 100 whatever is predicted",
        ),
    )
    return [
        f"{int(found.sum())} of {len(classes)} classes have {said} "
        f"({listed([quoted(classes[int(c)]) for c in np.flatnonzero(found)])})"
        for found, said in kinds
        if found.any()
    ]
