"""`bench evaluate`: score a stored model on a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.errors import UserError
from bench.experiment.schedule import Precision

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from bench.datasets.opened import OpenedSplit
    from bench.engine.models.model_file import ModelCard
    from bench.metrics.evaluate import Metrics
    from bench.metrics.protocol import Protocol


@click.command("evaluate")
@click.option(
    "--checkpoint",
    metavar="MODEL",
    required=True,
    help="A run here, its .bench/runs/RUN/model.safetensors, or a file of `bench import-checkpoint`.",
)
@click.option("--data", required=True, help="Name of the data set.")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
@click.option("--protocol", "protocol_name", help="How metrics are computed.  [default: the model's own]")
@click.option("--image-size", type=click.IntRange(32), help="Side of the input.  [default: the model's own]")
@click.option("--limit-eval", type=click.IntRange(1), help="Evaluate on so many images only.")
@click.option("--skip-bad", is_flag=True, help="Leave out files that cannot be read.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--batch-size", type=click.IntRange(1), default=16, show_default=True, help="Images per batch.")
@click.option("--workers", type=click.IntRange(0), help="Loading processes.  [default: by device]")
@click.option("--precision", type=click.Choice(get_args(Precision)), help="[default: the model's own]")
@click.option("--per-class", is_flag=True, help="Print the AP of every class too.")
@click.option(
    "--known",
    type=click.IntRange(0, 99),
    default=0,
    help="Tell the model this percent of each image's labels and measure the others.  [default: 0]",
)
@click.option(
    "--scores", type=click.Path(path_type=Path), help="Write ids, logits and labels to this .npz file."
)
def command(
    checkpoint: str,
    data: str,
    data_root: Path | None,
    protocol_name: str | None,
    image_size: int | None,
    limit_eval: int | None,
    skip_bad: bool,
    device: str,
    batch_size: int,
    workers: int | None,
    precision: Precision | None,
    per_class: bool,
    known: int,
    scores: Path | None,
) -> None:
    """Score the evaluation split of a data set with a stored model and print the metrics, in percent."""
    # Imported here because importing torch takes longer than reading help.
    from bench.datasets.open import open_split
    from bench.engine.device.environment import choose_device, choose_workers, scored_in
    from bench.engine.models.find_model import find_model
    from bench.engine.models.model_file import load_model
    from bench.engine.scoring.score_model import Conditions, check_told, score, sizes_for
    from bench.metrics.known import evaluate_unknown, known_labels
    from bench.metrics.protocol import resolve_protocol

    trained = load_model(find_model(checkpoint))
    card = trained.card
    if known:
        check_told(card.method)  # before any data is read
    protocol = resolve_protocol(protocol_name or card.protocol)
    side, resize = sizes_for(card, image_size)
    chosen = choose_device(device, precision or "fp32")
    console = Console()
    with open_display(console) as display:
        progress = display.task(f"reading {data}")
        split = open_split(data, "eval", data_root, limit_eval, skip_bad, progress)
    conditions = Conditions(
        side=side,
        resize=resize,
        precision=precision or scored_in(card.precision, chosen),
        batch_size=batch_size,
        workers=choose_workers(workers, chosen),
        device=chosen,
        known=known,
    )
    with open_display(console) as display:
        logits = score(trained, split, conditions, display.task("scoring, batch"))
    if scores is not None:
        _write(scores, split, logits)
    _describe(card, split, side, resize, known)
    labels = split.index.labels
    if not labels.any():
        raise UserError(
            f"The labels of {split.info.name} are held by a server; --scores FILE keeps the scores."
        )
    metrics = evaluate_unknown(logits, labels, known_labels(split.index.ids, labels, known), protocol)
    if metrics is None:
        raise UserError(f"There is no positive label to be measured, with {known} % of the labels known.")
    _show(metrics, protocol)
    if per_class:
        _show_classes(metrics, split)


def _write(path: Path, split: "OpenedSplit", logits: "NDArray[np.float32]") -> None:
    import numpy as np

    from bench.files import atomic_path

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            ids=np.array(split.index.ids),
            logits=logits,
            labels=split.index.labels,
            classes=np.array(split.info.classes),
            allow_pickle=False,
        )


def _describe(card: "ModelCard", split: "OpenedSplit", side: int, resize: int, known: int) -> None:
    from bench.engine.planning.seen import note_of_scored
    from bench.methods.published.checkpoints import LAYOUTS

    cut = f", the centre of {resize}" if resize != side else ""
    click.echo(f"model: {card.method.label()} with {card.backbone}, from {card.source}")
    seen = f"{len(split.index)} images at {side} pixels{cut}"
    skipped = f", {len(split.skipped)} files skipped" if split.skipped else ""
    click.echo(f"data: {split.info.name} {split.name}, {seen}{skipped}")
    if said := note_of_scored(card, split.info):
        click.echo(f"note: {said}")
    if known:
        click.echo(f"known: {known} % of the labels of each image, which are not measured")
    layout = LAYOUTS.get(card.method.name)
    if side != card.train_size and layout and layout.other_sizes:
        click.echo(f"note: trained at {card.train_size} pixels: {layout.other_sizes}")


def _show(metrics: "Metrics", protocol: "Protocol") -> None:
    from tabulate import tabulate

    from bench.metrics.precision_recall import PrecisionRecall

    click.echo(f"protocol: {protocol.name}: {protocol.describe()}")
    names = PrecisionRecall._fields
    rows: list[list[object]] = [
        ["all labels", 100 * metrics.mAP, *(100 * metrics.value(name) for name in names)],
        ["top 3", None, *(100 * metrics.value(f"{name}_top3") for name in names)],
    ]
    click.echo(tabulate(rows, headers=["", "mAP", *names], floatfmt=".2f"))
    without = len(metrics.classes_without_positives)
    if without:
        click.echo(f"{without} classes have no positive label here and are in no mean")


def _show_classes(metrics: "Metrics", split: "OpenedSplit") -> None:
    from tabulate import tabulate

    positives = (split.index.labels == 1).sum(axis=0)
    rows: list[list[object]] = [
        [name, None if ap is None else 100 * ap, count]
        for name, ap, count in zip(split.info.classes, metrics.per_class_ap, positives, strict=True)
    ]
    click.echo(tabulate(rows, headers=["class", "AP", "positives"], floatfmt=".2f", missingval="–"))
