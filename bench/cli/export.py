"""`bench export MODEL`: a model as a graph that runs without this project."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from bench.cli.display import open_display

if TYPE_CHECKING:
    from bench.publish.description import Check


@click.command("export")
@click.argument("model")
@click.option(
    "--format", "form", default="onnx", show_default=True, help="onnx, or torch (torch.export's .pt2)."
)
@click.option("--out", type=click.Path(path_type=Path), help="Where to write.  [default: beside the model]")
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="A picture that the file is checked on, or a folder, whose first 64 are taken; several times for "
    "more.  [default: drawn ones, and noise]",
)
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Where its record is, for the model card.",
)
def command(model: str, form: str, out: Path | None, pictures: tuple[Path, ...], results: Path) -> None:
    """Write MODEL as a graph from pixels to probabilities, for batches of any size.

    MODEL is the name of a run here, or its beginning or end, or a model's file. The file is run on pictures
    and kept only if it scores as the model does. A JSON beside it says how pictures are prepared, and names
    the labels, with temperature and thresholds where they were fitted.
    """
    # Imported here because importing torch takes longer than reading help.
    from bench.engine.models.find_model import find_model
    from bench.publish.beside import renew_card
    from bench.publish.description import description_path
    from bench.publish.export import export
    from bench.records.store import RecordStore

    path = find_model(model, results)
    with open_display(Console(stderr=True)) as display:
        exported = export(path, form, out, pictures, display.task)
    described, check = exported.description, exported.description.check
    click.echo(f"model: {described.method} with {described.backbone}, from {described.source}")
    if check is not None:
        _show(check, described.trained_in)
    click.echo(f"Written: {exported.path}")
    click.echo(f"Written: {description_path(exported.path)}")
    card = renew_card(path, RecordStore(results))
    if card is None:
        click.echo(
            "note: the model card is left as it is, because it is yours, or its run's record is not here"
        )
    else:
        click.echo(f"Written: {card}")


def _show(check: "Check", trained_in: str) -> None:
    sizes = ", ".join(map(str, check.batches))
    click.echo(
        f"checked: {check.count} pictures ({check.pictures}) in batches of {sizes}: logits, up to "
        f"{check.largest_logit:.3g}, differ by at most {check.logits:.2g} (tolerated: "
        f"{check.tolerance_of_logits:.2g}), probabilities by {check.probabilities:.2g} (tolerated: "
        f"{check.tolerance_of_probabilities:g})"
    )
    if check.logits_in_training_precision is not None:
        click.echo(
            f"precision: float32; in {trained_in}, as it was trained, logits differ from that by up to "
            f"{check.logits_in_training_precision:.2g}, probabilities by up to "
            f"{check.probabilities_in_training_precision:.2g}"
        )
