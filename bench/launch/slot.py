"""A process of one machine that runs the cells of a job it is told the names of, one after the other.

    python -m bench.launch.slot FOLDER           # names on standard input; how each ended on standard output
    python -m bench.launch.slot FOLDER prepare   # what is done once; the number of GPUs on standard output

What a run prints goes to a file of its name in the folder of the job.
"""

import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TextIO

from rich.console import Console

from bench.engine.log import LogDisplay
from bench.engine.plan import plan
from bench.errors import UserError
from bench.launch.job import in_place_of, load_job, log_of
from bench.launch.worker import Ended, find_cell, prepare, run_cells
from bench.stop import Stopped, heeding_signals

PREPARE = "prepare"
"""In place of the names of runs; and the name of its log."""
A_MISTAKE = 2


def main(folder: Path, what: str = "") -> None:
    """Do what the module says."""
    # What a library prints goes to the log, and nothing but answers to whoever started this process.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    _end_with_parent()
    _log_to(log_of(folder, PREPARE))
    try:
        with heeding_signals():
            if what == PREPARE:
                prepare(str(folder))
                _answer(answers, str(_gpus()))
            else:
                _run_named(folder, answers)
    except UserError as error:
        _answer(answers, f"Error: {error}")
        raise SystemExit(A_MISTAKE) from None
    except Stopped:
        return


def _run_named(folder: Path, answers: TextIO) -> None:
    """Run what is named until no more is: the matrix is planned once."""
    job = load_job(folder)
    cells = None
    for line in sys.stdin:
        run_id = line.strip()
        _log_to(log_of(folder, run_id))
        ended: Ended = "failed"
        try:
            with in_place_of(job), LogDisplay(Console()) as log:
                cells = cells or plan(job.matrix, log.task)
                ended = run_cells(folder, job, [find_cell(job, cells, run_id)], log)[run_id]
        except Stopped as stopped:
            print(f"stopped by {stopped.signal.name}; goes on from its last epoch", flush=True)
            _answer(answers, "stopped")
            raise
        except UserError as error:
            print(f"Error: {error}", flush=True)
        except Exception:  # the next cell is not to suffer from a fault of this one
            traceback.print_exc()
        _answer(answers, ended)


def _answer(answers: TextIO, text: str) -> None:
    answers.write(" ".join(text.split()) + "\n")
    answers.flush()


def _log_to(path: Path) -> None:
    """Append to a file whatever is printed from now on, by libraries too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    with path.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def _end_with_parent() -> None:
    """Stop, as by a signal, when whoever started this process was killed."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
