"""`bench data`: find, read, check and describe data sets."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console

from bench.cli.data_download import download
from bench.cli.display import open_display
from bench.cli.listing import print_rows
from bench.datasets.catalog import DATASET_CATALOGUE
from bench.datasets.duplicates import Shared, near_duplicates
from bench.datasets.index import SplitIndex
from bench.datasets.info import DataSetInfo
from bench.datasets.listing import LISTED_AT_MOST
from bench.datasets.locate import dataset_info, find, locate, remember
from bench.datasets.open import prepare_both, read_dataset
from bench.datasets.opened import DataSet
from bench.datasets.prepare import with_classes
from bench.datasets.statistics import describe_split, differences
from bench.errors import UserError
from bench.files import write_text
from bench.labels import count_labels
from bench.names import file_name

DIFFERENT = 1


@click.group("data")
def command() -> None:
    """Download, prepare, check and describe data sets.

    DATA is a name that `bench data ls` lists, or the YAML file of a data set of your own.
    """


command.add_command(download)


def _of_a_data_set(function: Callable[..., Any]) -> Callable[..., Any]:
    """The argument and the option that every command on one data set has."""
    root = click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
    return click.argument("data")(root(function))


def _read(data: str, data_root: Path | None) -> DataSet:
    with open_display(Console(stderr=True)) as display:
        return read_dataset(data, data_root, progress=display.task(f"reading {data}"))


def _splits(dataset: DataSet) -> tuple[tuple[str, SplitIndex], tuple[str, SplitIndex]]:
    return (dataset.info.train_split, dataset.train), (dataset.info.eval_split, dataset.eval)


def _differences(info: DataSetInfo, split: str, index: SplitIndex) -> list[str]:
    published = info.counts.get(split)
    return differences(describe_split(index), published) if published else []


@command.command("ls")
def list_data() -> None:
    """List the data sets with their published counts, and where each lies on this machine."""
    print_rows(
        [
            {
                "Data": info.name,
                "Title": info.title,
                "Images": ", ".join(f"{split} {counts.images}" for split, counts in info.counts.items()),
                "Where": _place(info),
            }
            for info in DATASET_CATALOGUE.all().values()
        ]
    )


def _place(info: DataSetInfo) -> str:
    """Where a data set lies on this machine, or where it can be had."""
    try:
        return "made on first use" if info.built_in else str(find(info, None))
    except UserError:
        return f"not found here; from {info.source}"


@command.command("prepare")
@_of_a_data_set
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Folder of local files to use from now on; they stay where they are.",
)
def prepare(data: str, data_root: Path | None, source: Path | None) -> None:
    """Read lists and annotations into one index per split. No image is opened.

    Other commands do this by themselves; `prepare` shows what was read, and remembers where it lies.
    """
    info = dataset_info(data)
    if source is not None and info.home is not None:
        raise UserError(
            f"{data} says itself where its files are: set root in it, as --from is for data sets known "
            "by name; or give --data-root for this command alone."
        )
    with open_display(Console(stderr=True)) as display:
        progress = display.task(f"reading {data}")
        folder = locate(info, source or data_root, progress)
        prepared = prepare_both(with_classes(info, folder), folder, progress)
    if source is not None:
        remember(info, source)
    for split, found in zip((info.train_split, info.eval_split), prepared, strict=True):
        for problem in found.problems[:LISTED_AT_MOST]:
            click.echo(f"cannot be used: {problem}")
        described = describe_split(found.index)
        click.echo(
            f"{split}: {described.images} images, {described.positives} positive and {described.difficult} "
            f"difficult labels, hash {found.index.fingerprint()}; "
            + (f"{len(found.problems)} annotations cannot be used" if found.problems else f"{found.file}")
        )
        for sentence in _differences(info, split, found.index):
            click.echo(f"  differs: {sentence}")
    if any(found.problems for found in prepared):
        raise SystemExit(DIFFERENT)


@command.command("check")
@_of_a_data_set
@click.option(
    "--fix-list",
    type=click.Path(path_type=Path),
    help="Write the images that cannot be used to this file, for `bench run --skip-bad FILE`.",
)
@click.option(
    "--near-duplicates",
    "alike",
    is_flag=True,
    help="Look for test images that look like a training image, too: copies that were scaled or compressed "
    "anew.",
)
def check(data: str, data_root: Path | None, fix_list: Path | None, alike: bool) -> None:
    """Decode every image, read every annotation, and compare with the published counts.

    Says which test images are training images too, byte for byte, and how many images show nothing.

    Exit status 1 where a file cannot be used or a count differs.
    """
    dataset = _read(data, data_root)
    for problem in dataset.skipped[:LISTED_AT_MOST]:
        click.echo(f"cannot be used: {problem}")
    if len(dataset.skipped) > LISTED_AT_MOST:
        click.echo(f"... and {len(dataset.skipped) - LISTED_AT_MOST} more")
    found = [
        f"{split}: {sentence}"
        for split, index in _splits(dataset)
        for sentence in _differences(dataset.info, split, index)
    ]
    for sentence in found:
        click.echo(sentence)
    _say_shared(dataset, dataset.shared, "is the file of")
    if alike:
        _say_shared(dataset, _alike(dataset), "looks like")
    for sentence in (*dataset.read_as(), dataset.images_used(), dataset.understood()):
        click.echo(f"{data}: {sentence}")
    for note in dataset.notes():
        click.echo(f"note: {note}")
    if fix_list is not None:
        images = sorted({problem.image for problem in dataset.skipped})
        write_text(fix_list, "".join(f"{image}\n" for image in images))
        click.echo(f"{fix_list}: {len(images)} images to leave out with --skip-bad {fix_list}")
    click.echo(
        f"{dataset.root}: {len(dataset.skipped)} files cannot be used, {len(found)} counts differ; "
        f"fingerprint {dataset.fingerprint()}"
    )
    if dataset.skipped or found:
        raise SystemExit(DIFFERENT)


def _say_shared(dataset: DataSet, shared: Sequence[Shared], how: str) -> None:
    for one in shared[:LISTED_AT_MOST]:
        click.echo(f"{dataset.info.eval_split} {one.eval} {how} {dataset.info.train_split} {one.train}")
    if len(shared) > LISTED_AT_MOST:
        click.echo(f"... and {len(shared) - LISTED_AT_MOST} more")


def _alike(dataset: DataSet) -> list[Shared]:
    """The near-duplicates that are no exact ones."""
    exact = {one.eval for one in dataset.shared}
    with open_display(Console(stderr=True)) as display:
        alike = near_duplicates(dataset.train, dataset.eval, display.task("comparing pictures"))
    found = [one for one in alike if one.eval not in exact]
    click.echo(
        f"{len(found)} pictures of {dataset.info.eval_split} look like one of {dataset.info.train_split}"
    )
    return found


@command.command("stats")
@_of_a_data_set
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write label frequency and co-occurrence of each split there, as a CSV table and as a picture.",
)
def stats(data: str, data_root: Path | None, out: Path | None) -> None:
    """Show labels per image, label frequency and the commonest pairs of each split."""
    dataset = _read(data, data_root)
    for split, index in _splits(dataset):
        if not len(index):
            raise UserError(f"No image of {split} of {data} can be used; see `bench data check {data}`.")
        _show(dataset.info, split, index)
        if out is not None:
            _write(dataset.info, split, index, out)


def _show(info: DataSetInfo, split: str, index: SplitIndex) -> None:
    found = describe_split(index)
    names = info.classes
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
    for sentence in _differences(info, split, index):
        click.echo(f"  differs: {sentence}")


def _write(info: DataSetInfo, split: str, index: SplitIndex, out: Path) -> None:
    from bench.figures.labels import draw_labels
    from bench.tables.render import csv

    counts, cooccurrence = count_labels(index.labels)
    table = pd.DataFrame({"label": info.classes, "images": counts})
    # A class has a key that is none of the table's own, whatever its name is.
    pairs = pd.DataFrame(cooccurrence, columns=[f"with:{name}" for name in info.classes])
    stem = f"{file_name(info.name, 'data set')}-{file_name(split, 'split')}-labels"
    write_text(out / f"{stem}.csv", csv(pd.concat([table, pairs], axis=1)))
    picture = out / f"{stem}.png"
    unwritten = draw_labels(picture, f"{info.title}, {split}", info.classes, counts, cooccurrence)
    click.echo(f"  {out / stem}.csv and .png")
    if unwritten:
        click.echo(f"  {picture}: {unwritten}", err=True)
