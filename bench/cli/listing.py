"""Lists that people can read: tables on a terminal, aligned plain text or JSON elsewhere."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")

Row = Mapping[str, object]
WIDEST = 2**16
"""Columns of a terminal that any list has room on."""


def print_rows(rows: Sequence[Row], title: str = "") -> None:
    """Print rows that have the same columns; numbers are set right, what is None is left empty.

    As a table on a terminal whose width has room for the longest word of each column, else as plain text.

    Args:
        rows: by the heading of each column.
        title: stands above.
    """
    if not rows:
        return
    console = Console()
    headings = list(rows[0])
    right = {name for name in headings if all(_is_number(row[name]) for row in rows)}
    texts = [["" if row[name] is None else str(row[name]) for name in headings] for row in rows]
    if console.is_terminal:
        table = Table(title=title or None, title_justify="left", header_style="bold")
        for name in headings:
            table.add_column(name, justify="right" if name in right else "left", overflow="fold")
        for row in texts:
            table.add_row(*(_unstyled(text) for text in row))
        # Where a word does not fit, such as a run's name, it would be cut into pieces that nobody can copy.
        if Measurement.get(console, console.options.update_width(WIDEST), table).minimum <= console.width:
            console.print(table)
            return
    # Here, because a wide terminal has no use for it.
    from tabulate import tabulate

    if title:
        click.echo(title)
    align = tuple("right" if name in right else "left" for name in headings)
    text = tabulate(texts, headings, tablefmt="plain", disable_numparse=True, colalign=align)
    click.echo("\n".join(line.rstrip() for line in text.splitlines()))


def print_json(value: Any) -> None:
    """Print a value as JSON that a person can read too."""
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def _is_number(value: object) -> bool:
    """Whether it stands in a column of numbers, where some may be missing."""
    return value is None or str(value).replace(".", "", 1).replace(",", "").isdigit()


def _unstyled(text: str) -> str:
    """Square brackets mean a style to rich."""
    from rich.markup import escape

    return escape(text)
