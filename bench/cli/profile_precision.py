"""`bench profile precision`: what bf16 brings to the training of each head."""

from pathlib import Path
from statistics import median

import click
import torch

from bench.cli import profile_options
from bench.experiment.methods import parse_methods
from bench.profile.head_figures import figure_in_bf16
from bench.profile.heads import Setting
from bench.profile.precision import Rates, measure_product, measure_step, product_for
from bench.profile.report import Figure, Measuring, save
from bench.resolve import names_in


@click.command("precision")
@profile_options.methods
@click.option("--classes", type=click.IntRange(min=1), default=20, show_default=True)
@profile_options.features(batch=32, side=7, channels=1280)
@profile_options.repeats
@profile_options.device
@profile_options.out
def command(
    methods: str,
    classes: int,
    batch: int,
    side: int,
    channels: int,
    repeats: int,
    device: torch.device,
    out: Path | None,
) -> None:
    """Measure training steps of each head on given features, in fp32 and in bf16 in turn.

    A step is the forward and the backward pass and the optimiser. The defaults are the features of the
    schedule frozen. ratio: the median over the repeats of bf16 by fp32. GFLOP/s: in bf16, a step counted as
    three forward passes; share: of what one plain matrix product reaches here, which bounds it.
    """
    choices = parse_methods(tuple(names_in(methods)))
    measuring = Measuring("precision", device)
    figures: list[Figure] = []
    multiplied = product_for(device)
    product = measure_product(device, repeats, multiplied)
    click.echo(
        f"training steps on features {batch}x{channels}x{side}x{side}, {classes} classes, {device}, "
        f"{torch.get_num_threads()} threads, {repeats} repeats in turn"
    )
    size = "x".join(map(str, multiplied))
    speeds = (_gflops(product, rates) for rates in (product.fp32, product.bf16))
    click.echo(
        "matrix product {}: fp32 {:.0f}, bf16 {:.0f} GFLOP/s, ratio {:.2f}".format(
            size, *speeds, product.ratio()
        )
    )
    click.echo(f"{'method':32}{'fp32':>10}{'bf16':>10}{'ratio':>7}{'GFLOP/s':>9}{'share':>7}   images/s")
    for choice in choices:
        setting = Setting(classes, batch, side, channels, device)
        found = measure_step(choice, setting, repeats)
        figures.append(figure_in_bf16(choice, setting, found, product))
        reached = _gflops(found, found.bf16)
        click.echo(
            f"{choice.label():32}{median(found.fp32):10.1f}"
            f"{median(found.bf16):10.1f}{found.ratio():7.2f}{reached:9.0f}"
            f"{reached / _gflops(product, product.bf16):7.0%}"
        )
    if out is not None:
        save(measuring.report(tuple(figures)), out)
        click.echo(f"Written to {out}.")


def _gflops(of: Rates, rates: list[float]) -> float:
    return of.flops * float(median(rates)) / 1e9
