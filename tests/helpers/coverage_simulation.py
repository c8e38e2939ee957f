"""How often intervals hold the truth, and how often equal methods are told apart, in simulated benchmarks.

Two methods draw everything from the same distributions, so there is no difference between them, and one that
is found is an error. An image may be hard for every model (shared noise), a seed may be better or worse than
another on all images (spread), and each model errs on images of its own (the rest). It writes a table in
Markdown: `make coverage-simulation`.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np

from bench.metrics.bootstrap import NAMES, replicate
from bench.metrics.evaluate import evaluate
from bench.metrics.protocol import PROTOCOLS
from bench.metrics.uncertainty import ALPHA, FEWEST_POSITIVES, SHARE, estimate, holm

PROTOCOL: Final = PROTOCOLS["bench"]
IMAGES: Final = 500
RESAMPLES: Final = 200
SEEDS: Final = (2, 3, 5)
SIMULATIONS: Final = 500  # the standard error of a share of 5 % is then 1 %
STRENGTH: Final = 1.5  # how far the scores of positives lie above the others, in standard deviations


@dataclass(frozen=True)
class Setting:
    """Classes by their expected positives among the images, and the spread over seeds in points of mAP."""

    name: str
    positives: tuple[float, ...]
    spread: float


COMMON: Final = tuple(np.linspace(50, 100, 20))
SETTINGS: Final = (
    *(Setting("20 classes, 50 to 100 positives", COMMON, spread) for spread in (0.0, 0.5, 2.0)),
    Setting("20 classes, about 15 positives", (15.0,) * 20, 0.5),
    Setting("40 classes, about 1 to 5 positives", tuple(np.linspace(1, 5, 40)), 0.5),
)


@dataclass(frozen=True)
class Found:
    """What one simulated benchmark gives at one number of seeds.

    Attributes:
        values: `(3,)`, the metrics of the first method.
        bounds: `(3, 2)`, their intervals.
        p: `(3,)`, of the differences between the two methods.
        p_images: of the difference of mAP, were the images alone uncertain.
        any_metric: whether any of the three is called different, adjusted for three.
        any_class: likewise of the classes that are tested.
    """

    values: np.ndarray
    bounds: np.ndarray
    p: np.ndarray
    p_images: float
    any_metric: bool
    any_class: bool


def labels_of(setting: Setting, g: np.random.Generator) -> np.ndarray:
    """Labels of `IMAGES` images; a rare class may have no positive, and is then in no mean."""
    share = np.array(setting.positives) / IMAGES
    return np.where(g.random((IMAGES, len(share))) < share, 1, -1).astype(np.int8)


def scores_of(labels: np.ndarray, shared: np.ndarray, strength: float, g: np.random.Generator) -> np.ndarray:
    """Logits of one model: half the variance of its errors is that of the images, half its own."""
    noise = np.sqrt(0.5) * (shared + g.normal(size=labels.shape))
    return (strength * (labels > 0) - STRENGTH / 2 + noise).astype(np.float32)


@cache
def deviation(setting: Setting) -> float:
    """The deviation of the strength over seeds that gives the spread of mAP that is asked for."""
    g = np.random.default_rng(1)
    maps: list[list[float]] = [[], []]
    for _ in range(60):
        labels, step = labels_of(setting, g), 0.1
        shared = g.normal(size=labels.shape)
        for side, strength in zip(maps, (STRENGTH - step, STRENGTH + step), strict=True):
            side.append(evaluate(scores_of(labels, shared, strength, g), labels, PROTOCOL).mAP)
    slope = 100 * float(np.mean(maps[1]) - np.mean(maps[0])) / (2 * step)
    return setting.spread / slope


def simulate(setting: Setting, number: int) -> list[Found]:
    """One benchmark of two equal methods, at each number of `SEEDS`."""
    g = np.random.default_rng([number, SETTINGS.index(setting)])
    labels = labels_of(setting, g)
    shared = g.normal(size=labels.shape)
    runs = [
        [
            replicate(
                scores_of(labels, shared, STRENGTH + deviation(setting) * g.normal(), g),
                labels,
                PROTOCOL,
                RESAMPLES,
                seed=number,
            )
            for _ in range(max(SEEDS))
        ]
        for _ in range(2)
    ]
    tested = (labels > 0).sum(axis=0) >= FEWEST_POSITIVES
    metrics = [np.stack([run.metrics for run in side]) for side in runs]
    class_ap = [np.stack([run.class_ap[:, tested] for run in side]) for side in runs]
    return [
        _found([side[:seeds] for side in metrics], [side[:seeds] for side in class_ap]) for seeds in SEEDS
    ]


def _found(metrics: Sequence[np.ndarray], class_ap: Sequence[np.ndarray]) -> Found:
    alone, apart = estimate(metrics[0]), estimate(*metrics)
    images = estimate(*(side.mean(axis=0)[None] for side in metrics))
    p_classes = holm(estimate(*class_ap).p_values())
    return Found(
        alone.value,
        np.array([interval[1:] for interval in alone.intervals(SHARE)]),
        apart.p_values(),
        float(images.p_values()[0]),
        bool((holm(apart.p_values()) <= ALPHA).any()),
        bool((p_classes <= ALPHA).any()),
    )


def row_of(found: Sequence[Found], truth: np.ndarray) -> list[str]:
    """Shares in percent: how often the truth of each metric is covered, and how often something is found."""
    bounds = np.stack([one.bounds for one in found])
    shares = [
        *((bounds[:, :, 0] <= truth) & (truth <= bounds[:, :, 1])).mean(axis=0),
        np.mean([one.p_images <= ALPHA for one in found]),
        *(np.stack([one.p for one in found]) <= ALPHA).mean(axis=0),
        np.mean([one.any_metric for one in found]),
        np.mean([one.any_class for one in found]),
    ]
    return [f"{100 * share:.1f}" for share in shares]


def rows(simulations: int, settings: Sequence[Setting], workers: int) -> Iterator[list[str]]:
    """The lines of the table; the number of workers changes none."""
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for setting in settings:
            numbers = range(1, simulations + 1)
            of_setting = list(pool.map(partial(simulate, setting), numbers, chunksize=10))
            # The expected value on test sets of this size: the mean over all that were drawn.
            truth = np.mean([one.values for found in of_setting for one in found], axis=0)
            for position, seeds in enumerate(SEEDS):
                found = [one[position] for one in of_setting]
                yield [setting.name, f"{setting.spread:g}", str(seeds), *row_of(found, truth)]


def table(simulations: int, settings: Sequence[Setting] = SETTINGS, workers: int = 2) -> str:
    """The table in Markdown, with what is in it."""
    holds, apart = ([f"{word} {name}" for name in NAMES] for word in ("holds", "apart"))
    head = ["Test set", "Spread", "Seeds", *holds, "images alone", *apart, "any metric", "any class"]
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows(simulations, settings, workers)]
    error = 100 * np.sqrt(ALPHA * (1 - ALPHA) / simulations)
    return "\n".join(
        [
            _ABOUT.format(simulations=simulations, images=IMAGES, resamples=RESAMPLES, error=error),
            *(f"| {' | '.join(line)} |" for line in lines),
            "",
        ]
    )


_ABOUT: Final = f"""\
# How often intervals hold the truth, and equal methods are told apart

`make coverage-simulation` writes this file: {{simulations}} simulated benchmarks a line, each of {{images}}
test images, two methods that are equal, and {{resamples}} resamples. Spread: the standard deviation over
seeds, in points of mAP. In percent, with a standard error of about {{error:.1f}}:

- *holds*: how often the 95 % interval of a method holds the expected value on test sets of this size; 95 is
  right;
- *images alone*: how often equal methods are told apart in mAP by a test that takes the trained models for
  the only ones there are; 5 is right;
- *apart*: the same by the test of `bench compare` and of the tables, over seeds and images; for any of the
  three metrics, and for any of the classes with {FEWEST_POSITIVES} positives or more, p is adjusted (Holm).

With two seeds nothing is marked in a table, whatever p is: at least three are asked for.
"""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(table(SIMULATIONS), encoding="utf-8")
