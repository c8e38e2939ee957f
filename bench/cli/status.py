"""`bench status`: where every cell is that was submitted or is running."""

from dataclasses import asdict
from pathlib import Path

import click

from bench.cli.listing import AS_JSON, print_json, print_rows
from bench.cli.options import RESULTS
from bench.cli.side_by_side import describe_progress
from bench.launch.status import CellStatus, cell_statuses, jobs_named


@click.command("status")
@click.argument("job", default="", metavar="[JOB]")
@click.option("--all", "every", is_flag=True, help="Jobs of which everything has ended, too.")
@RESULTS
@AS_JSON
def command(job: str, every: bool, results: Path, as_json: bool) -> None:
    """Show the cells of submitted matrices, and what plain commands are running, from files.

    Slurm is asked once, where it is there, whether it still has the tasks that files call waiting.

    JOB is the beginning or end of the name of a job. Without one these are the newest job and all of which
    something is left to do.
    """
    jobs = jobs_named(job)
    cells = list(cell_statuses(results, jobs))
    if not (job or every):
        newest = jobs[-1].job.name if jobs else ""
        open_ = {cell.job for cell in cells if cell.state in ("waiting", "running")}
        cells = [cell for cell in cells if cell.job in open_ | {newest, ""}]
    if as_json:
        print_json([asdict(cell) for cell in cells])
        return
    if not cells:
        click.echo("Nothing is running here and no job was submitted; `bench run --launcher` submits one.")
        return
    for name in dict.fromkeys(cell.job for cell in cells):
        of_job = [cell for cell in cells if cell.job == name]
        print_rows([_shown(cell) for cell in of_job], f"job {name}" if name else "plain commands")
    counts = [
        f"{count} {state}"
        for state in ("finished", "running", "waiting", "stopped", "failed", "not begun")
        if (count := sum(cell.state == state for cell in cells))
    ]
    click.echo(f"{', '.join(counts)}; of {len(cells)}.")


def _shown(cell: CellStatus) -> dict[str, object]:
    where = f"{cell.host}, process {cell.process}" if cell.host else ""
    return {
        "Run": cell.run,
        "State": cell.state,
        "Since (UTC)": cell.since.partition("+")[0].replace("T", " "),
        "Where": f"{where}, task {cell.task}" if cell.task else where,
        "How far": _far(cell),
    }


def _far(cell: CellStatus) -> str:
    if cell.state == "finished":
        return "scored; a server has the labels" if cell.map is None else f"mAP {cell.map:.2f}"
    if cell.progress is not None:
        return describe_progress(cell.progress)
    goes_on = [f"goes on at epoch {cell.epochs_done + 1}"] if cell.epochs_done else []
    return " | ".join([*goes_on, *cell.last.splitlines()])
