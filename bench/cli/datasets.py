"""`bench datasets`: what can be trained on."""

import click

from bench.cli.listing import AS_JSON, print_json, print_rows
from bench.datasets.catalog import DATASET_CATALOGUE
from bench.datasets.info import DataSetInfo


@click.command("datasets")
@AS_JSON
def command(as_json: bool) -> None:
    """List the data sets; `bench data ls` says where each lies on this machine.

    Those of installed packages stand behind the built-in ones; `bench new dataset` begins one of your own.
    """
    infos = DATASET_CATALOGUE.all().values()
    if as_json:
        print_json([_facts(info) for info in infos])
    else:
        print_rows([{"Data": i.name, "Title": i.title, "What it is": i.summary} for i in infos])
        click.echo("--json also prints citation, source and licence of each.")


def _facts(info: DataSetInfo) -> dict[str, object]:
    names = ("name", "title", "summary", "citation", "source", "licence", "train_split", "eval_split")
    return {name: getattr(info, name) for name in names}
