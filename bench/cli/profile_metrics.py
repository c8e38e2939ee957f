"""`bench profile metrics`: all metrics beside scikit-learn's average precision and published loops."""

from pathlib import Path

import click

from bench.cli import profile_options
from bench.cli.profile_figures import finish
from bench.profile.metrics import measure_metrics
from bench.profile.report import Measuring

DIFFERENT = 1


@click.command("metrics")
@click.option("--images", type=click.IntRange(min=3), default=40137, show_default=True)
@click.option("--classes", type=click.IntRange(min=3), default=80, show_default=True)
@profile_options.repeats
@profile_options.out
def command(images: int, classes: int, repeats: int, out: Path | None) -> None:
    """Measure all metrics of made scores: three rules of average precision, and twelve figures.

    In turn with scikit-learn's average precision alone, and, under one protocol, with loops over the elements
    of tensors as in the published codes. Exit status 1 where the results differ by more than rounding, or,
    of the loops, the order of images with equal scores.
    """
    measuring = Measuring("metrics")
    found = measure_metrics(images, classes, repeats)
    apart = (
        f"largest difference of an AP to scikit-learn's {found.to_scikit_learn:.0e}, of a metric to that of "
        f"the loops {found.to_loops:.0e}"
    )
    finish(measuring.report(found.figures, (apart,)), out)
    if not found.equal():
        raise SystemExit(DIFFERENT)
