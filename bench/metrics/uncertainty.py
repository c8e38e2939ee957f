"""How much a metric would move with other test images and other seeds: crossed random effects.

Every seed of a method is measured on the same images, so images and seeds are crossed. Resampling the images
alone takes the trained models for the only ones there are; the spread over seeds alone takes the test images
for the only ones. Both sources are added here, and what they share is taken out once (after Owen 2007, The
pigeonhole bootstrap, Annals of Applied Statistics 1). With theta(s, b) the value of seed s on the resample b,
b = 0 the test images themselves:

- V_img: the variance over b > 0 of the mean over seeds; of two methods, of the difference of their means.
- V_seed of a method: the variance over its S seeds of theta(s, 0), divided by S.
- V_int of a method: how images and seeds act together, which is in both of the above: the mean over b > 0 of
  the variance over s of theta(s, b) less the mean of theta(s, .) over b > 0, divided by S.
- V = V_img + max(0, the sum over the methods of V_seed - V_int), with V^2 / (the sum of V_seed^2 / (S - 1))
  degrees of freedom (Satterthwaite 1946), but no fewer than S - 1 of the method with the fewest seeds.

Seeds are not paired between methods: one number starts two unlike heads, and pairing widened the intervals.
The interval is that of Student's t around the value, the p-value that of the same t. AP of a resample tends
to be higher than that of the test set, because the copies of a positive are ranked together, and a class of
which no positive is drawn is in no mean; that shift comes from resampling alone, and a variance is free of
it. What is estimated is the expected value on test sets of this size, for models trained from any seed.

A method without a seed, or with one, has no V_seed and no V_int: its interval is over images only.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

ALPHA: Final = 0.05
"""A difference counts as shown where its p-value is at most this."""
LEVEL: Final = 1 - ALPHA
LEAST_SEEDS: Final = 3
"""With fewer seeds of a method, no difference to it counts as shown: their spread is hardly known."""
FEWEST_POSITIVES: Final = 10
"""A class with fewer positive test images has no interval and no test: its resamples are too much alike."""

SHARE: Final = (0.0, 1.0)
DIFFERENCE: Final = (-1.0, 1.0)

# A standard error below this is that of equal scores, whose sums were added in another order.
_NOTHING: Final = 1e-9

FloatArray = NDArray[np.float64]


class Interval(NamedTuple):
    """A value with its confidence interval, as fractions; NaN where there is nothing to measure."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Estimate:
    """K statistics, or differences, with how uncertain they are; NaN where there is nothing to measure.

    Attributes:
        value: `(K,)`, on the test images, the mean over seeds.
        error: `(K,)`, the standard errors.
        freedom: `(K,)`, degrees of freedom; infinite where no method has several seeds.
    """

    value: FloatArray
    error: FloatArray
    freedom: FloatArray

    def intervals(self, within: tuple[float, float] = (-np.inf, np.inf)) -> list[Interval]:
        """The intervals of `LEVEL`, cut off where a statistic cannot lie: `SHARE`, or `DIFFERENCE` of two."""
        from scipy.special import stdtrit  # here, because planning and reading records need no SciPy

        reach = stdtrit(self.freedom, 1 - ALPHA / 2) * self.error
        low, high = np.clip([self.value - reach, self.value + reach], *within)
        return [Interval(*map(float, one)) for one in zip(self.value, low, high, strict=True)]

    def p_values(self) -> FloatArray:
        """Two-sided p-values, `(K,)`, of the statistics being 0; 1 where nothing varies."""
        from scipy.special import stdtr

        varies = self.error > _NOTHING
        statistic = np.abs(self.value) / np.where(varies, self.error, 1)
        p: FloatArray = np.where(varies, 2 * stdtr(self.freedom, -statistic), 1.0)
        return np.where(np.isnan(self.value + self.error), np.nan, p)


def estimate(first: FloatArray, second: FloatArray | None = None) -> Estimate:
    """K statistics of one method, or their differences between two.

    Args:
        first: `(S, B + 1, K)`: of each seed, on the test images (0) and on B resamples of them. NaN in a
            resample that lacks the statistic, which lacks it for every seed and method.
        second: likewise with its own S, on the same resamples; it is subtracted.
    """
    methods = [first] if second is None else [first, second]
    means = [method.mean(axis=0) for method in methods]
    mean = means[0] if second is None else means[0] - means[1]
    total, spread_total, used = _variance(mean[1:]), np.zeros(mean.shape[1]), np.zeros(mean.shape[1])
    fewest = np.inf
    for method in methods:
        seeds = len(method)
        if seeds > 1:
            by_seed = method[:, 0].var(axis=0, ddof=1) / seeds
            moved = method[:, 1:] - _mean(method[:, 1:], axis=1)[:, None]
            together = _mean(moved.var(axis=0, ddof=1)) / seeds
            spread_total += by_seed - together
            used += by_seed**2 / (seeds - 1)
            fewest = min(fewest, seeds - 1)
    total = total + np.maximum(0, spread_total)
    freedom = np.divide(total**2, used, out=np.full_like(used, np.inf), where=used > 0)
    return Estimate(mean[0], np.sqrt(total), np.maximum(freedom, fewest) if np.isfinite(fewest) else freedom)


def _mean(values: FloatArray, axis: int = 0) -> FloatArray:
    """The mean of what is known along an axis; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0).sum(axis=axis)
    mean: FloatArray = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean


def _variance(values: FloatArray) -> FloatArray:
    """The sample variance of what is known along the first axis; NaN where fewer than two are."""
    count = (~np.isnan(values)).sum(axis=0)
    squares = np.nan_to_num((values - _mean(values)) ** 2).sum(axis=0)
    variance: FloatArray = np.divide(squares, count - 1, out=np.full(count.shape, np.nan), where=count > 1)
    return variance


def mean_over(class_values: FloatArray) -> FloatArray:
    """The mean over the classes, the last axis, that have a positive in the resample; NaN where none has."""
    return _mean(class_values, axis=-1)


def holm(p: FloatArray) -> FloatArray:
    """p-values adjusted for how many there are (Holm 1979, A simple sequentially rejective procedure).

    Args:
        p: `(K,)`; NaN for what is not tested, which counts as none.
    """
    adjusted = np.full(len(p), np.nan)
    order = [int(k) for k in np.argsort(p, kind="stable") if not np.isnan(p[k])]
    least = 0.0
    for rank, k in enumerate(order):
        least = max(least, min(1.0, (len(order) - rank) * float(p[k])))
        adjusted[k] = least
    return adjusted
