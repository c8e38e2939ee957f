"""`bench profile data`: training input, loading of an index, and checking of files."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.datasets.index import SplitIndex
from bench.datasets.open import open_split
from bench.profile.checking import measure_check
from bench.profile.index_load import CLASSES, IMAGES, measure_index
from bench.profile.photographs import make_photographs
from bench.profile.training_input import BATCH_SIZE, NORMALISE, STAGES, InputSpeed, measure_input

# Files that are checked for each image that is fed.
CHECKED = 16
DIFFERENT = 1


@click.command("data")
@click.option("--data", "name", help="Measure with training images of this data set, not with made ones.")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data.")
@click.option("--images", type=click.IntRange(min=2), default=128, show_default=True)
@click.option("--image-size", type=click.IntRange(min=32), default=448, show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
def command(name: str | None, data_root: Path | None, images: int, image_size: int, repeats: int) -> None:
    """Measure training input, loading of the index, and checking of files.

    Training input is made by the pipeline of the published codes (plain) and by the one here (bench) in turn.
    Exit status 1 where their labels differ.
    """
    with TemporaryDirectory() as folder:
        made, linked = Path(folder) / "made", Path(folder) / "linked"
        made.mkdir()
        linked.mkdir()
        if name is None:
            index = make_photographs(made, images)
        else:
            index = open_split(name, "train", data_root, images, skip_bad=True).index
        size = sum(index.path(position).stat().st_size for position in range(len(index)))
        click.echo(f"{len(index)} images of {name or 'made data'}, {size / len(index) / 1e3:.0f} kB each")
        speed = measure_input(index, image_size, repeats)
        _show_input(speed, image_size)
        _show_index(made)
        _show_check(index, linked, repeats)
    if not speed.labels_equal:
        raise SystemExit(DIFFERENT)


def _show_input(speed: InputSpeed, side: int) -> None:
    repeats = len(speed.plain)
    click.echo(f"training input, {side}x{side}, batches of {BATCH_SIZE}, one core, {repeats} repeats in turn")
    click.echo(f"  {'ms per image':24}{'plain':>8}{'bench':>8}{'ratio':>8}")
    rows = {stage: (stage,) for stage in STAGES} | {"together": STAGES}
    for row, stages in rows.items():
        plain, bench = speed.milliseconds(stages)
        click.echo(f"  {row:24}{plain:8.2f}{bench:8.2f}{plain / bench:8.2f}")
    plain, bench = (1e3 / spent for spent in speed.milliseconds())
    click.echo(f"  {'images/s per core':24}{plain:8.0f}{bench:8.0f}{bench / plain:8.2f}")
    before = 1e3 / speed.milliseconds(tuple(stage for stage in STAGES if stage != NORMALISE))[1]
    click.echo(f"  {'... if a GPU normalises':24}{'':8}{before:8.0f}{before / plain:8.2f}")
    click.echo(f"  ratio in each repeat: {', '.join(f'{ratio:.2f}' for ratio in speed.ratios())}")
    click.echo(f"  labels: {'identical' if speed.labels_equal else 'DIFFERENT'}")
    compared = len(speed.differences)
    largest = max(largest for largest, _ in speed.differences)
    mean = sum(mean for _, mean in speed.differences) / compared
    click.echo(
        f"  pictures: {compared} compared, largest difference {largest}, mean {mean:.2f} grey levels of 255"
    )


def _show_index(folder: Path) -> None:
    found = measure_index(folder)
    click.echo(f"index of {IMAGES} images x {CLASSES} labels, {found.file_bytes / 1e6:.1f} MB on the disk")
    click.echo(f"  loaded in {found.seconds:.2f} s, with {found.peak_bytes / 1e6:.0f} MB of memory at most")


def _show_check(index: SplitIndex, folder: Path, repeats: int) -> None:
    found = measure_check(index, folder, CHECKED * len(index), repeats)
    click.echo(f"check of {found.images} files on all cores")
    click.echo(
        f"  {found.check:.0f} images/s; decoding alone: {found.decoding:.0f} images/s; ratio "
        f"{found.check / found.decoding:.2f}"
    )
