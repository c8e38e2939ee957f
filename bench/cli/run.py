"""`bench run`: the main job."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.matrix_options import MatrixCommand, matrix_options, print_plan, say
from bench.engine.execute import execute
from bench.engine.plan import plan
from bench.experiment.matrix import load_matrix, parse_settings
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
    "methods on five backbones of today. --spec wins over it.",
)
@matrix_options
@click.option(
    "--split",
    help="What is evaluated: test, or validation, which is carved from the training split and leaves the "
    "test split unopened.  [default: test]",
)
@click.option("--overwrite", help="only-missing, failed (those too), or always.  [default: only-missing]")
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
    try:
        with heeding_signals(), open_display(console) as display:
            cells = plan(matrix, display.task)
            outcome = None if matrix.dry_run else execute(matrix, cells, display)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(GOES_ON) from None
    except Stopped as stopped:
        raise Stopped(stopped.signal, GOES_ON) from None
    if outcome is None:
        print_plan(matrix, cells, console)
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
