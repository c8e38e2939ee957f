"""`bench profile gpu`: whole models on a GPU, in training and inference."""

from pathlib import Path

import click
import torch

from bench.cli import profile_options
from bench.cli.profile_figures import finish
from bench.errors import UserError
from bench.experiment.methods import parse_methods
from bench.methods.backbones.build import build_backbone
from bench.profile.gpu import Bench, Until
from bench.profile.gpu_session import Plan, Session
from bench.profile.report import Measuring
from bench.resolve import names_in


@click.command("gpu")
@profile_options.methods
@click.option("--backbone", default="resnet101", show_default=True, help="With random weights.")
@click.option(
    "--image-sizes",
    callback=profile_options.numbers(),
    default="448,576",
    show_default=True,
    help="Sides, pixels.",
)
@click.option("--classes", type=click.IntRange(min=1), default=80, show_default=True)
@click.option(
    "--batch",
    type=click.IntRange(min=2),
    default=16,
    show_default=True,
    help="Images; the best batch is found beside it.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=8.0,
    show_default=True,
    help="Nothing new is begun after these.",
)
@profile_options.repeats
@profile_options.device
@profile_options.out
def command(
    methods: str,
    backbone: str,
    image_sizes: tuple[int, ...],
    classes: int,
    batch: int,
    minutes: float,
    repeats: int,
    device: torch.device,
    out: Path | None,
) -> None:
    """Measure whole models on a GPU, on made images that lie there: no data is needed.

    First logits and gradients are held against the CPU's, then every method is trained and evaluated at the
    first size in bf16, with the batch asked for and the best one, then compiled, and with CUDA graphs; then
    likewise in fp32 and at the other sizes. What the minutes did not suffice for is named. What is compared
    is measured one after the other, not in turn.
    """
    if device.type != "cuda":
        raise UserError(
            "bench profile gpu measures a GPU, and this is a CPU: run it on a machine where PyTorch "
            f"{torch.__version__} sees one; bench profile engine and bench profile methods measure here."
        )
    choices = parse_methods(tuple(names_in(methods)))
    for side in image_sizes:
        build_backbone(backbone).check_size(side)
    torch.backends.cudnn.benchmark = True
    measuring = Measuring("gpu", device)
    plan = Plan(tuple(choices), image_sizes, batch, repeats)
    bench, until = Bench(backbone, classes, device), Until.minutes(minutes)
    session = Session(bench, plan, until, lambda what: click.echo(what, err=True))
    session.run()
    left = [f"left out: {what}" for what in session.left_out]
    finish(measuring.report(tuple(session.figures), tuple(left)), out)
