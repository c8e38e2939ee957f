"""`bench methods`: what can be trained."""

import click

from bench.methods.catalog import METHOD_CATALOGUE, PRIOR


@click.command("methods")
def command() -> None:
    """List the methods with their options; every table also has a row for the label-frequency prior.

    Those of installed packages stand behind the built-in ones; `bench new method` begins one of your own.
    """
    for method in (*METHOD_CATALOGUE.all().values(), PRIOR):
        click.echo(f"{method.name:8} {method.title}: {method.summary}")
        click.echo(f"         {method.citation}")
        for name, field in method.options.model_fields.items():
            click.echo(f"           /{name}={field.default}: {field.description}")
