"""`bench visualize NAME`: pictures of what trained models look at and know."""

from pathlib import Path

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.options import RESULTS
from bench.figures.catalog import FORMATS
from bench.records.store import RecordStore
from bench.resolve import names_in, unknown_name
from bench.visualize.catalog import KINDS

_LIST = "\n".join(f"  {kind.name:11} {kind.summary}" for kind in KINDS.values())


@click.command("visualize", epilog=f"\b\nPictures:\n{_LIST}\n  {'all':11} every one that the models allow")
@click.argument("name")
@click.option(
    "--runs",
    default="",
    help="Runs by the beginning or end of their names, or model files.  [default: one of each method]",
)
@click.option("--data", help="Data set: its name, or its YAML file.  [default: that with the most models]")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
@click.option("--methods", default="all", show_default=True, help="Names with options, as in `bench run`.")
@click.option(
    "--images",
    multiple=True,
    help="Ids of test images, or files; again for more.  [default: the most telling, by the stored scores]",
)
@click.option("--count", type=click.IntRange(1, 16), help="How many images, where none is named.")
@click.option("--labels", multiple=True, help="Labels to show; again for more.  [default: those of an image]")
@click.option("--limit-eval", type=click.IntRange(1), help="Look at so many test images only.")
@click.option("--skip-bad", is_flag=True, help="Leave out files that cannot be read.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@RESULTS
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the pictures.  [default: RESULTS/figures]"
)
@click.option("--format", "formats", default="png", show_default=True, help="png, svg, or png,svg.")
def command(
    name: str,
    runs: str,
    data: str | None,
    data_root: Path | None,
    methods: str,
    images: tuple[str, ...],
    count: int | None,
    labels: tuple[str, ...],
    limit_eval: int | None,
    skip_bad: bool,
    device: str,
    results: Path,
    out: Path | None,
    formats: str,
) -> None:
    """Draw the picture NAME of trained models: what they look at, and what they know of labels."""
    endings = names_in(formats)
    for ending in endings:
        if ending not in FORMATS:
            raise unknown_name("format", ending, FORMATS)
    if name not in (*KINDS, "all"):
        raise unknown_name("picture", name, (*KINDS, "all"))
    # Imported here because importing torch takes longer than reading help.
    from bench.visualize.asked import Asked
    from bench.visualize.draw import draw_views

    asked = Asked(
        runs=tuple(names_in(runs)),
        data=data,
        methods=() if methods == "all" else tuple(names_in(methods)),
        images=images,
        labels=labels,
        count=count,
        data_root=data_root,
        limit=limit_eval,
        skip_bad=skip_bad,
        device=device,
    )
    notes: list[str] = []
    with open_display(Console(stderr=True)) as display:
        folder = out or results / "figures"
        written = draw_views(RecordStore(results), name, folder, asked, endings, display.task, notes.append)
    for line in dict.fromkeys(notes):
        click.echo(line, err=True)
    for one in written:
        if one.words:
            click.echo(one.words)
        for path in one.files:
            click.echo(f"Written: {path}")
