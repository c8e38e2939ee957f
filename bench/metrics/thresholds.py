"""Thresholds on scores, one for each class and one for all, by exact sweeps over the sorted scores.

Every threshold that tells two scores apart is looked at, in no grid. Scores that are equal are predicted
together. Between a score and the next lower one all thresholds predict the same: their middle is taken; above
the highest score it is infinity, which predicts nothing, below the lowest minus infinity, which predicts all.

What is optimised:

- `CF1`: per class the F1 of the class. Where a protocol takes CF1 as the mean of these, that gives the best
  CF1 there is. Where it takes the harmonic mean of CP and CR it need not: that one rises when a poor class is
  predicted once and rightly, for a precision of 1, so its optimum gives up classes for the sake of the mean,
  on few images by chance. The threshold for all, which cannot single out a class, is the best for CF1 as the
  protocol takes it.
- `OF1`: the OF1 of all labels. The thresholds of all classes together give the highest OF1 there is: a ratio
  of sums over classes, which is found class by class for a trial value of the ratio, until the value stays
  (Dinkelbach, On nonlinear fractional programming, Management Science 13, 1967).
- `precision=P`: the lowest threshold with a precision of P or more, of the class, and of all labels (OP).

What counts as positive, and whether a difficult label counts, is the protocol's, as in what is reported.
"""

import math
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError, cut
from bench.metrics.average_precision import BoolArray, FloatArray, IntArray, check_scores, positives
from bench.metrics.protocol import Protocol

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_KINDS: Final = "CF1, OF1, or precision=P with P between 0 and 1, as in precision=0.9"


class Target(NamedTuple):
    """What thresholds are fitted for; `precision` is that of the kind of this name."""

    kind: Literal["CF1", "OF1", "precision"]
    precision: float = 1.0

    def __str__(self) -> str:
        """As a user writes it."""
        return f"precision={self.precision:g}" if self.kind == "precision" else self.kind


def parse_target(text: str) -> Target:
    """A target as a user writes it: `CF1`, `OF1`, `precision=0.9`.

    Raises:
        UserError: it is none.
    """
    name, _, value = text.strip().partition("=")
    if name.upper() in ("CF1", "OF1") and not value:
        return Target("CF1" if name.upper() == "CF1" else "OF1")
    try:
        precision = float(value)
    except ValueError:
        precision = math.nan
    if name.lower() == "precision" and 0 < precision <= 1:
        return Target("precision", precision)
    raise UserError(f"Thresholds cannot be fitted for '{cut(text)}': give {_KINDS}.")


class Fitted(NamedTuple):
    """Thresholds on scores, and which classes have none of their own.

    Attributes:
        per_class: `(C,)`; infinity predicts never, minus infinity always.
        overall: one for all classes.
        without_positives: `(C,)`, no positive to fit on: the class has the threshold for all.
        unreached: `(C,)`, no threshold of the class has the precision asked for: it is predicted never.
    """

    per_class: Floats
    overall: float
    without_positives: BoolArray
    unreached: BoolArray


def fit_thresholds(scores: FloatArray, labels: IntArray, target: Target, protocol: Protocol) -> Fitted:
    """Fit one threshold for each class and one for all.

    Of equally good ones the highest is taken, except for a precision.

    Args:
        scores: `(N, C)`, finite.
        labels: `(N, C)` in {1, 0, -1}.
        target: what is optimised.
        protocol: what difficult labels count as, how CF1 and OP are computed.

    Raises:
        ValueError: shapes or values are bad, or no class has a positive.
    """
    check_scores(scores, labels)
    ranked = _rank(scores, labels, protocol)
    known = ranked.wanted > 0
    if not known.any():
        raise ValueError("no class has a positive label: there is nothing to fit thresholds on")
    overall = _overall(ranked, target, protocol)
    if target.kind == "CF1":
        chosen = np.where(ranked.cuts, _f1(ranked), -1).argmax(axis=0)
    elif target.kind == "OF1":
        chosen = _jointly_best(ranked, overall, protocol)
    else:
        chosen = _last(ranked.cuts & (_precision(ranked) >= target.precision))
    per_class = np.where(known, ranked.limits(chosen), overall)
    unreached = known & (chosen == 0) & (target.kind == "precision")
    return Fitted(per_class, overall, ~known, unreached)


class _Ranked(NamedTuple):
    """Every class with its labels by falling score; those that do not count come last.

    Attributes:
        scores: `(N, C)`, minus infinity where a label does not count.
        hits: `(N + 1, C)`, positives among the first k.
        counted: `(C,)`, labels that count.
        wanted: `(C,)`, positives.
        cuts: `(N + 1, C)`, whether a threshold can predict just the first k.
    """

    scores: Floats
    hits: Counts
    counted: Counts
    wanted: Counts
    cuts: BoolArray

    def limits(self, first: Counts) -> Floats:
        """The thresholds `(C,)` that predict so many of each class."""
        columns = np.arange(len(first))
        above = self.scores[np.maximum(first - 1, 0), columns]
        below = self.scores[np.minimum(first, len(self.scores) - 1), columns]
        every = first >= self.counted
        middle = (above + np.where(every, above, below)) / 2
        return np.where(first == 0, np.inf, np.where(every, -np.inf, middle))

    def first(self, limit: float) -> Counts:
        """How many of each class, `(C,)`, a threshold predicts."""
        over: Counts = (self.scores >= limit).sum(axis=0, dtype=np.int64)
        return np.minimum(over, self.counted)


def _rank(scores: FloatArray, labels: IntArray, protocol: Protocol) -> _Ranked:
    true = positives(labels, protocol.difficult_in_pr)
    kept = labels != 0 if protocol.difficult_in_pr == "ignored" else np.ones_like(true)
    placed = np.where(kept, scores.astype(np.float64), -np.inf)
    order = np.argsort(-placed, axis=0)
    falling = np.take_along_axis(placed, order, axis=0)
    hits = np.cumsum(np.take_along_axis(true & kept, order, axis=0), axis=0, dtype=np.int64)
    none = np.zeros((1, scores.shape[1]), dtype=np.int64)
    hits = np.concatenate([none, hits])
    counted = kept.sum(axis=0, dtype=np.int64)
    # Behind the last label that counts there is nothing more to predict.
    cuts = np.concatenate([none == 0, falling[1:] != falling[:-1], none == 0])
    places = np.arange(len(scores) + 1)[:, None]
    cuts = (cuts & (places < counted)) | (places == counted)
    return _Ranked(falling, hits, counted, hits[-1], cuts)


def _guesses(ranked: _Ranked) -> Counts:
    """`(N + 1, 1)`, predictions of a class of which the first k are predicted."""
    return np.arange(len(ranked.hits), dtype=np.int64)[:, None]


def _precision(ranked: _Ranked) -> Floats:
    """`(N + 1, C)`, 0 where nothing is predicted."""
    found: Floats = ranked.hits / np.maximum(_guesses(ranked), 1)
    return found


def _f1(ranked: _Ranked) -> Floats:
    """`(N + 1, C)`, 0 where there is neither a prediction nor a positive."""
    found: Floats = 2 * ranked.hits / np.maximum(_guesses(ranked) + ranked.wanted, 1)
    return found


def _patched(ranked: _Ranked, protocol: Protocol) -> Counts:
    """The predictions that enter OP, `(N + 1, 1)`: of a class without any, one by some protocols."""
    least = 1 if protocol.unpredicted == "zero-patched" else 0
    return np.maximum(_guesses(ranked), least)


def _last(holds: BoolArray) -> Counts:
    """The last place in each column, `(C,)`, of what holds; 0 where nothing does."""
    found: Counts = np.where(holds.any(axis=0), len(holds) - 1 - holds[::-1].argmax(axis=0), 0)
    return found


def _jointly_best(ranked: _Ranked, overall: float, protocol: Protocol) -> Counts:
    """How many of each class, `(C,)`, give the highest OF1; classes without positives as at `overall`."""
    guesses, columns = _patched(ranked, protocol), np.arange(len(ranked.wanted))
    fixed, known = ranked.first(overall), ranked.wanted > 0

    def of1(first: Counts) -> float:
        hits, predicted = ranked.hits[first, columns].sum(), guesses[first, 0].sum()
        return float(2 * hits / (predicted + ranked.wanted.sum()))

    chosen = fixed
    while True:
        ratio = of1(chosen)
        worth = np.where(ranked.cuts, 2 * ranked.hits - ratio * guesses, -np.inf)
        better = np.where(known, worth.argmax(axis=0), fixed)
        if of1(better) <= ratio:
            return chosen
        chosen = better


def _overall(ranked: _Ranked, target: Target, protocol: Protocol) -> float:
    """The threshold for all classes at once."""
    every = np.ones(len(ranked.wanted), dtype=bool)
    together = _Together(ranked, ranked.wanted > 0 if target.kind == "CF1" else every)
    if target.kind == "CF1":
        worth = _cf1(ranked, together, protocol)
    else:
        hits, guesses = together.total(ranked.hits), together.total(_patched(ranked, protocol))
        if target.kind == "precision":
            reached = hits / np.maximum(guesses, 1) >= target.precision
            return float(together.limits[_last(reached[:, None])[0]])
        worth = 2 * hits / (guesses + ranked.wanted.sum())
    return float(together.limits[worth.argmax()])


def _cf1(ranked: _Ranked, together: "_Together", protocol: Protocol) -> Floats:
    """CF1 at every threshold for all, `(K,)`, as a protocol takes it."""
    count = int((ranked.wanted > 0).sum())
    if protocol.cf1 == "mean-of-classes":
        return together.total(_f1(ranked)) / count
    precision = _precision(ranked)
    if protocol.unpredicted == "one":
        precision[0] = 1
    cp = together.total(precision) / count
    cr = together.total(ranked.hits / np.maximum(ranked.wanted, 1)) / count
    worth: Floats = 2 * cp * cr / np.maximum(cp + cr, np.finfo(np.float64).tiny)
    return worth


class _Together:
    """The labels of some classes in one list by falling score.

    Attributes:
        limits: `(K,)`, every threshold that tells two scores apart, from infinity to minus infinity.
    """

    def __init__(self, ranked: _Ranked, classes: BoolArray) -> None:
        places = np.arange(len(ranked.scores))[:, None]
        self._classes = classes
        self._within = (places < ranked.counted) & classes
        scores = ranked.scores[self._within]
        self._order = np.argsort(-scores)
        falling = scores[self._order]
        self._ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
        middles = (falling[self._ends[:-1]] + falling[self._ends[:-1] + 1]) / 2
        self.limits = np.concatenate([[np.inf], middles, [-np.inf]])

    def total(self, values: NDArray[Any]) -> Floats:
        """The sum over classes `(K,)` of what each is worth with its first k predicted, `(N + 1, C)`."""
        whole = np.broadcast_to(values, (len(self._within) + 1, len(self._classes))).astype(np.float64)
        steps = np.diff(whole, axis=0)[self._within][self._order]
        found: Floats = whole[0, self._classes].sum() + np.append(0.0, np.cumsum(steps)[self._ends])
        return found
