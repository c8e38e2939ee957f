"""Options that many commands share."""

from pathlib import Path

import click

RESULTS = click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True
)
"""The folder of the records."""
