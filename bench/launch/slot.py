"""A process of one machine that runs the cells of a job it is told the names of, one after the other.

    python -m bench.launch.slot FOLDER

The names come on standard input, one a line, and how each ended goes to standard output; `prepare` is what is
done once for all. What a run prints goes to a file of its name in the folder of the job.
"""

import os
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from bench.engine.planning.log import LogDisplay
from bench.engine.planning.plan import Cell, plan
from bench.errors import UserError, one_line
from bench.launch.job import in_place_of, load_job, log_of
from bench.launch.worker import find_cell, prepare_cells, run_cells
from bench.stop import Stopped, heeding_signals

PREPARE = "prepare"
"""In place of the name of a run: what is done once. It is answered by itself."""


def main(folder: Path) -> None:
    """Do what is named on standard input until no more is; the matrix is planned once."""
    # What a library prints goes to the log, and nothing but answers to whoever started this process.
    answers = os.dup(sys.stdout.fileno())
    _end_with_parent()
    _log_to(log_of(folder, PREPARE))
    job, cells = load_job(folder), list[Cell]()
    with heeding_signals():
        for line in sys.stdin:
            what = line.strip()
            _log_to(log_of(folder, what))
            try:
                with in_place_of(job), LogDisplay(Console()) as log:
                    cells = cells or plan(job.matrix, log.task)
                    if what == PREPARE:
                        prepare_cells(job, cells, log)
                        ended = PREPARE
                    else:
                        ended = run_cells(folder, job, [find_cell(job, cells, what)], log)[what]
            except Stopped as stopped:
                print(f"stopped by {stopped.signal.name}; goes on from its last epoch", flush=True)
                _answer(answers, "stopped")
                return
            except UserError as error:
                print(f"Error: {error}", flush=True)
                ended = f"Error: {error}" if what == PREPARE else "failed"
            except Exception as error:  # the next cell is not to suffer from a fault of this one
                traceback.print_exc()
                ended = f"Error: {one_line(error)}" if what == PREPARE else "failed"
            _answer(answers, ended)


def _answer(answers: int, text: str) -> None:
    with suppress(BrokenPipeError):  # whoever asked was killed
        os.write(answers, f"{' '.join(text.split())}\n".encode())


def _log_to(path: Path) -> None:
    """Append to a file whatever is printed from now on, by libraries too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    with path.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())


def _end_with_parent() -> None:
    """Stop, as by a signal, when whoever started this process was killed."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
