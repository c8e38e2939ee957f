"""Count labels and pairs of labels over images."""

import numpy as np
from numpy.typing import NDArray


def count_labels(labels: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count classes and pairs of classes over images.

    Only positives count: difficult labels (0) and negatives (-1) do not, which on VOC2007 trainval gives
    the graph published with ML-GCN.

    Args:
        labels: `(N, C)` with 1 positive, 0 difficult, -1 negative.

    Returns:
        `counts` `(C,)` and `cooccurrence` `(C, C)` with a zero diagonal.
    """
    # In floats, because NumPy multiplies integer matrices without BLAS, slowly; float32 is exact up to 2^24.
    positive = (labels == 1).astype(np.float32 if len(labels) < 2**24 else np.float64)
    pairs = (positive.T @ positive).astype(np.int64)
    counts = np.diagonal(pairs).copy()
    np.fill_diagonal(pairs, 0)
    return counts, pairs
