"""`bench run`: the main job."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.matrix_options import MatrixCommand, matrix_options, print_plan, say
from bench.cli.side_by_side import open_cells
from bench.engine.parallel.join import joined, started
from bench.engine.parallel.ranks import ALONE
from bench.engine.planning.plan import plan
from bench.engine.running.execute import execute
from bench.experiment.matrix import MatrixSpec, load_matrix, parse_settings
from bench.launch.launchers import launcher_named
from bench.stop import Stopped, heeding_signals

A_CELL_FAILED = 1
GOES_ON = "; the same command goes on from the last epoch"


@click.command("run", cls=MatrixCommand)
@click.option(
    "--spec",
    type=click.Path(path_type=Path),
    help="YAML file with any of the options below; the command line wins.",
)
@click.option(
    "--matrix",
    "name",
    help="The methods of a table of the ADD-GCN paper: table4, table5, table6 or fig3; or backbones: a few "
    "methods on five backbones of today. --spec and other options win over it, if something of it is left.",
)
@matrix_options(seeds="0")
@click.option(
    "--split",
    help="What is evaluated: test, or validation, which is carved from the training split and leaves the "
    "test split unopened.  [default: test]",
)
@click.option(
    "--devices",
    type=int,
    help="Train each run by so many processes on this machine, each on a GPU of its own or on its share of "
    "the processors; the result is that of one.  [default: 1]",
)
@click.option(
    "--nodes", type=int, help="Machines that do so together, on each of which torchrun starts this command."
)
@click.option("--overwrite", help="only-missing, failed (those too), or always.  [default: only-missing]")
@click.option(
    "--launcher",
    help="What spreads the runs over processes: local, so many at a time on this machine, each with a GPU "
    "or a share of the cores; or slurm, a task of a cluster for each.  [default: none; one after the other]",
)
@click.option("--jobs", type=int, help="Runs at a time, of --launcher local.")
@click.option(
    "--slurm",
    type=click.Path(path_type=Path),
    help="YAML file that says what each task asks the cluster for, of --launcher slurm.",
)
@click.option("--dry-run", is_flag=True, default=None, help="Print the plan and stop.")
def command(spec: Path | None, name: str | None, **options: Any) -> None:
    """Train and evaluate a matrix of methods, data sets and seeds under one schedule.

    What is stored already is not run again; a run that was interrupted goes on from its last epoch.
    """
    console = Console(stderr=False)
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "set" in given:
        given["set"] = parse_settings(given["set"])
    matrix = load_matrix(spec, given, name)
    several = matrix.processes > 1 and not matrix.launcher and not matrix.dry_run
    if several and not started():
        _launch(matrix)
    try:
        # The first of several processes heeds signals; those that follow it ignore them.
        with heeding_signals(), nullcontext(ALONE) if matrix.launcher else joined(matrix) as ranks:
            console.quiet = not ranks.leads
            launcher = launcher_named(matrix.launcher) if matrix.launcher else None
            if launcher:
                matrix = launcher.check(matrix)
            with open_display(console) as display:
                cells = ranks.first_then_others(lambda: plan(matrix, display.task))
                outcome = None
                if not (matrix.dry_run or launcher):
                    outcome = execute(matrix, cells, display, ranks=ranks)
            if launcher and not matrix.dry_run:
                with open_cells(console) as screen:
                    outcome = launcher.launch(matrix, cells, screen)
                if outcome is None:  # it goes on elsewhere
                    return
    except KeyboardInterrupt:
        raise KeyboardInterrupt(GOES_ON) from None
    except Stopped as stopped:
        raise Stopped(stopped.signal, GOES_ON) from None
    if outcome is None:
        print_plan(matrix, cells, console)
        for line in launcher.foretell(matrix, cells) if launcher else ():
            say(console, line)
        return
    finished = len(cells) - outcome.without_result - outcome.elsewhere
    say(
        console,
        f"{outcome.ran} of {len(cells)} runs done now, {finished} have a result under {matrix.results}.",
    )
    if outcome.elsewhere:
        say(console, f"{outcome.elsewhere} are being run by other processes; `bench status` shows them.")
    if outcome.without_result:
        raise SystemExit(A_CELL_FAILED)


def _launch(matrix: MatrixSpec) -> NoReturn:
    """Run a matrix in processes of their own."""
    from bench.engine.parallel.launch import launch_matrix

    try:
        raise SystemExit(launch_matrix(matrix))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(GOES_ON) from None
    except Stopped as stopped:
        raise Stopped(stopped.signal, GOES_ON) from None
