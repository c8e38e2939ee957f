"""`bench profile engine`: training steps through the engine beside a bare PyTorch loop."""

from pathlib import Path
from tempfile import TemporaryDirectory

import click
import torch

from bench.cli import profile_options
from bench.cli.profile_figures import finish
from bench.engine.device.environment import choose_workers
from bench.engine.planning.machine import Machine
from bench.experiment.methods import parse_methods
from bench.experiment.schedule import Precision
from bench.profile.engine import Training, measure_engine
from bench.profile.photographs import labelled, make_photographs
from bench.profile.report import Measuring
from bench.resolve import names_in

# What is trained where nothing is said: as published on a GPU, and what a CPU computes in seconds.
BACKBONES = {"cuda": ("resnet101", 448), "cpu": ("resnet18", 128)}


@click.command("engine")
@profile_options.methods
@click.option("--backbone", help="With random weights.  [default: resnet101 on a GPU, resnet18 on a CPU]")
@click.option("--image-size", type=click.IntRange(min=32), help="[default: 448 on a GPU, 128 on a CPU]")
@click.option("--batch", type=click.IntRange(min=2), default=16, show_default=True, help="Images.")
@click.option(
    "--steps", type=click.IntRange(min=1), default=8, show_default=True, help="Of each repeat, by each."
)
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="Processes that load images.  [default: up to 8 beside a GPU, none on a CPU]",
)
@click.option(
    "--stored-features", is_flag=True, help="Train the heads alone, on made features of the backbone."
)
@profile_options.repeats
@profile_options.device
@profile_options.out
def command(
    methods: str,
    backbone: str | None,
    image_size: int | None,
    batch: int,
    steps: int,
    precision: Precision,
    workers: int | None,
    stored_features: bool,
    repeats: int,
    device: torch.device,
    out: Path | None,
) -> None:
    """Measure training steps of every method through the engine, and in a bare PyTorch loop.

    Both have the same model, optimiser, loader and images (made photographs), keep an average of the weights,
    and take turns; with --stored-features they have made features in place of the images. The engine also
    hashes what is fed, seeds each batch, watches that the loss is finite and reports each step.
    """
    choices = parse_methods(tuple(names_in(methods)))
    usual, side = BACKBONES[device.type]
    training = Training(backbone or usual, image_size or side, batch, steps, precision, stored_features)
    training.check()
    machine = Machine(device, choose_workers(workers, device), compiled=False)
    measuring = Measuring("engine", device)
    with TemporaryDirectory() as folder:
        make = labelled if stored_features else make_photographs
        index = make(Path(folder), batch * steps)
        figures = tuple(measure_engine(choice, training, index, machine, repeats) for choice in choices)
    finish(measuring.report(figures, (f"{machine.workers} processes load images.",)), out)
