"""`bench data`: whether what lies on the disk is what the papers used."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from bench.datasets.catalog import DATASETS
from bench.datasets.index import SplitIndex
from bench.datasets.open import DataSet, open_dataset
from bench.datasets.statistics import describe_split, differences

DIFFERENT = 1


@click.group("data")
def command() -> None:
    """Check and describe the data sets on this machine."""


def _of_a_data_set(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and the option that every command on one data set has."""
    root = click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
    return click.argument("data")(root(function))


@command.command("ls")
def list_data() -> None:
    """List the data sets with their published counts."""
    for info in DATASETS.values():
        splits = ", ".join(f"{split} {counts.images}" for split, counts in info.counts.items())
        click.echo(f"{info.name:8} {info.title}: {splits} images; from {info.source}")


@command.command("check")
@_of_a_data_set
def check(data: str, data_root: Path | None) -> None:
    """Decode every image, read every annotation, and compare with the published counts.

    Exit status 1 where a file cannot be used or a count differs.
    """
    dataset = open_dataset(data, data_root, skip_bad=True)
    for problem in dataset.skipped:
        click.echo(f"cannot be used: {problem}")
    found = [
        f"{split}: {sentence}"
        for split, index in _splits(dataset)
        for sentence in differences(describe_split(index), dataset.info.counts[split])
    ]
    for sentence in found:
        click.echo(sentence)
    click.echo(
        f"{dataset.root}: {len(dataset.skipped)} files cannot be used, {len(found)} counts differ; "
        f"fingerprint {dataset.fingerprint()}"
    )
    if dataset.skipped or found:
        raise SystemExit(DIFFERENT)


def _splits(dataset: DataSet) -> tuple[tuple[str, SplitIndex], tuple[str, SplitIndex]]:
    return (dataset.info.train_split, dataset.train), (dataset.info.eval_split, dataset.eval)


@command.command("stats")
@_of_a_data_set
def stats(data: str, data_root: Path | None) -> None:
    """Show labels per image, label frequency and the commonest pairs of each split."""
    dataset = open_dataset(data, data_root, skip_bad=True)
    names = dataset.info.classes
    for split, index in _splits(dataset):
        found = describe_split(index)
        click.echo(
            f"{split}: {found.images} images, {found.positives} positive and {found.difficult} difficult "
            f"labels, {found.positives / found.images:.2f} positive labels per image"
        )
        per_image = ", ".join(f"{number}: {images}" for number, images in enumerate(found.labels_per_image))
        click.echo(f"  images by number of labels: {per_image}")
        for name, images in sorted(zip(names, found.frequency, strict=True), key=lambda item: -item[1]):
            click.echo(f"  {name:14} {images:6} {100 * images / found.images:6.2f} %")
        for first, second, images in found.pairs:
            click.echo(f"  {names[first]} and {names[second]}: {images} images")
        for sentence in differences(found, dataset.info.counts[split]):
            click.echo(f"  differs: {sentence}")
