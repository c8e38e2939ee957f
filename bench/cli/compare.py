"""`bench compare A B`: two methods on the same test images, with intervals and tests."""

from pathlib import Path

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.options import RESAMPLES, RESULTS, options_again
from bench.metrics.protocol import resolve_protocol
from bench.records.store import RecordStore


@click.command("compare")
@click.argument("a")
@click.argument("b")
@click.option("--data", help="Name or YAML file of the data set; not needed where A or B names runs.")
@RESULTS
@click.option("--protocol", help="Measure the stored scores anew under this protocol.")
@RESAMPLES
@click.option("--mixed", is_flag=True, help="Compare a tuned method with an untuned one all the same.")
@click.option("--format", "form", default="text", show_default=True, help="text, md, csv, tex or html.")
@click.pass_context
def command(
    context: click.Context,
    /,
    a: str,
    b: str,
    data: str | None,
    results: Path,
    protocol: str | None,
    resamples: int | None,
    mixed: bool,
    form: str,
) -> None:
    """Compare two methods on the same test images: differences with intervals and p-values.

    A and B are methods, with options after a slash (ml-gcn/tau=0.3), or runs by the beginning or the end of
    their names, separated by commas. Methods are compared by the means over all their seeds, which need not
    be the same, on resamples of the test images that all runs share. Intervals and p-values cover seeds and
    images; with fewer than three seeds of a method there are no p-values. Validation runs are not compared
    with test runs, nor tuned methods with untuned ones.
    """
    from bench.compare.choose import pair
    from bench.compare.differences import compare
    from bench.compare.report import WRITERS, report
    from bench.resolve import resolve

    write = resolve("format", form, WRITERS)
    store = RecordStore(results)
    measured = resolve_protocol(protocol) if protocol else None
    runs = pair(store, a, b, data, measured, options=options_again(context), mixed=mixed)
    with open_display(Console(stderr=True)) as display:
        comparison = compare(store, runs, resamples, progress=display.task("resampling runs"))
    click.echo(write(report(comparison)), nl=False)
