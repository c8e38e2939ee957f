"""`bench tables`: the comparisons and the tables of the papers, from records and published values alone."""

from pathlib import Path
from typing import get_args

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.options import RESULTS
from bench.errors import UserError
from bench.experiment.cell import Vary
from bench.metrics.protocol import resolve_protocol
from bench.records.store import RecordStore
from bench.resolve import names_in, unknown_name


@click.command("tables")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@RESULTS
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the tables.  [default: RESULTS/tables]"
)
@click.option("--format", "formats", help="Some of md, csv, tex, html, separated by commas.  [default: all]")
@click.option("--protocol", help="Measure the stored scores anew under this protocol.")
@click.option(
    "--vary",
    type=click.Choice(get_args(Vary)),
    default="method",
    show_default=True,
    help="What the rows differ in; all else is the same.",
)
def command(
    names: tuple[str, ...],
    results: Path,
    out: Path | None,
    formats: str | None,
    protocol: str | None,
    vary: Vary,
) -> None:
    """Write tables, and print them; without a NAME all tables, of which the comparisons are printed.

    NAME is a data set (its comparison, per-class and cost table), one of these alone (voc2007-cost), or the
    table of a paper, with the runs made here beside the published values (add-gcn-table1), or one over all:
    `beyond`, every method of every source on MS-COCO, VOC2007 and NUS-WIDE; `context`, mAP in and out of the
    context of training; `tuned`, methods untuned beside tuned; `known`, with a share of each test image's
    labels known to the methods that can be told. All tables are listed in index.md beside them; those of
    papers are left out where all runs are on your own data. Without a NAME the reports of the tunes under
    RESULTS/tunes are written too.
    """
    from bench.tables.render import FORMATS
    from bench.tables.write import write_tables
    from bench.tune.report import tune_names

    chosen = names_in(formats) if formats is not None else list(FORMATS)
    for name in chosen:
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
    folder = out or results / "tables"
    measured = resolve_protocol(protocol) if protocol else None
    with open_display(Console(stderr=True)) as display:
        progress = display.task("reading records, making tables")
        texts = write_tables(RecordStore(results), folder, measured, names, chosen, progress, vary)
        if not names and measured is None and vary == "method":
            texts += [_report(results, name) for name in tune_names(results)]
    for text in filter(None, texts):
        click.echo(text)
    click.echo(f"Written to {folder}: {', '.join(names) or 'all tables'} as {', '.join(chosen)}.")


def _report(results: Path, name: str) -> str:
    """Write the report of a tune; gives why there is none, which stops no table."""
    from bench.tune.report import write_report

    try:
        write_report(results, name)
    except UserError as error:
        return f"The report of the tune {name} is not written: {error}"
    return ""
