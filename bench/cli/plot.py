"""`bench plot NAME`: pictures of the stored runs."""

from pathlib import Path

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.options import RESULTS
from bench.figures.catalog import FORMATS, KINDS
from bench.records.store import RecordStore
from bench.resolve import names_in, unknown_name

_LIST = "\n".join(f"  {kind.name:17} {kind.summary}" for kind in KINDS.values())


@click.command("plot", epilog=f"\b\nPictures:\n{_LIST}\n  {'all':17} every one of them")
@click.argument("name")
@click.option("--data", help="Runs of this data set alone: its name, or its YAML file.")
@click.option("--methods", default="all", show_default=True, help="Names with options, as in `bench run`.")
@RESULTS
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the pictures.  [default: RESULTS/figures]"
)
@click.option("--format", "formats", default="png", show_default=True, help="png, svg, or png,svg.")
def command(name: str, data: str | None, methods: str, results: Path, out: Path | None, formats: str) -> None:
    """Draw the picture NAME of the stored runs."""
    from bench.figures.draw import draw_figures

    endings = names_in(formats)
    for ending in endings:
        if ending not in FORMATS:
            raise unknown_name("format", ending, FORMATS)
    names = list(KINDS) if name == "all" else [name]
    chosen = [] if methods == "all" else names_in(methods)
    folder = out or results / "figures"
    with open_display(Console(stderr=True)) as display:
        display.task("drawing")
        notes: list[str] = []
        written = draw_figures(RecordStore(results), names, folder, data, chosen, endings, notes.append)
    for line in notes:
        click.echo(line, err=True)
    for path in written:
        click.echo(f"Written: {path}")
