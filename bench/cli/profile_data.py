"""`bench profile data`: loading of an index, and checking of files."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.cli import profile_options
from bench.datasets.index import SplitIndex
from bench.profile.checking import measure_check
from bench.profile.index_load import CLASSES, IMAGES, measure_index
from bench.profile.photographs import photographs

# Files that are checked for each image.
CHECKED = 16


@click.command("data")
@profile_options.photographs
@click.option("--images", type=click.IntRange(min=2), default=128, show_default=True)
@profile_options.repeats
def command(name: str | None, data_root: Path | None, images: int, repeats: int) -> None:
    """Measure loading of the index and checking of files."""
    with TemporaryDirectory() as folder:
        linked = Path(folder, "linked")
        linked.mkdir()
        index = photographs(name, data_root, images, Path(folder, "made"))
        _show_index(Path(folder))
        _show_check(index, linked, repeats)


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
