"""The variance of crossed random effects in plain loops over seeds and resamples, as its definition reads."""

import math
from collections.abc import Sequence
from statistics import fmean, variance

from scipy.stats import t as student

Values = Sequence[Sequence[float]]
"""Of each seed a value on the test images, then one on each resample."""


def crossed(*methods: Values) -> tuple[float, float, float, float]:
    """Value, low, high and p of a method, or of the difference of two; NaN where a resample lacks it."""
    signs = [1, -1][: len(methods)]
    number = len(methods[0][0])
    means = [
        sum(sign * fmean(seed[b] for seed in method) for sign, method in zip(signs, methods, strict=True))
        for b in range(number)
    ]
    images = variance(mean for mean in means[1:] if not math.isnan(mean))
    extra, used, fewest = 0.0, 0.0, math.inf
    for method in methods:
        seeds = len(method)
        if seeds == 1:
            continue
        v_seed = variance([seed[0] for seed in method]) / seeds
        middle = [fmean(value for value in seed[1:] if not math.isnan(value)) for seed in method]
        of_resamples = [
            variance([seed[b] - centre for seed, centre in zip(method, middle, strict=True)])
            for b in range(1, number)
            if not math.isnan(method[0][b])
        ]
        v_int = fmean(of_resamples) / seeds
        extra += v_seed - v_int
        used += v_seed**2 / (seeds - 1)
        fewest = min(fewest, seeds - 1)
    total = images + max(0.0, extra)
    freedom = math.inf if math.isinf(fewest) else max(total**2 / used, fewest)
    reach = student.ppf(0.975, freedom) * math.sqrt(total)
    p = 2 * student.sf(abs(means[0]) / math.sqrt(total), freedom)
    return means[0], means[0] - reach, means[0] + reach, float(p)
