"""`bench profile memory`: what an evaluation takes beyond the model."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.cli import profile_options
from bench.cli.profile_figures import finish
from bench.profile.evaluation_memory import SIZES, measure_evaluation_memory
from bench.profile.report import Measuring


def _sizes(_: click.Context, __: click.Parameter, text: str | None) -> dict[str, tuple[int, int]]:
    if text is None:
        return SIZES
    found = {}
    for part in text.split(","):
        read = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", part)
        if not read:
            raise click.BadParameter(f"'{part}' is no size such as 10000x500, images x labels.")
        found[part] = int(read[1]), int(read[2])
    return found


@click.command("memory")
@click.option(
    "--sizes",
    callback=_sizes,
    help="Images x labels, separated by commas.  [default: those of the test splits of "
    f"{' and '.join(SIZES)}]",
)
@profile_options.repeats
@profile_options.out
def command(sizes: dict[str, tuple[int, int]], repeats: int, out: Path | None) -> None:
    """Measure the memory that an evaluation takes beyond the model.

    A made split is loaded, scored by a model of next to nothing, measured and stored as a run is, in a
    process of its own; then resampled, as tables do. What counts is the most that is resident beyond what
    was there before.
    """
    measuring = Measuring("memory")
    with TemporaryDirectory() as folder:
        figures = tuple(
            figure
            for name, (images, classes) in sizes.items()
            for figure in measure_evaluation_memory(Path(folder), name, images, classes, repeats)
        )
    finish(measuring.report(figures), out)
