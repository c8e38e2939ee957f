"""Run a cell that nobody else runs: claimed where its record goes and where its checkpoint lies."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from bench.engine.planning.events import Events
from bench.engine.planning.plan import Cell
from bench.errors import UserError
from bench.files import remove_temporaries
from bench.progress import Progress as Report
from bench.records.claims import Claim, Claims
from bench.records.holder import Holder
from bench.records.record import Epoch, Record
from bench.records.store import Damaged, RecordStore
from bench.settings import work_folder
from bench.stop import ask, forget

if TYPE_CHECKING:
    from bench.engine.planning.machine import Machine


class ClaimLostError(Exception):
    """Another process took this run over, because there was no sign of this one for too long."""


@dataclass(frozen=True)
class Task:
    """What a cell is run for, where that is no plain command.

    Attributes:
        job: the name of a submitted matrix.
        task: what its scheduler calls the part of it that this process is.
    """

    job: str = ""
    task: str = ""


class Turn(NamedTuple):
    """Which cell of how many this is, for who watches."""

    number: int
    total: int


@contextmanager
def claim(cell: Cell, store: RecordStore, task: Task) -> Iterator[Claim | Holder]:
    """Claim a cell for as long as the block lasts; or give who has it."""
    run_id = cell.spec.run_id()

    def lost() -> None:
        ask(ClaimLostError(run_id))

    taken: list[Claim] = []
    try:
        # Two people with one folder of results, or two folders of results with one work folder.
        for place in (store.folder, work_folder() / "runs"):
            found = Claims(place).take(run_id, task.job, task.task, lost)
            if isinstance(found, Holder):
                yield found
                return
            taken.append(found)
        yield taken[0]
    finally:
        for one in reversed(taken):
            one.release()
        forget(ClaimLostError)


def run_claimed(
    cell: Cell,
    machine: "Machine",
    store: RecordStore,
    events: Events,
    turn: Turn,
    loggers: tuple[str, ...] = (),
    task: Task | None = None,
) -> Record | Damaged | Holder:
    """Run a cell, unless somebody else is at work on it or has made it since it was planned.

    Of several processes that share its batches the first claims it, and what it finds counts in all.

    Returns:
        Its record, or who is at work on it.

    Raises:
        UserError: another process took it over in the middle, and several processes share its batches.
    """
    ranks = machine.ranks
    if not ranks.leads:
        from bench.engine.running.run import run_cell

        return ranks.from_first(_follows) or run_cell(cell, machine, store, events)
    task = task or Task()
    with claim(cell, store, task) as found:
        there = found if isinstance(found, Holder) else _made_since(cell, store)
        ranks.from_first(lambda: there)
        if isinstance(found, Holder):
            events.note(f"{cell.spec.run_id()} is being run elsewhere: {found.describe()}; left to it")
            return found
        if there is not None:
            events.note(f"{cell.spec.run_id()} was made by another process meanwhile")
            return there
        try:
            return _run(cell, machine, store, events, turn, loggers, found)
        except ClaimLostError:
            return _taken_over(cell, store, events, found, ranks.count)


def _follows() -> Record | Damaged | Holder | None:
    """What a process that does not lead would compute, which only takes what the first has found."""
    raise AssertionError("the first process alone computes")


def _made_since(cell: Cell, store: RecordStore) -> Record | Damaged | None:
    """What somebody made since the cell was planned, under whatever claim."""
    run_id = cell.spec.run_id()
    store.tidy(run_id)  # what was half written when a process died
    return store.load(run_id) if store.stamp(run_id) not in ("", cell.stamp) else None


def _taken_over(cell: Cell, store: RecordStore, events: Events, mine: Claim, processes: int) -> Holder:
    """Say who has it now."""
    run_id = cell.spec.run_id()
    others = [one.holder for one in Claims(store.folder).held() if one.run_id == run_id]
    holder = others[0] if others else mine.holder
    said = (
        f"{run_id} was taken over, because this process gave no sign for too long: "
        f"{holder.describe()}; left to it"
    )
    if processes > 1:  # the others are in the middle of a step
        raise UserError(f"{said}, and the same command goes on with the other runs.")
    events.note(said)
    return holder


def _run(
    cell: Cell,
    machine: "Machine",
    store: RecordStore,
    events: Events,
    turn: Turn,
    loggers: tuple[str, ...],
    mine: Claim,
) -> Record:
    from bench.engine.running.run import run_cell

    remove_temporaries(work_folder() / "runs" / cell.spec.run_id())

    def check_claim() -> None:
        if mine.is_lost():
            raise ClaimLostError(cell.spec.run_id())

    told = _Telling(events, mine, cell)
    events.cell_started(cell, *turn)
    record = run_cell(cell, machine, store, told, loggers=loggers, before_saving=check_claim)
    events.cell_finished(record)
    return record


class _Telling:
    """Passes on what happens, and tells those who look at the claim how far the run is."""

    def __init__(self, events: Events, mine: Claim, cell: Cell) -> None:
        self._events = events
        self._mine = mine
        self._since = time.monotonic()
        self._images = 0
        mine.progress = replace(mine.progress, doing="setting up", epochs=cell.spec.schedule.epochs)

    def task(self, name: str) -> Report:
        self._mine.progress = replace(self._mine.progress, doing=re.sub(r", (batch|image)$", "", name))
        return self._events.task(name)

    def cell_started(self, cell: Cell, number: int, total: int) -> None:
        self._events.cell_started(cell, number, total)

    def step(self, epoch: int, step: int, steps: int, loss: float, images: int) -> None:
        if step == 1:
            self._since, self._images = time.monotonic(), 0
        else:  # the first batch waits for the loading processes
            self._images += images
        rate = self._images / max(1e-9, time.monotonic() - self._since)
        self._mine.progress = replace(
            self._mine.progress,
            doing="training",
            epoch=epoch + 1,
            step=step,
            steps=steps,
            images_per_second=round(rate, 1),
        )
        self._events.step(epoch, step, steps, loss, images)

    def epoch_finished(self, epoch: Epoch) -> None:
        self._events.epoch_finished(epoch)

    def cell_finished(self, record: Record) -> None:
        self._events.cell_finished(record)

    def note(self, text: str) -> None:
        self._events.note(text)
