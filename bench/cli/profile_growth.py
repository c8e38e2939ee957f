"""`bench profile growth`: how time and memory grow with images, labels, pixels and records."""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.cli import profile_options
from bench.cli.profile_figures import finish
from bench.cli.profile_options import Command
from bench.experiment.methods import parse_methods
from bench.profile.growth import Sizes, measure_growth, whole_model
from bench.profile.report import Growth, Measuring
from bench.resolve import names_in

FORMATS = (".png", ".svg")


def _picture(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix not in FORMATS:
        raise click.BadParameter(f"'{path}' ends with neither {' nor '.join(FORMATS)}.")
    return path


def _growing(name: str, default: str, least: int, what: str) -> Callable[[Command], Command]:
    """An option of at least two sizes, which are sorted."""
    read = profile_options.numbers(least, count=2)

    def ordered(context: click.Context, parameter: click.Parameter, text: str) -> tuple[int, ...]:
        return tuple(sorted(set(read(context, parameter, text))))

    return click.option(name, callback=ordered, default=default, show_default=True, help=what)


@click.command("growth")
@click.option(
    "--methods",
    default="all",
    show_default=True,
    help="Whose heads are measured; of the first also the whole model.",
)
@click.option("--backbone", default="torchvision/resnet18", show_default=True, help="Of the whole model.")
@_growing("--rows", "1000,3000,10000,30000,100000,300000,1000000", 1, "Images.")
@_growing("--labels", "20,50,100,200,500,1000,2000", 3, "Labels.")
@_growing("--sides", "224,320,448,640,800,1024", 32, "Pixels per side.")
@_growing("--seeds", "3,8,25,80,250", 1, "Of a matrix whose records commands read: 25 make about 1,000.")
@click.option("--no-records", is_flag=True, help="Leave out these commands, which take most of the time.")
@profile_options.repeats
@profile_options.out
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_picture,
    help="Draw it to this file, .png or .svg.",
)
def command(
    methods: str,
    backbone: str,
    rows: tuple[int, ...],
    labels: tuple[int, ...],
    sides: tuple[int, ...],
    seeds: tuple[int, ...],
    no_records: bool,
    repeats: int,
    out: Path | None,
    plot: Path | None,
) -> None:
    """Measure how time and memory grow, and with which exponent.

    All metrics and an index grow with the images, the heads with the labels, a whole model with the pixels;
    `bench ls`, `bench tables` and a finished matrix with the records. Seconds are those of the processor, but
    for the index, which is loaded in a process of its own. The exponent is that of the upper two thirds of
    the sizes, where what a call costs in any case counts less.
    """
    choices = parse_methods(tuple(names_in(methods)))
    whole = whole_model(choices[0], backbone, sides)
    measuring = Measuring("growth")
    found, sizes = [], Sizes(rows, labels, sides, () if no_records else seeds)
    with TemporaryDirectory() as folder:
        for growth in measure_growth(Path(folder), sizes, choices, whole, repeats):
            found.append(growth)
            click.echo(f"measured: {growth.what}, {growth.unit} against {growth.against}", err=True)
    if plot is not None:
        _draw(found, plot)
    finish(measuring.report((), growth=tuple(found)), out)


def _draw(found: list[Growth], path: Path) -> None:
    from bench.figures.growth import GrowthLine, GrowthPanel, draw_growth

    def axes(growth: Growth) -> tuple[str, str]:
        return growth.against, growth.unit

    panels = [
        GrowthPanel(
            *kind,
            [GrowthLine(f"{one.what}: {one.slope():.2f}", one.sizes, one.values) for one in of_kind],
        )
        for kind, of_kind in groupby(sorted(found, key=axes), key=axes)
    ]
    draw_growth(panels, path)
    click.echo(f"Drawn to {path}.")
