"""`bench profile ranks`: a training by several processes that share each batch, beside one."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click
import torch

from bench.cli import profile_options
from bench.cli.profile_engine import BACKBONES
from bench.cli.profile_figures import finish
from bench.profile.ranks import Shared, measure_ranks
from bench.profile.report import Measuring
from bench.resolve import names_in


@click.command("ranks")
@click.option("--methods", default="resnet", show_default=True, help="Names, as in salgl/soft=true.")
@click.option("--backbone", help="With random weights.  [default: resnet101 on a GPU, resnet18 on a CPU]")
@click.option("--image-size", type=click.IntRange(min=32), help="[default: 448 on a GPU, 128 on a CPU]")
@click.option(
    "--batch", type=click.IntRange(min=2), default=32, show_default=True, help="Images of all processes."
)
@click.option("--steps", type=click.IntRange(min=1), default=8, show_default=True, help="Of an epoch.")
@click.option("--epochs", type=click.IntRange(min=1), default=3, show_default=True, help="Of each repeat.")
@click.option("--devices", type=click.IntRange(min=2), default=2, show_default=True, help="Processes.")
@profile_options.repeats
@profile_options.device
@profile_options.out
def command(
    methods: str,
    backbone: str | None,
    image_size: int | None,
    batch: int,
    steps: int,
    epochs: int,
    devices: int,
    repeats: int,
    device: torch.device,
    out: Path | None,
) -> None:
    """Measure training by several processes that share each batch, and by one, in turn.

    Each is a `bench run` on drawn scenes; its record says how fast it was, without its first epoch.
    """
    usual, side = BACKBONES[device.type]
    shared = Shared(backbone or usual, image_size or side, batch, steps, epochs, device.type)
    measuring = Measuring("ranks", device)
    with TemporaryDirectory() as folder:
        figures = tuple(
            measure_ranks(method, shared, devices, Path(folder), repeats) for method in names_in(methods)
        )
    finish(measuring.report(figures), out)
