"""Intervals and tests over seeds and images together, against their definition in plain loops."""

import numpy as np
import pytest

from bench.metrics.bootstrap import replicate
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.metrics.uncertainty import SHARE, Interval, estimate, holm, mean_over
from plain_crossed import crossed


def made(seeds: int, spread: float, draw: int, mean: float = 0.5, resamples: int = 60) -> np.ndarray:
    """Three statistics of a method: images move all seeds alike, seeds by `spread`, and each a little."""
    g = np.random.default_rng(draw)
    images = 0.02 * np.random.default_rng(77).normal(size=(resamples + 1, 3))
    return (
        mean
        + images
        + spread * g.normal(size=(seeds, 1, 3))
        + 0.01 * g.normal(size=(seeds, resamples + 1, 3))
    )


def check(*methods: np.ndarray) -> None:
    found = estimate(*methods)
    for k, (interval, p) in enumerate(zip(found.intervals(), found.p_values(), strict=True)):
        wanted = crossed(*(method[:, :, k].tolist() for method in methods))
        assert (*interval, p) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("seeds", [1, 2, 3, 5])
@pytest.mark.parametrize("spread", [0, 0.005, 0.05])
def test_one_method_is_what_plain_loops_give(seeds: int, spread: float) -> None:
    check(made(seeds, spread, 1))


@pytest.mark.parametrize("seeds", [(1, 1), (1, 3), (2, 2), (3, 3), (5, 2)])
@pytest.mark.parametrize("spread", [0, 0.005, 0.05])
def test_a_difference_is_what_plain_loops_give(seeds: tuple[int, int], spread: float) -> None:
    first, second = made(seeds[0], spread, 1), made(seeds[1], 2 * spread, 2, mean=0.52)
    check(first, second)
    one, other = estimate(first, second), estimate(second, first)
    assert one.value == pytest.approx(-other.value) and one.p_values() == pytest.approx(other.p_values())


def test_resamples_that_lack_a_statistic_are_left_out() -> None:
    methods = [made(3, 0.01, 1), made(3, 0.01, 2)]
    for method in methods:
        method[:, 5:20, 1] = np.nan
    check(*methods)
    for method in methods:
        method[:, 0, 2] = np.nan
    found = estimate(*methods)
    assert np.isnan(found.intervals()[2]).all() and np.isnan(found.p_values()).tolist() == [
        False,
        False,
        True,
    ]


def test_seeds_widen_what_images_alone_say_and_more_seeds_narrow_it() -> None:
    first, second = made(3, 0.05, 1), made(3, 0.05, 2)
    together, images = estimate(first, second), estimate(first[:1], second[:1])
    assert (together.error > images.error).all() and (together.freedom < 5).all()
    assert np.isinf(images.freedom).all()
    assert (together.freedom >= 2).all() and (estimate(first[:2]).freedom >= 1).all()
    many = estimate(made(30, 0.05, 1), made(30, 0.05, 2))
    assert (many.error < together.error).all() and (many.freedom > together.freedom).all()


def test_equal_scores_do_not_differ() -> None:
    same = made(3, 0.01, 1)
    found = estimate(same, same[::-1])
    # Their seeds differ, so something varies; of one seed nothing does.
    assert (found.p_values() > 0.99).all()
    alone = estimate(same[:1], same[:1])
    assert alone.p_values().tolist() == [1, 1, 1] and alone.intervals()[0] == Interval(0, 0, 0)
    always = np.full((3, 41, 1), 0.25)
    assert estimate(always).intervals()[0] == pytest.approx((0.25, 0.25, 0.25))


def test_p_is_at_most_five_percent_where_the_interval_lacks_zero() -> None:
    seen = set()
    for draw in range(60):
        found = estimate(made(3, 0.02, draw, mean=0.53), made(3, 0.02, 1000 + draw))
        for interval, p in zip(found.intervals(), found.p_values(), strict=True):
            assert (p <= 0.05) == (interval.low > 0 or interval.high < 0)
            seen.add(bool(p <= 0.05))
    assert seen == {True, False}


def test_an_interval_is_cut_off_where_a_metric_cannot_lie() -> None:
    (found, *_) = estimate(made(2, 0.3, 1, mean=0.9)).intervals(SHARE)
    assert found.high == 1 and found.low >= 0


def test_the_interval_is_around_the_value_where_classes_are_rare() -> None:
    """Copies of a lone positive rank together and absent classes drop out, which lifts every resample."""
    g = np.random.default_rng(3)
    labels = np.full((120, 40), -1)
    labels[np.arange(80), np.repeat(np.arange(40), 2)] = 1
    runs = [
        replicate(labels + 2 * g.normal(size=labels.shape), labels, PROTOCOLS["bench"], 200).metrics
        for _ in range(3)
    ]
    value, low, high = estimate(np.stack(runs)).intervals(SHARE)[0]
    assert np.mean(runs, axis=0)[1:, 0].mean() > value + 0.02
    assert value == pytest.approx((low + high) / 2)


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    """mAP of many draws of images and seeds."""
    g = np.random.default_rng(0)

    def images(number: int) -> np.ndarray:
        return np.where(g.random((number, 2)) < 0.3, 1, -1)

    def scores(labels: np.ndarray) -> np.ndarray:
        return labels * g.normal(1, 0.1) + g.normal(size=labels.shape)

    labels = images(20_000)
    truth = np.mean([evaluate(scores(labels), labels, PROTOCOLS["bench"]).mAP for _ in range(40)])
    hits = 0
    for _ in range(60):
        labels = images(250)
        runs = [replicate(scores(labels), labels, PROTOCOLS["bench"], 100).metrics for _ in range(3)]
        found = estimate(np.stack(runs)).intervals()[0]
        hits += found.low <= truth <= found.high
    assert 51 <= hits <= 60  # 95 % of 60 are 57


def test_the_mean_over_classes_is_that_of_those_that_are_there() -> None:
    values = np.array([[[0.2, np.nan, 0.4], [np.nan, np.nan, np.nan]]])
    assert mean_over(values) == pytest.approx(np.array([[0.3, np.nan]]), nan_ok=True)


def test_holm_adjusts_for_those_that_are_tested() -> None:
    # Three are tested: 0.01 x 3, then the greater of that and 0.02 x 2, then of that and 0.9 x 1.
    assert holm(np.array([0.9, np.nan, 0.01, 0.02])) == pytest.approx([0.9, np.nan, 0.03, 0.04], nan_ok=True)
    assert holm(np.array([0.03, 0.02, 0.5])) == pytest.approx([0.06, 0.06, 0.5])
    assert holm(np.array([0.6, 0.7])) == pytest.approx([1, 1])
    assert np.isnan(holm(np.array([np.nan]))).all()
