"""`bench tune`: the same tuning budget for every method."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from bench.cli.display import open_display
from bench.cli.matrix_options import MatrixCommand, matrix_options, print_cells, print_needs, say
from bench.cli.options import given_options
from bench.datasets.fetch.disk import readable
from bench.engine.planning.plan import Cell
from bench.experiment.matrix import load_matrix, parse_settings
from bench.records.tunes import folder_of
from bench.stop import Stopped, heeding_signals
from bench.tune.remarks import few_seeds, on_splits, without_choice, without_result
from bench.tune.report import write_report
from bench.tune.space import load_space
from bench.tune.tune import Tune, ahead, plan_tune, run_tune

FINAL_SEEDS = "0,1,2"
A_METHOD_HAS_NO_RESULT = 1
OF_A_REPORT = frozenset({"report", "name", "results"})
GOES_ON = "; the same command goes on with the tune"


def _refuse_split(_: click.Context, __: click.Parameter, value: str | None) -> None:
    if value is not None:
        raise click.UsageError(
            "A tune has no --split: its trials are compared on the validation split, and what is chosen is "
            "measured on the test split."
        )


def _refuse_one_trial(_: click.Context, __: click.Parameter, value: int) -> int:
    if value == 1:
        raise click.UsageError(
            "The first trial is the schedule as it is, so --trials 1 would tune nothing: give 2 or more, or "
            "use `bench run`."
        )
    return value


def _refuse_always(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    # A tune that was killed goes on with the same command, which would then begin anew each time.
    if value == "always":
        raise click.UsageError(
            "A tune goes on from its trials, and takes no --overwrite always: give --overwrite failed, or "
            "begin anew with another --results FOLDER, or with another --name and another --design-seed."
        )
    return value


def _refuse_what_a_report_ignores(context: click.Context) -> None:
    for name, option in given_options(context).items():
        if name not in OF_A_REPORT:
            raise click.UsageError(
                f"--report reads the records of a tune, by --name and --results alone: leave out "
                f"{option.opts[0]}."
            )


@click.command("tune", cls=MatrixCommand)
@click.option("--split", hidden=True, expose_value=False, callback=_refuse_split)
@click.option(
    "--trials",
    type=click.IntRange(1),
    callback=_refuse_one_trial,
    default=16,
    show_default=True,
    help="Of each method: the schedule as it is, and draws.",
)
@click.option(
    "--design-seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="What the trials are drawn from, the same values for every method.",
)
@click.option(
    "--space",
    default="default",
    show_default=True,
    help="What is tuned: a name, or a YAML file with a range for each field of the schedule.",
)
@click.option("--name", help="Of the tune, and its folder under RESULTS/tunes.  [default: DATA-SCHEDULE]")
@click.option("--report", is_flag=True, help="Write the report of the tune --name from its records alone.")
@matrix_options(seeds=FINAL_SEEDS)
@click.option(
    "--overwrite",
    callback=_refuse_always,
    help="only-missing, or failed: trials and final runs that failed too.  [default: only-missing]",
)
@click.option(
    "--dry-run",
    is_flag=True,
    default=None,
    help="Print the trials, and how many runs the tune takes, how long and how much of the disk, and stop.",
)
@click.pass_context
def command(
    context: click.Context,
    /,
    trials: int,
    design_seed: int,
    space: str,
    name: str | None,
    report: bool,
    **options: Any,
) -> None:
    """Tune every method with the same draws and budget, then train what was chosen with several seeds.

    Trial 0 is the schedule as it is; the others are independent draws. Each is a run on the validation split.
    The best three of a method are run again with two more seeds, and what has the best mean is trained on the
    whole training split with --seeds (0,1,2). Only then is the test split opened. A tune that was killed goes
    on with the same command.
    """
    console = Console(stderr=False)
    if report:
        _refuse_what_a_report_ignores(context)
        if name is None:
            raise click.UsageError("--report needs --name, the name of the tune.")
        say(console, write_report(options["results"] or Path("results"), name))
        return
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "set" in given:
        given["set"] = parse_settings(given["set"])
    matrix = load_matrix(None, {"seeds": FINAL_SEEDS, **given})
    asked = load_space(space)
    try:
        with heeding_signals(), open_display(console) as display:
            tune = plan_tune(matrix, asked, trials, design_seed, name, display.task)
            if matrix.dry_run:
                again, final = ahead(tune, display.task)
            else:
                for said in _remarks(tune):
                    display.note(f"note: {said}")
                found, final_runs = run_tune(tune, display)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(GOES_ON) from None
    except Stopped as stopped:
        raise Stopped(stopped.signal, GOES_ON) from None
    if matrix.dry_run:
        _print_price(tune, again, final, console)
        return
    say(console, write_report(matrix.results, tune.design.name))
    missing = [without_choice(tune.design, found), without_result(final_runs.without_result)]
    for why in filter(None, missing):
        say(console, why)
    if any(missing):
        raise SystemExit(A_METHOD_HAS_NO_RESULT)


def _remarks(tune: Tune) -> list[str]:
    """What is to be known before it begins."""
    seeds = few_seeds({method.label(): tune.matrix.seeds for method in tune.methods})
    return [*on_splits(tune.design), *([seeds] if seeds else [])]


def _print_price(tune: Tune, again: list[Cell], final: list[Cell], console: Console) -> None:
    """Print what a tune takes: runs, time and disk."""
    # Here, because it imports torch, which takes seconds.
    from bench.engine.building.disk import disk_of

    print_cells(tune.trials, console)
    every = [*tune.trials, *again, *final]
    to_run = [cell for cell in every if cell.state == "to run"]
    say(
        console,
        f"{len(tune.trials)} runs of trials and of the label frequency, {len(again)} of the best trials with "
        f"more seeds, {len(final)} of what is chosen, on the test split, and of the label frequency there.",
    )
    print_needs(tune.matrix, every, console, folder_of(tune.matrix.results, tune.design.name))
    if to_run:
        needs = disk_of(to_run)
        parts = {
            "models": needs.models,
            "scores": needs.scores,
            "features": needs.features,
            "a checkpoint": needs.checkpoint,
        }
        listed = ", ".join(f"{name} {readable(size)}" for name, size in parts.items() if size)
        say(console, f"That takes about {readable(needs.total)} of the disk ({listed}).")
    for said in _remarks(tune):
        say(console, f"note: {said}")
