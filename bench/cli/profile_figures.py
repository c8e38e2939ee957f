"""What the commands under `bench profile` print of their figures, and write."""

from pathlib import Path

import click

from bench.profile.report import Figure, Growth, Report, save
from bench.profile.speed_table import spread


def finish(report: Report, out: Path | None) -> None:
    """Print a report; write it where a file is given."""
    before, after = ("unknown" if load is None else f"{load:.1f}" for load in report.load)
    click.echo(
        f"{report.part}, {report.environment.device_name} of {report.cores} cores, load {before} before and "
        f"{after} after"
    )
    for figure in report.figures:
        _show(figure)
    for growth in report.growth:
        _show_growth(growth)
    for note in report.notes:
        click.echo(note)
    if out is not None:
        save(report, out)
        click.echo(f"Written to {out}.")


def _show(figure: Figure) -> None:
    missed = ", kept in some repeats" if figure.near() else ", NOT kept"
    kept = {True: ", kept", False: missed, None: ""}[figure.kept()]
    click.echo(figure.what)
    click.echo(f"  {spread(figure.values)} {figure.unit}, {len(figure.values)} repeats")
    times = figure.times()
    if times is not None:
        click.echo(f"  {figure.against}: {spread(figure.beside)} {figure.unit}")
        aim = "" if figure.least is None else f"; at least {figure.least:g} is aimed at{kept}"
        click.echo(f"  {times:.2f} times as fast{aim}")
    elif figure.most is not None:
        click.echo(f"  at most {figure.most:g} {figure.unit} is aimed at{kept}")
    if figure.bound:
        click.echo(f"  bound by {figure.bound}")


def _show_growth(growth: Growth) -> None:
    first, last = (f"{growth.values[place]:.3g} {growth.unit} at {growth.sizes[place]}" for place in (0, -1))
    kept = "kept" if growth.kept() else "NOT kept"
    click.echo(f"{growth.what}, against {growth.against}: {first}, {last}")
    click.echo(
        f"  grows with exponent {growth.slope():.2f}; {growth.law}, {growth.most:g}, is aimed at, {kept}"
    )
