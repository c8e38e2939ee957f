"""Run what is to be run of a matrix, one cell after the other."""

from dataclasses import dataclass

from bench.datasets.catalog import share
from bench.engine.events import Events
from bench.engine.leftovers import see_to
from bench.engine.plan import Cell
from bench.experiment.matrix import MatrixSpec
from bench.records.store import RecordStore
from bench.settings import work_folder


@dataclass(frozen=True)
class Outcome:
    """How many cells of a matrix were run, and how many of it have no result."""

    ran: int
    without_result: int


def execute(
    matrix: MatrixSpec, cells: list[Cell], events: Events, store: RecordStore | None = None
) -> Outcome:
    """Run every cell that is to be run; a cell that fails does not stop the next one.

    Args:
        matrix: says where and how they are run.
        cells: of it.
        events: told of the progress.
        store: where the records go; that of the matrix if None.
    """
    store = store or RecordStore(matrix.results)
    for cell in cells:
        if cell.state == "finished":
            run_id = cell.spec.run_id()
            see_to(work_folder() / "runs" / run_id, run_id, store, events)
    to_run = [cell for cell in cells if cell.state == "to run"]
    for note in notes(to_run):
        events.note(f"note: {note}")
    for cell in cells:
        if cell.state in ("failed", "damaged"):
            events.note(
                f"{cell.spec.run_id()} {cell.state} before and left alone: {cell.detail} "
                "(--overwrite failed runs it again)"
            )
    without_result = sum(cell.state in ("failed", "damaged") for cell in cells)
    if to_run:
        without_result += _run(matrix, to_run, events, store)
    return Outcome(len(to_run), without_result)


def notes(cells: list[Cell]) -> list[str]:
    """What is to be known of the data of some cells, of one's own also what was read of the labels."""
    by_data = {cell.spec.data: cell for cell in cells}
    own = [
        f"{name}: {sentence}"
        for name, cell in by_data.items()
        if cell.dataset.info.home is not None
        for sentence in (*cell.dataset.read_as(), cell.dataset.understood())
    ]
    incomplete = [sentence for cell in by_data.values() if (sentence := _incomplete(cell))]
    return [*incomplete, *own, *(note for cell in by_data.values() for note in cell.dataset.notes())]


def _incomplete(cell: Cell) -> str:
    """That a part of the data set is missing, as the disk holds it or as it was asked for; else nothing."""
    name, dataset, on = cell.spec.data, cell.dataset, cell.spec.split
    train = share(name, "train", len(dataset.train), on)
    evaluated = share(name, "eval", len(dataset.eval), on)
    if " of " not in train + evaluated:
        return ""
    return f"{name}: only {train} training and {evaluated} {on} images are used"


def _run(matrix: MatrixSpec, cells: list[Cell], events: Events, store: RecordStore) -> int:
    events.task("loading PyTorch")
    # Imported here because importing torch takes longer than finding that nothing is to be done.
    from bench.engine.build import check_models
    from bench.engine.run import Machine, run_cell

    machine = Machine.choose(matrix.device, matrix.workers, matrix.compile, cells)
    check_models(cells, machine.device, events.task)
    failed = 0
    for number, cell in enumerate(cells, start=1):
        events.cell_started(cell, number, len(cells))
        record = run_cell(cell, machine, store, events, loggers=matrix.log)
        failed += record.status == "failed"
        events.cell_finished(record)
    return failed
