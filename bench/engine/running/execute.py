"""Run what is to be run of a matrix, one cell after the other."""

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from bench.datasets.catalog import share
from bench.engine.parallel.ranks import ALONE, Ranks
from bench.engine.planning.difficult import difficult_notes
from bench.engine.planning.events import Events
from bench.engine.planning.plan import Cell
from bench.engine.planning.seen import note_of_start
from bench.engine.running.leftovers import finish, is_unfinished
from bench.experiment.matrix import MatrixSpec
from bench.experiment.unreached import unreached
from bench.files import remove_those_of_the_dead
from bench.records.claims import Claims
from bench.records.holder import Holder
from bench.records.record import Record
from bench.records.store import Damaged, RecordStore
from bench.settings import work_folder
from bench.stop import stop_if_asked

if TYPE_CHECKING:
    from bench.engine.planning.machine import Machine


class Notes(Protocol):
    """Takes a line."""

    def note(self, text: str) -> None:
        """Something worth a line."""


LOOK_AGAIN = 5.0
"""Seconds between two looks at runs of other processes that are waited for."""


@dataclass(frozen=True)
class Outcome:
    """How many cells of a matrix were run, how many have no result, and how many others are at work on.

    Those that others are at work on are not among those without a result: nothing went wrong with them.
    """

    ran: int
    without_result: int
    elsewhere: int = 0

    def __add__(self, other: "Outcome") -> "Outcome":
        """Both together."""
        return Outcome(
            self.ran + other.ran,
            self.without_result + other.without_result,
            self.elsewhere + other.elsewhere,
        )


def execute(
    matrix: MatrixSpec,
    cells: list[Cell],
    events: Events,
    store: RecordStore | None = None,
    wait: bool = False,
    ranks: Ranks = ALONE,
) -> Outcome:
    """Run every cell that is to be run; a cell that fails does not stop the next one.

    A cell that another process is at work on is left to it.

    Args:
        matrix: says where and how they are run.
        cells: of it.
        events: told of the progress.
        store: where the records go; that of the matrix if None.
        wait: for the cells that other processes are at work on; one that is given up there is run here.
        ranks: the processes that share each batch; what the first has found of the cells counts in all.
    """
    store = store or RecordStore(matrix.results)
    states = ranks.from_first(lambda: [(cell.state, cell.fresh, cell.detail) for cell in cells])
    cells = [
        replace(cell, state=state, fresh=fresh, detail=detail)
        for cell, (state, fresh, detail) in zip(cells, states, strict=True)
    ]
    if ranks.leads:
        for cell in cells:
            if cell.state == "finished" and is_unfinished(work_folder() / "runs" / cell.spec.run_id()):
                _see_to(cell, store, events)
    to_run = [cell for cell in cells if cell.state == "to run"]
    outcome = tell_plan(cells, events)
    if to_run:
        outcome += _run(matrix, to_run, events, store, wait, ranks)
    return outcome


def _see_to(cell: Cell, store: RecordStore, events: Events) -> None:
    """Do what a process could not do that was killed when it had stored a record."""
    from bench.engine.running.claimed import Task, claim

    run_id = cell.spec.run_id()
    with claim(cell, store, Task()) as found:
        record = store.load(run_id)
        if not isinstance(found, Holder) and isinstance(record, Record) and record.status == "finished":
            finish(work_folder() / "runs" / run_id, record, store, events)


def tell_plan(cells: list[Cell], events: Notes) -> Outcome:
    """Tell what is to be known before a matrix is run; gives what is known of its outcome then."""
    to_run = [cell for cell in cells if cell.state == "to run"]
    for note in notes(to_run):
        events.note(f"note: {note}")
    for cell in cells:
        if cell.state in ("failed", "damaged"):
            events.note(
                f"{cell.spec.run_id()} {cell.state} before and left alone: {cell.detail} "
                "(--overwrite failed runs it again)"
            )
    return Outcome(0, sum(cell.state in ("failed", "damaged") for cell in cells))


def notes(cells: list[Cell]) -> list[str]:
    """What is to be known of the data of some cells, of the model that they start from, and of the schedule.

    Of data of one's own it is also what was read of the labels.
    """
    by_data = {cell.spec.data: cell for cell in cells}
    own = [
        f"{name}: {sentence}"
        for name, cell in by_data.items()
        if cell.dataset.info.home is not None
        for sentence in (*cell.dataset.read_as(), cell.dataset.understood())
    ]
    incomplete = [sentence for cell in by_data.values() if (sentence := _incomplete(cell))]
    starts = [note_of_start(cell.start, cell.dataset) for cell in by_data.values() if cell.start]
    schedules = {(cell.spec.schedule_name, cell.spec.schedule): None for cell in cells}
    short = [f"schedule {name}: {said}" for name, schedule in schedules if (said := unreached(schedule))]
    return [
        *dict.fromkeys(short),
        *incomplete,
        *own,
        *filter(None, starts),
        *(note for cell in by_data.values() for note in cell.dataset.notes()),
        *difficult_notes(cells),
    ]


def _incomplete(cell: Cell) -> str:
    """That a part of the data set is missing, as the disk holds it or as it was asked for; else nothing."""
    name, dataset, on = cell.spec.data, cell.dataset, cell.spec.split
    train = share(name, "train", len(dataset.train), on)
    evaluated = share(name, "eval", len(dataset.eval), on)
    if " of " not in train + evaluated:
        return ""
    return f"{name}: only {train} training and {evaluated} {on} images are used"


def _run(
    matrix: MatrixSpec, cells: list[Cell], events: Events, store: RecordStore, wait: bool, ranks: Ranks
) -> Outcome:
    events.task("loading PyTorch")
    # Imported here because importing torch takes longer than finding that nothing is to be done.
    from bench.engine.building.build import check_models
    from bench.engine.planning.machine import Machine

    if ranks.leads:
        remove_leftovers(store)
    machine = Machine.choose(matrix.device, matrix.workers, matrix.compile, cells, ranks)
    ranks.first_then_others(lambda: check_models(cells, machine.device, events.task))
    ended, left = _pass(matrix, machine, cells, events, store)
    while wait and left:
        report = events.task("waiting for runs of other processes, run")
        report(len(cells) - len(left), len(cells))
        time.sleep(LOOK_AGAIN)
        free = [cell for cell in left if not _is_held(cell, store)]
        again, held = _pass(matrix, machine, free, events, store)
        ended, left = ended + again, [cell for cell in left if cell not in free] + held
    return ended + Outcome(0, 0, len(left))


def remove_leftovers(store: RecordStore) -> None:
    """Remove claims of processes that are gone, and what those of this machine left half written."""
    for place in (store.folder, work_folder() / "runs"):
        Claims(place).tidy()
        remove_those_of_the_dead(place)
    for kind in ("cache", "indices", "features", "bootstrap"):
        remove_those_of_the_dead(work_folder() / kind)


def _is_held(cell: Cell, store: RecordStore) -> bool:
    places = (store.folder, work_folder() / "runs")
    return any(Claims(place).is_held(cell.spec.run_id()) for place in places)


def _pass(
    matrix: MatrixSpec, machine: "Machine", cells: list[Cell], events: Events, store: RecordStore
) -> tuple[Outcome, list[Cell]]:
    """Run the cells that nobody else runs; gives what came of them, and those that somebody does."""
    from bench.engine.running.claimed import Turn, run_claimed

    outcome, left = Outcome(0, 0), []
    for number, cell in enumerate(cells, start=1):
        stop_if_asked()
        ended = run_claimed(cell, machine, store, events, Turn(number, len(cells)), matrix.log)
        if isinstance(ended, Holder):
            left.append(cell)
        else:
            outcome += Outcome(1, isinstance(ended, Damaged) or ended.status == "failed")
    return outcome, left
