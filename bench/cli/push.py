"""`bench push RUN REPO`: a model on a hub."""

from pathlib import Path

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.listing import print_rows


@click.command("push")
@click.argument("run")
@click.argument("repo")
@click.option("--private", is_flag=True, help="Create the repository so that nobody else sees it.")
@click.option("--dry-run", is_flag=True, help="List what would be uploaded, and upload nothing.")
@click.option(
    "--license", "licence", help="Of the weights, as hubs name it: mit, cc-by-4.0.  [default: the card's]"
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Where its record is, for the model card.",
)
def command(run: str, repo: str, private: bool, dry_run: bool, licence: str | None, results: Path) -> None:
    """Upload the model of RUN, its model card, its thresholds and what was exported of it to REPO.

    RUN is the name of a run here, or its beginning or end, or a model's file. REPO is owner/name on Hugging
    Face's hub, or on the server that HF_ENDPOINT names; it is created where it is not there. The token is
    that of `hf auth login`, or HF_TOKEN.
    """
    # Imported here because importing torch takes longer than reading help.
    from bench.engine.models.find_model import find_model
    from bench.engine.models.model_file import read_card
    from bench.publish.beside import renew_card
    from bench.publish.upload import files_of, upload
    from bench.records.store import RecordStore

    model, store = find_model(run, results), RecordStore(results)
    with open_display(Console(stderr=True)) as display:
        display.task("reading the model")
        files = files_of(model, store, licence)
        print_rows([{"File": one.name, "Bytes": f"{one.size:,}"} for one in files])
        if dry_run:
            click.echo(f"Nothing was uploaded to {repo}.")
            return
        display.task(f"uploading to {repo}")
        renew_card(model, store, licence)
        address = upload(files, repo, private, f"Upload {read_card(model).source}")
    click.echo(f"Uploaded: {address}")
