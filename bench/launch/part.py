"""One of the processes that share a cell of a job.

    python -m bench.launch.part FOLDER RUN TASK

`bench.launch.worker` starts them. How the cell ended is their exit status.
"""

import sys
from pathlib import Path

from rich.console import Console

from bench.engine.parallel.join import joined
from bench.engine.planning.log import LogDisplay
from bench.engine.planning.plan import plan
from bench.errors import UserError
from bench.launch.job import in_place_of, load_job
from bench.launch.worker import STATUSES, find_cell, run_cells
from bench.stop import Stopped, heeding_signals


def main(folder: Path, run_id: str, task: str) -> None:
    """Run a cell of a job together with the others."""
    job = load_job(folder)
    with (
        in_place_of(job),
        heeding_signals(),
        joined(job.matrix) as ranks,
        LogDisplay(Console(quiet=not ranks.leads)) as log,
    ):
        cell = ranks.first_then_others(lambda: find_cell(job, plan(job.matrix, log.task), run_id))
        ended = run_cells(folder, job, [cell], log, task, ranks)[run_id]
    sys.exit(STATUSES[ended])


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
    except Stopped:
        sys.exit(STATUSES["stopped"])
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        sys.exit(2)
