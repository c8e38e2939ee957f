"""`bench data download`: fetch what may be fetched, verified."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli.display import open_display
from bench.settings import data_root as data_root_of

if TYPE_CHECKING:
    from bench.datasets.fetch.obtain import Report
    from bench.progress import Transfer


@click.command("download")
@click.argument("data")
@click.option(
    "--data-root",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to put the data into. Default: the one of the settings, else data in the work folder.",
)
@click.option(
    "--mirror",
    "mirrors",
    multiple=True,
    metavar="URL",
    help="Folder on the web that has the same files; tried before the published addresses. Repeatable.",
)
@click.option(
    "--keep/--no-keep",
    default=False,
    show_default=True,
    help="Keep the archives that were fetched in DATA_ROOT/downloads after unpacking.",
)
def download(data: str, data_root: Path | None, mirrors: tuple[str, ...], keep: bool) -> None:
    """Download a data set, or the word vectors `glove` or `word2vec`.

    Sizes and hashes are checked. A transfer that broke goes on where it stopped when the command is run
    again; what is there already is not fetched again. An archive that you have, put into DATA_ROOT/downloads,
    is checked and used instead, and stays there.
    """
    from bench.datasets.catalog import DATASETS
    from bench.datasets.fetch.obtain import obtain
    from bench.datasets.fetch.sources import SOURCES, ByRequest
    from bench.datasets.locate import downloads_folder, remember
    from bench.errors import UserError
    from bench.resolve import resolve

    source = resolve("data set or word vectors", data, SOURCES)
    root = data_root_of(data, data_root) or downloads_folder()
    if isinstance(source, ByRequest):
        raise UserError(source.how.replace("ROOT", str(root)))
    if not source:
        click.echo(f"{data}: drawn on first use, there is nothing to download")
        return
    for archive in source:
        with _display() as report:
            line = obtain(archive, root, mirrors, keep, report)
        click.echo(line)
    if data in DATASETS:
        remember(DATASETS[data], root)
    click.echo(f"{data}: complete in {root}")


@contextmanager
def _display() -> "Iterator[Report]":
    """A bar per step on a terminal, lines elsewhere."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bars

    console = Console()
    if not console.is_terminal:
        with open_display(console) as display:

            def tell(step: str) -> "Transfer":
                progress = display.task(f"{step}, byte")
                return lambda done, total: progress(done, total or 0)

            yield tell
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True) as bars:

        def report(step: str) -> "Transfer":
            task = bars.add_task(step, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield report
