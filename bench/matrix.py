"""Run what is to be run of a matrix, one cell after the other."""

from dataclasses import dataclass

from rich.console import Console

from bench.display import open_display
from bench.plan import Cell
from bench.progress import reading
from bench.records import RecordStore
from bench.spec import MatrixSpec


@dataclass(frozen=True)
class Outcome:
    """How many cells of a matrix were run, and how many of it have no result."""

    ran: int
    without_result: int


def run_matrix(matrix: MatrixSpec, cells: list[Cell], console: Console) -> Outcome:
    """Run every cell that is to be run; a cell that fails does not stop the next one."""
    to_run = [cell for cell in cells if cell.state == "to run"]
    for cell in cells:
        if cell.state in ("failed", "damaged"):
            console.print(
                f"{cell.spec.run_id()} {cell.state} before and left alone: {cell.detail} "
                "(--overwrite failed runs it again)",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
    without_result = sum(cell.state in ("failed", "damaged") for cell in cells)
    if to_run:
        without_result += _run(matrix, to_run, console)
    return Outcome(len(to_run), without_result)


def _run(matrix: MatrixSpec, cells: list[Cell], console: Console) -> int:
    # Imported here because importing torch takes longer than finding that nothing is to be done.
    from bench.engine.build import check_models
    from bench.engine.run import Machine, run_cell

    machine = Machine.choose(matrix.device, matrix.workers, matrix.compile, cells)
    with reading(console) as bar:
        check_models(cells, machine.device, bar("computing features"))
    store = RecordStore(matrix.results)
    failed = 0
    with open_display(console, len(cells)) as display:
        for number, cell in enumerate(cells, start=1):
            display.cell_started(cell, number, len(cells))
            record = run_cell(cell, machine, store, display)
            failed += record.status == "failed"
            display.cell_finished(record)
    return failed
