"""The options that name a matrix, as `bench run` and `bench tune` take them, and the plan that they print."""

from collections.abc import Callable
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench.engine.planning.log import describe_seconds
from bench.engine.planning.plan import Cell
from bench.engine.running.execute import notes
from bench.experiment.matrix import MatrixSpec
from bench.experiment.schedule import Schedule
from bench.records.store import RecordStore

_WHAT = (
    click.option(
        "--methods",
        help="'all' built in and resnet/pool=max, 'seeds' (the five that the harness began with), or names "
        "separated by commas, with options as in ml-gcn/tau=0.3.  [default: all]",
    ),
    click.option("--data", help="Names of data sets, separated by commas."),
)
_HOW = (
    click.option(
        "--schedule", help="Name or YAML file of the training schedule.  [default: the data set's own]"
    ),
    click.option("--protocol", help="How metrics are computed.  [default: bench]"),
    click.option(
        "--backbone", help="torchvision or timm names, separated by commas, overriding the schedule."
    ),
    click.option("--weights", help="Initial weights of the backbone: a name, a file, or 'none'."),
    click.option(
        "--init-from",
        metavar="MODEL",
        help="Start from this model, a run here or a file, in place of the weights: "
        "always from its backbone, and from its head where it is of the same method.",
    ),
    click.option(
        "--init-parts",
        help="Of that model take the backbone alone; class-independent: what does not depend on the classes; "
        "or all: the classes that have the same name in both, too.  [default: class-independent]",
    ),
    click.option("--image-size", type=int, help="Side of the square input, pixels."),
    click.option(
        "--eval-image-size",
        type=int,
        help="Side of the square test input.  [default: the schedule's, or as in training]",
    ),
    click.option("--epochs", type=int, help="Passes over the training split."),
    click.option("--batch-size", type=int, help="Images per batch."),
    click.option("--precision", help="fp32, bf16, fp16, or auto: bf16 where the processor multiplies it."),
    click.option(
        "--set",
        multiple=True,
        metavar="FIELD=VALUE",
        help="Set any field of the schedule, as in --set lr=3e-4 --set loss=asl; `bench schedules NAME` "
        "lists them. Repeatable.",
    ),
    click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data."),
    click.option(
        "--vectors", help="Label vectors, as `bench labels vectors --from` takes them.  [default: label-sets]"
    ),
    click.option("--limit-train", type=int, help="Train on so many images only, for a quick look."),
    click.option("--limit-eval", type=int, help="Evaluate on so many images only."),
    click.option(
        "--skip-bad",
        is_flag=False,
        flag_value="all",
        help="Leave out files that cannot be read, or the images that a file lists (from `bench data check "
        "--fix-list`), and record them.",
    ),
    click.option("--device", help="auto, cpu, cuda or cuda:N.  [default: auto]"),
    click.option("--workers", type=int, help="Loading processes.  [default: by device]"),
    click.option(
        "--compile",
        is_flag=False,
        flag_value=True,
        type=click.UNPROCESSED,
        metavar="[graphs]",
        help="Compile the model with torch.compile; with 'graphs' also record what the GPU does for it as "
        "CUDA graphs, which helps where the batch is small.",
    ),
    click.option(
        "--log",
        help="Write the training down for those who watch it, into logs of the work folder: tensorboard.",
    ),
    click.option(
        "--results", type=click.Path(path_type=Path), help="Folder of the records.  [default: results]"
    ),
)


_GOES_ON = frozenset({"resume", "resume_from", "continue", "restart", "auto_resume", "checkpoint"})
_ALSO_CALLED = {"learning_rate": "lr", "wd": "weight_decay", "opt": "optimizer", "ema": "ema_decay"}


class MatrixCommand(click.Command):
    """Answers an option that there is none of with what does what it asks for."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; a field of the schedule is no option of its own, and to go on needs none."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = error.option_name.lstrip("-").replace("-", "_").lower()
            field = _ALSO_CALLED.get(name, name)
            if name in _GOES_ON:
                said = "a run goes on by itself: the same command goes on from the last epoch"
            elif field in Schedule.model_fields:
                said = f"it is a field of the schedule: --set {field}=VALUE"
            else:
                raise
            raise click.UsageError(f"No such option: {error.option_name}; {said}.", ctx) from None


def matrix_options(seeds: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of a matrix, whose seeds are these where none are given."""
    option_of_seeds = click.option("--seeds", help=f"Numbers separated by commas.  [default: {seeds}]")
    options = (*_WHAT, option_of_seeds, *_HOW)
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(options), command)


def print_plan(matrix: MatrixSpec, cells: list[Cell], console: Console) -> None:
    """Print the cells, what is to be downloaded for them, and how long they may take."""
    print_cells(cells, console)
    print_needs(matrix, cells, console)


def print_cells(cells: list[Cell], console: Console) -> None:
    """Print a line for each cell."""
    for cell in cells:
        schedule = cell.spec.schedule
        say(
            console,
            f"{cell.state:8} {cell.spec.run_id()}: {cell.spec.method.label()}, {schedule.backbone} at "
            f"{schedule.image_size} pixels, {len(cell.dataset.train)} training and "
            f"{len(cell.dataset.eval)} {cell.spec.split} images, {schedule.epochs} epochs, "
            f"{cell.steps()} steps",
        )


def print_needs(matrix: MatrixSpec, cells: list[Cell], console: Console, tune: Path | None = None) -> None:
    """Print how much is to be done, what is to be downloaded for it, and how long it may take.

    Args:
        matrix: says where they are run.
        cells: all of them.
        console: to print to.
        tune: the folder of a tune that they belong to, whose trials were made at known speeds too.
    """
    to_run = [cell for cell in cells if cell.state == "to run"]
    say(
        console,
        f"{len(to_run)} of {len(cells)} runs to do, {sum(cell.steps() for cell in to_run)} steps in all.",
    )
    for note in notes(to_run):
        say(console, f"note: {note}")
    if to_run:
        for sentence in _downloads(to_run):
            say(console, sentence)
        say(console, _duration(matrix, to_run, tune))


def _downloads(cells: list[Cell]) -> list[str]:
    """What the cells would download before they train, a line each."""
    from bench.methods.backbones.build import weights_to_download

    asked = {(cell.spec.schedule.backbone, cell.weights.name): cell.weights for cell in cells if cell.steps()}
    found = {names: weights_to_download(names[0], weights) for names, weights in sorted(asked.items())}
    return [f"To be downloaded: weights '{w}' of {b}: {what}." for (b, w), what in found.items() if what]


def _duration(matrix: MatrixSpec, cells: list[Cell], tune: Path | None) -> str:
    """How long the cells will take, where there are records to tell."""
    if matrix.launcher == "slurm":
        return "How long that takes is not known: it depends on the machines that the tasks are given."
    # Imported here because importing torch takes longer than planning.
    from bench.engine.device.environment import device_name
    from bench.engine.planning.estimate import estimate
    from bench.engine.planning.machine import Machine

    device = Machine.choose(matrix.device, matrix.workers, matrix.compile, cells).device
    records = chain.from_iterable(RecordStore(folder).all() for folder in (matrix.results, tune) if folder)
    found = estimate(cells, records, device_name(device), drawn=tune is not None)
    if found.unknown and not found.seconds:
        return (
            f"How long that takes is not known: {matrix.results} has no run like these of this {device.type}."
        )
    took = f"about {describe_seconds(found.seconds)} on this {device.type}, after records of like runs"
    rest = f"; nothing is known of {', '.join(found.unknown)}" if found.unknown else ""
    return f"{found.known} of these runs take {took}{rest}."


def say(console: Console, text: str) -> None:
    """Print a line as it is."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)
