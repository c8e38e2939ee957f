"""Tuning curves: how good the best of n trials is expected to be, with exact confidence bands.

The trials are independent draws, so the scores of a method are a sample of the distribution of its scores,
and the best of n of them is known from it (Dodge et al. 2019, Show Your Work, EMNLP). The bands hold for all
n at once and whatever the distribution is (Lourie, Cho, He 2024, Show Your Work with Confidence, NAACL; by
`opda`).
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from opda.nonparametric import EmpiricalDistribution

from bench.tune.design import Design
from bench.tune.outcome import MethodOutcome

CONFIDENCE = 0.95

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class TuningCurve:
    """The expected best score after 1 to N trials, as fractions, each `(N,)`, with its simultaneous band."""

    expected: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class DrawnCurve:
    """The curve of a method of a tune; `hours` is what a trial took on average."""

    curve: TuningCurve
    hours: float


def curve_of(design: Design, outcome: MethodOutcome) -> DrawnCurve:
    """The curve of a method with at least one drawn trial, by the scores of the first seed."""
    trials = outcome.drawn()
    curve = tuning_curve(outcome.drawn_scores(design))
    return DrawnCurve(curve, float(np.mean([trial.seconds / len(trial.scores) for trial in trials])) / 3600)


def tuning_curve(scores: Sequence[float]) -> TuningCurve:
    """The curve of a method.

    Args:
        scores: of its N drawn trials, between 0 and 1. The schedule as it is was not drawn, and is not one.
    """
    trials = np.arange(1, len(scores) + 1)
    with warnings.catch_warnings():
        # A report says it in its own words.
        warnings.filterwarnings("ignore", "Duplicates detected in ys", RuntimeWarning)
        lower, point, upper = EmpiricalDistribution.confidence_bands(
            np.array(scores),
            CONFIDENCE,
            a=0.0,
            b=1.0,
            method="ld_equal_tailed",
            generator=np.random.default_rng(0),
        )
    # A distribution function that lies higher is one of lower scores.
    low, expected, high = (one.average_tuning_curve(trials) for one in (upper, point, lower))
    return TuningCurve(expected, low, high)
