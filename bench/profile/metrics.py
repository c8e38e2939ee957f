"""How long all metrics take, beside scikit-learn's average precision and the loops of published codes."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from bench.metrics.average_precision import Curves
from bench.metrics.evaluate import METRICS, evaluate
from bench.metrics.precision_recall import precision_recall
from bench.metrics.protocol import PROTOCOLS, ApRule
from bench.profile.plain_metrics import walked_metrics
from bench.profile.report import Figure

LABELS_PER_IMAGE: Final = 2.9
"""MS-COCO's."""
TO_SCIKIT_LEARN: Final = 1e-9
TO_LOOPS: Final = 1e-4
"""Differences that are rounding; and the order of images with equal scores, of which the loops take any."""
LOOPED: Final = 8
"""Classes that the loops are measured on: on 80 they take a minute."""

_Result = TypeVar("_Result")


class MetricSpeed(NamedTuple):
    """What was measured, and how far results are apart at most."""

    figures: tuple[Figure, ...]
    to_scikit_learn: float
    to_loops: float

    def equal(self) -> bool:
        """Whether all compute the same."""
        return self.to_scikit_learn <= TO_SCIKIT_LEARN and self.to_loops <= TO_LOOPS


def made_scores(images: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Logits that know something of the labels, `(N, C)` each; every class has a positive."""
    draw = np.random.default_rng(0)
    share = min(0.5, LABELS_PER_IMAGE / classes)
    labels = np.where(draw.random((images, classes), dtype=np.float32) < share, 1, -1).astype(np.int8)
    labels[np.arange(classes) % images, np.arange(classes)] = 1
    noise = draw.standard_normal(labels.shape, dtype=np.float32)
    return noise + np.float32(1.5) * (labels - np.int8(1)), labels


def all_metrics(scores: NDArray[np.float32], labels: NDArray[np.int8]) -> dict[ApRule, NDArray[np.float64]]:
    """AP of each class by the three rules; precision, recall and F1 of all labels and of the top 3."""
    protocol = PROTOCOLS["bench"]
    curves = Curves(scores, labels, protocol.difficult_in_ap)
    found = {rule: curves.average_precision(rule) for rule in get_args(ApRule)}
    for top_k in (None, 3):
        precision_recall(scores, labels, protocol, top_k)
    return found


def measure_metrics(images: int, classes: int, repeats: int) -> MetricSpeed:
    """Compute all metrics in turn with scikit-learn's average precision and with loops, in this process."""
    from sklearn.metrics import average_precision_score  # here, because it takes a second

    scores, labels = made_scores(images, classes)
    true, few = labels == 1, (np.ascontiguousarray(scores[:, :LOOPED]), labels[:, :LOOPED])
    every: list[float] = []
    theirs: list[float] = []
    one: list[float] = []
    loops: list[float] = []
    sorting: list[float] = []
    to_theirs = to_loops = 0.0
    all_metrics(scores, labels)  # what is slow once is nobody's speed
    for _ in range(repeats):
        ap = _timed(theirs, lambda: average_precision_score(true, scores, average=None))
        found = _timed(every, lambda: all_metrics(scores, labels))
        _timed(sorting, lambda: np.sort(scores.T, axis=1))
        walked = _timed(loops, lambda: walked_metrics(*few))
        metrics = _timed(one, lambda: evaluate(*few, PROTOCOLS["ml-gcn"]))
        to_theirs = max(to_theirs, float(np.abs(ap - found["ap"]).max()))
        pairs = zip(walked, (metrics.value(name) for name in METRICS), strict=True)
        to_loops = max(to_loops, *(abs(loop - ours) for loop, ours in pairs))
    share = float(np.median(np.array(sorting) / np.array(every)))
    bound = f"sorting the scores of each class, {share:.0%} of it"
    return MetricSpeed(
        (
            Figure(
                what=f"three rules of AP and twelve figures, {images} images x {classes} labels",
                unit="s",
                values=every,
                against="scikit-learn's average precision alone",
                beside=theirs,
                least=2,
                bound=bound,
            ),
            Figure(
                what=f"all metrics of one protocol, {images} images x {few[0].shape[1]} labels",
                unit="s",
                values=one,
                against="loops as in the published codes",
                beside=loops,
                least=50,
                bound=bound,
            ),
        ),
        to_theirs,
        to_loops,
    )


def _timed(into: list[float], work: Callable[[], _Result]) -> _Result:
    start = time.perf_counter()
    result = work()
    into.append(time.perf_counter() - start)
    return result
