"""`bench import-checkpoint`: a published checkpoint as a model here."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.errors import UserError
from bench.names import file_name


@click.command("import-checkpoint")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--from",
    "code",
    required=True,
    help="The published code: ml-gcn, ssgrl, add-gcn, salgl, multilabelclassification, csra, query2label, "
    "ml-decoder, tdrg or c-tran; with options that the file does not tell, as in salgl/soft=true.",
)
@click.option("--data", help="The data set that it was trained on: gives its classes, and its label graph.")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
@click.option(
    "--class-order",
    help="Order of the classes in the file: alphabetical, category-id (the data set's own), or a file with "
    "one name per line.  [default: the code's]",
)
@click.option(
    "--vectors",
    type=click.Path(path_type=Path),
    help="Label vectors that it was trained with, for ML-GCN and SSGRL: .npy, .npz, or word vectors.",
)
@click.option(
    "--graph",
    type=click.Path(path_type=Path),
    help="Label graph that it was trained with, for SSGRL: .npz with nums and adj, or .npy with P(j|i), in "
    "the order of the file's classes.  [default: counted on --data]",
)
@click.option(
    "--image-size", type=click.IntRange(32), help="Side of its input, pixels.  [default: the code's]"
)
@click.option("--ema/--no-ema", default=True, help="Take the moving average where the file holds one.")
@click.option("--out", type=click.Path(path_type=Path), help="Where to write.  [default: NAME.safetensors]")
def command(file: Path, out: Path | None, **given: Any) -> None:
    """Turn a published checkpoint FILE into one that `bench evaluate` takes. Nothing in FILE is executed."""
    # Imported here because importing torch takes longer than reading help.
    from bench.engine.models.import_published import Given, import_published
    from bench.engine.models.model_file import save_model

    stem = file.name.partition(".")[0]
    target = out or Path(f"{file_name(stem, 'FILE (without --out)')}.safetensors")
    if target.exists():
        raise UserError(f"{target} exists already; name another file with --out.")
    with open_display(Console(stderr=True)) as display:
        display.task(f"reading {file}")
        trained, notes = import_published(file, Given(**given))
        card = trained.card
        save_model(target, trained.model, trained.labels, card)
    click.echo(f"{card.method.label()} with {card.backbone}, from {card.source}")
    click.echo(f"{len(card.classes)} classes: {', '.join(card.classes)}")
    click.echo(f"label vectors: {card.vectors}; label graph: {card.graph}")
    for note in notes:
        click.echo(note)
    click.echo(f"Wrote {target}; `bench evaluate --checkpoint {target} --data NAME` scores it.")
