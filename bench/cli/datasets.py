"""`bench datasets`: what can be trained on."""

import click

from bench.datasets.catalog import DATASET_CATALOGUE


@click.command("datasets")
def command() -> None:
    """List the data sets.

    Those of installed packages stand behind the built-in ones; `bench new dataset` begins one of your own.
    """
    for info in DATASET_CATALOGUE.all().values():
        click.echo(f"{info.name:8} {info.title}: {info.summary}")
        click.echo(f"         {info.citation}")
        click.echo(f"         from {info.source}; licence: {info.licence}")
