"""The bar for reading and checking files."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.datasets.listing import Progress as Report


@contextmanager
def reading(console: Console) -> Iterator[Callable[[str], Report]]:
    """A bar for each thing that is read, on a terminal; gives from what is done the callback to report to."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:

        def bar(name: str) -> Report:
            task = bars.add_task(name, total=None)
            return lambda done, total: bars.update(task, completed=done, total=total)

        yield bar
