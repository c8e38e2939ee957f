"""Whether each class deserves a threshold of its own: asked of images that no threshold was fitted on.

With few positives of a class its own threshold fits chance, and one for all does better on new images.
"""

from typing import Final

import numpy as np

from bench.metrics.average_precision import FloatArray, IntArray
from bench.metrics.precision_recall import precision_recall_of
from bench.metrics.protocol import Protocol
from bench.metrics.thresholds import Target, fit_thresholds

FOLDS: Final = 5
_SEED: Final = 0


def own_thresholds_pay(scores: FloatArray, labels: IntArray, target: Target, protocol: Protocol) -> bool:
    """Whether thresholds of each class beat one for all, in cross-validation.

    The images are divided among five folds; those of a fold are decided by thresholds that were fitted on the
    other four, and the target is measured on the decisions of all folds together. A precision is asked of
    each class, so for that the answer is yes. It is no where a fold leaves nothing to fit on.

    Args:
        scores: `(N, C)`, finite.
        labels: `(N, C)` in {1, 0, -1}.
        target: what is optimised.
        protocol: as `fit_thresholds` takes it.
    """
    if target.kind == "precision":
        return True
    fold = np.random.default_rng(_SEED).permutation(len(scores)) % FOLDS
    own, one = np.zeros(scores.shape, dtype=np.bool_), np.zeros(scores.shape, dtype=np.bool_)
    for number in range(FOLDS):
        out = fold == number
        if not (labels[~out] == 1).any():
            return False
        fitted = fit_thresholds(scores[~out], labels[~out], target, protocol)
        own[out] = scores[out] >= fitted.per_class
        one[out] = scores[out] >= fitted.overall
    measured = [getattr(precision_recall_of(made, labels, protocol), target.kind) for made in (own, one)]
    return bool(measured[0] > measured[1])
