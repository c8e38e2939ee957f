"""How large the objects of an image are, where the annotations of a data set have boxes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.datasets.info import DataSetInfo
from bench.datasets.layout import ALL
from bench.datasets.listing import reader_of
from bench.progress import Progress

Shares = Mapping[str, Mapping[str, float]]
"""By image id and class, the share of the picture's area that its largest box covers."""


def largest_boxes(
    info: DataSetInfo, folder: Path, split: str, ids: Sequence[str], progress: Progress | None = None
) -> NDArray[np.float64] | None:
    """The share of the picture that the largest box of each class covers.

    A reader whose annotations have boxes has a function `box_shares(folder, layout, split, ids, progress)`,
    which gives the `Shares` of the images that it is asked for; what it cannot tell is left out.

    Args:
        info: the data set, with its classes.
        folder: where it lies.
        split: of the images.
        ids: N images of the split.
        progress: called with (done, total) while annotations are read.

    Returns:
        `(N, C)`, from 0 to 1; NaN where there is no box, or the size of the picture is not known; None where
        the layout has no boxes.
    """
    reader = getattr(reader_of(info.layout), "box_shares", None)
    if reader is None:
        return None
    found: Shares = reader(folder, info.layout, _listed_in(info, split), ids, progress)
    shares = np.full((len(ids), len(info.classes)), np.nan)
    column = {name: position for position, name in enumerate(info.classes)}
    for row, image in enumerate(ids):
        for name, share in found.get(image, {}).items():
            if name in column:
                shares[row, column[name]] = share
    return shares


def _listed_in(info: DataSetInfo, split: str) -> str:
    """The split as the files list it: of one that is drawn here, what it is drawn from."""
    if info.made is None:
        return split
    return ALL if info.carved_from is None else _listed_in(info.carved_from, info.carved_from.train_split)


def share_of(width: float, height: float, of_width: float, of_height: float) -> float | None:
    """The share that a box covers of a picture; None where either has no area that makes sense."""
    whole, part = of_width * of_height, width * height
    if not (whole > 0 and part > 0 and width > 0 and np.isfinite(part / whole)):
        return None
    return min(1.0, part / whole)
