"""`bench datasets`: what can be trained on."""

import click

from bench.datasets.catalog import DATASETS


@click.command("datasets")
def command() -> None:
    """List the data sets."""
    for info in DATASETS.values():
        click.echo(f"{info.name:8} {info.title}: {info.summary}")
        click.echo(f"         {info.citation}")
        click.echo(f"         from {info.source}; licence: {info.licence}")
