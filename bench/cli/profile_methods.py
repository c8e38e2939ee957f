"""`bench profile methods`: the heads on given features, beside the published formulations."""

from pathlib import Path
from statistics import median

import click
import torch

from bench.cli import profile_options
from bench.experiment.methods import parse_methods
from bench.profile.bounds import measure_bounds
from bench.profile.head_figures import figures_of, note_of
from bench.profile.heads import HeadCost, Setting, SideBySide, measure_side_by_side
from bench.profile.report import Figure, Measuring, save
from bench.resolve import names_in


@click.command("methods")
@profile_options.methods
@click.option(
    "--classes",
    callback=profile_options.numbers(),
    default="20,80,81,500",
    show_default=True,
    help="Numbers of classes.",
)
@profile_options.features(batch=4, side=14, channels=2048)
@profile_options.repeats
@profile_options.device
@profile_options.out
def command(
    methods: str,
    classes: tuple[int, ...],
    batch: int,
    side: int,
    channels: int,
    repeats: int,
    device: torch.device,
    out: Path | None,
) -> None:
    """Measure the head of each method on given features.

    forward: a forward pass in evaluation, milliseconds, median of the repeats. step: a forward and a backward
    pass. kept: MB that the forward pass keeps for the backward pass. peak: MB that a step takes at most, with
    the gradients of the parameters.

    Each but the ResNet baseline is measured in turn with its published formulation, which has the same
    weights, where the options are among those of the published code. The line below both says how many times
    as much it takes (for the times, the median of the ratios within a repeat), and how far the logits are
    apart, relative to the largest.
    """
    choices = parse_methods(tuple(names_in(methods)))
    measuring = Measuring("methods", device)
    figures: list[Figure] = []
    notes: list[str] = []
    click.echo(
        f"heads on features {batch}x{channels}x{side}x{side}, {device}, {torch.get_num_threads()} threads, "
        f"float32, {repeats} repeats in turn"
    )
    bounds = measure_bounds(device, repeats)
    click.echo(
        f"a plain matrix product: {bounds.product / 1e9:.0f} GFLOP/s; a copy: {bounds.copy / 1e9:.1f} GB/s "
        "read and written"
    )
    click.echo(
        f"{'method':32}{'classes':>8}{'Mparam':>8}{'GFLOP':>9}{'forward':>10}{'step':>10}{'kept':>9}{'peak':>9}"
    )
    for choice in choices:
        for number in classes:
            setting = Setting(number, batch, side, channels, device)
            found = measure_side_by_side(choice, setting, repeats)
            _show(choice.label(), number, found)
            figures += figures_of(choice, setting, found, bounds)
            notes.append(note_of(choice, setting, found))
    if out is not None:
        save(measuring.report(tuple(figures), tuple(notes)), out)
        click.echo(f"Written to {out}.")


def _show(label: str, classes: int, found: SideBySide) -> None:
    _show_cost(label, classes, found.bench)
    if found.left_out is not None:
        click.echo(f"  published formulation left out: it takes about {found.left_out / 1e9:.0f} GB")
    if found.published is None:
        return
    _show_cost("  published formulation", classes, found.published)
    kept = found.published.activations / found.bench.activations
    # Where the system does not show it, the peak is 0.
    peak = f"{found.published.peak / found.bench.peak:8.2f}x" if found.bench.peak > 0 else f"{'-':>9}"
    click.echo(
        f"{'  times':57}{found.ratio('forward'):9.2f}x{found.ratio('training'):9.2f}x{kept:8.2f}x{peak}"
        f"  logits {found.difference:.0e} apart"
    )


def _show_cost(label: str, classes: int, cost: HeadCost) -> None:
    forward, training = 1e3 * median(cost.forward), 1e3 * median(cost.training)
    click.echo(
        f"{label:32}{classes:8}{cost.parameters / 1e6:8.1f}{cost.flops / 1e9:9.1f}"
        f"{forward:10.1f}{training:10.1f}{cost.activations / 1e6:9.1f}{cost.peak / 1e6:9.1f}"
    )
