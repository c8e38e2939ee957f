"""`bench profile input`: training and test input, and how many cores a GPU needs."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from bench.cli import profile_options
from bench.cli.profile_figures import finish
from bench.profile.input import (
    BATCH_SIZE,
    BENCH,
    CACHED,
    LOADED,
    PIPELINES,
    PLAIN,
    TEST,
    TRAINING,
    InputSpeed,
    measure_input,
)
from bench.profile.input_pipelines import STAGES
from bench.profile.photographs import photographs
from bench.profile.report import Measuring

DIFFERENT = 1


@click.command("input")
@profile_options.photographs
@click.option("--images", type=click.IntRange(min=2), default=128, show_default=True)
@click.option("--image-size", type=click.IntRange(min=32), default=448, show_default=True)
@profile_options.repeats
@click.option(
    "--images-per-second",
    type=click.FloatRange(min=0, min_open=True),
    default=550,
    show_default=True,
    help="What a GPU trains on; how many cores that needs is said.",
)
@profile_options.out
def command(
    name: str | None,
    data_root: Path | None,
    images: int,
    image_size: int,
    repeats: int,
    images_per_second: float,
    out: Path | None,
) -> None:
    """Measure training and test input on one core.

    Images are made ready by Pillow and torchvision as in the published codes (plain), by what is done here
    (bench), and by the same with decoded pictures from the cache (cached), in turn. Exit status 1 where their
    labels differ, or pictures from the cache differ from those without by a single bit.
    """
    measuring = Measuring("input")
    with TemporaryDirectory() as folder:
        index = photographs(name, data_root, images, Path(folder, "made"))
        size = sum(index.path(position).stat().st_size for position in range(len(index)))
        click.echo(f"{len(index)} images of {name or 'made data'}, {size / len(index) / 1e3:.0f} kB each")
        found = []
        for kind in (TRAINING, TEST):
            cache = Path(folder, kind)
            found.append(measure_input(index, kind, image_size, repeats, cache))
            _show(found[-1], image_size)
            _show_cache(found[-1], cache)
    notes = [_cores(speed, images_per_second) for speed in found]
    figures = tuple(figure for speed in found for figure in speed.figures())
    finish(measuring.report(figures, (_described(name, len(index), image_size), *notes)), out)
    if not all(speed.labels_equal and speed.cached_equal for speed in found):
        raise SystemExit(DIFFERENT)


def _show(speed: InputSpeed, side: int) -> None:
    repeats = len(speed.watches[PLAIN])
    click.echo(
        f"{speed.kind} input, {side}x{side}, batches of {BATCH_SIZE}, one core, {repeats} repeats in turn"
    )
    _row("ms per image, median", PIPELINES)
    for stage in STAGES:
        _row(stage, (f"{speed.milliseconds(pipeline, (stage,)):.2f}" for pipeline in PIPELINES))
    _row("together", (f"{speed.milliseconds(pipeline):.2f}" for pipeline in PIPELINES))
    _row("images/s per core", (f"{1e3 / speed.milliseconds(pipeline):.0f}" for pipeline in PIPELINES))
    _row("times as many as plain", (f"{speed.ratio(pipeline):.2f}" for pipeline in PIPELINES))
    on_gpu = (f"{speed.ratio(pipeline, LOADED):.2f}" for pipeline in (BENCH, CACHED))
    _row("... if a GPU normalises", ("", *on_gpu))
    click.echo(f"  labels: {'identical' if speed.labels_equal else 'DIFFERENT'}")
    largest = max(largest for largest, _ in speed.differences)
    mean = sum(mean for _, mean in speed.differences) / len(speed.differences)
    click.echo(
        f"  pictures: {len(speed.differences)} compared with plain, largest difference {largest}, mean "
        f"{mean:.2f} grey levels of 255; from the cache {'identical' if speed.cached_equal else 'DIFFERENT'}"
    )


def _row(name: str, values: Iterable[str]) -> None:
    click.echo(f"  {name:24}{''.join(f'{value:>9}' for value in values)}")


def _show_cache(speed: InputSpeed, folder: Path) -> None:
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    first = 1e3 * speed.filling.total() / speed.images
    kept = (
        f"{len(sizes)} pictures are kept, {sum(sizes) / len(sizes) / 1e3:.0f} kB each"
        if sizes
        else "nothing kept"
    )
    click.echo(f"  the cache: {kept}; an epoch that fills it takes {first:.2f} ms per image")


def _cores(speed: InputSpeed, rate: float) -> str:
    needed = ", ".join(f"{pipeline} {speed.cores(pipeline, rate):.1f}" for pipeline in PIPELINES)
    return f"cores for a GPU that takes {rate:g} {speed.kind} images/s and normalises them: {needed}"


def _described(name: str | None, images: int, side: int) -> str:
    return f"{images} images of {name or 'made data'} at {side}x{side}"
