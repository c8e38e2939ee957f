"""`bench explain A B`: where two methods differ on the same test images, and a page of it."""

from pathlib import Path

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.listing import print_json
from bench.cli.options import RESAMPLES, RESULTS, options_again
from bench.errors import UserError
from bench.metrics.protocol import resolve_protocol
from bench.records.store import RecordStore

SMALL = 0.02
"""The area of one cell of the last map of a network with stride 32 at 224 pixels."""


@click.command("explain")
@click.argument("a")
@click.argument("b")
@click.option("--data", help="Name or YAML file of the data set; not needed where A or B names runs.")
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the data: for pictures, boxes and training labels.",
)
@RESULTS
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page.  [default: RESULTS/explain/A-vs-B-DATA.html, or A-vs-B-DATA-validation.html]",
)
@click.option("--protocol", help="Measure the stored scores anew under this protocol.")
@RESAMPLES
@click.option(
    "--small",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=SMALL,
    show_default=True,
    help="An object is small where its largest box covers less than this share of the picture.",
)
@click.option(
    "--show",
    type=click.IntRange(1, 40),
    default=8,
    show_default=True,
    help="Labels of images on the page as the largest gains, and as losses.",
)
@click.option("--maps/--no-maps", default=True, help="Show what the methods look at.  [default: maps]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the kinds of errors as CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.pass_context
def command(
    context: click.Context,
    /,
    a: str,
    b: str,
    data: str | None,
    data_root: Path | None,
    results: Path,
    out: Path | None,
    protocol: str | None,
    resamples: int | None,
    small: float,
    show: int,
    maps: bool,
    device: str,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Show where method B differs from method A on the same test images.

    A and B are methods, or runs, as `bench compare` takes them. The errors of both are sorted into kinds and
    counted, with intervals; a page shows the labels of images where B gains and loses most. What the page
    shows of pictures takes the data set, and of maps the models of the runs in the work folder.
    """
    from bench.compare.choose import pair
    from bench.explain.explain import explain
    from bench.explain.report import frame, text
    from bench.explain.write import page_path, write_page

    if as_csv and as_json:
        raise UserError("--csv and --json both ask for what is printed: give one of them.")
    for given in (a, b):
        if Path(given).is_file():
            raise UserError(
                f"{given} is a file: name a method or a run whose scores are stored (`bench ls`). A model by "
                "itself, as one that was imported, has no stored scores to be explained."
            )
    store = RecordStore(results)
    measured = resolve_protocol(protocol) if protocol else None
    runs = pair(store, a, b, data, measured, "explain", options_again(context))
    path = out or page_path(results, runs)
    with open_display(Console(stderr=True)) as display:
        found = explain(store, runs, data, data_root, small=small, resamples=resamples, steps=display.task)
        display.task("drawing")
        write_page(found, path, show, maps, device)
    if as_json:
        print_json(frame(found).to_dict("records"))
    else:
        click.echo(frame(found).to_csv(index=False) if as_csv else text(found), nl=False)
    click.echo(f"Written: {path}", err=as_csv or as_json)
