"""`bench plot NAME`: pictures of the stored runs."""

from pathlib import Path

import click

from bench.figures.catalog import FORMATS, KINDS
from bench.records.store import RecordStore
from bench.resolve import unknown_name

_LIST = "\n".join(f"  {kind.name:17} {kind.summary}" for kind in KINDS.values())


@click.command("plot", epilog=f"\b\nPictures:\n{_LIST}\n  {'all':17} every one of them")
@click.argument("name")
@click.option("--data", help="Runs of this data set alone.")
@click.option("--methods", default="all", show_default=True, help="Names with options, as in `bench run`.")
@click.option("--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the pictures.  [default: RESULTS/figures]"
)
@click.option("--format", "formats", default="png", show_default=True, help="png, svg, or png,svg.")
def command(name: str, data: str | None, methods: str, results: Path, out: Path | None, formats: str) -> None:
    """Draw the picture NAME of the stored runs."""
    from bench.figures.draw import draw_figures

    endings = _parts(formats)
    for ending in endings:
        if ending not in FORMATS:
            raise unknown_name("format", ending, FORMATS)
    names = list(KINDS) if name == "all" else [name]
    chosen = [] if methods == "all" else _parts(methods)
    folder = out or results / "figures"
    for path in draw_figures(RecordStore(results), names, folder, data, chosen, endings):
        click.echo(f"Written: {path}")


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
