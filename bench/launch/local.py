"""The cells of a matrix side by side on this machine: a process for each GPU, or for a share of the cores."""

import os
import selectors
import signal
import subprocess
import sys
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import get_args

from pydantic import TypeAdapter, ValidationError

from bench.alive import Process, this_process
from bench.engine.planning.log import describe_record
from bench.engine.planning.plan import Cell
from bench.engine.running.execute import Outcome, remove_leftovers, tell_plan
from bench.errors import UserError
from bench.experiment.matrix import MatrixSpec
from bench.launch.job import Submitted, change_job, create_job, is_cancelled, log_of, mark_cancelled
from bench.launch.places import places
from bench.launch.screen import Screen
from bench.launch.slot import PREPARE
from bench.launch.worker import Ended
from bench.records.claims import Claims
from bench.records.record import Record
from bench.records.store import RecordStore
from bench.stop import in_steps

LOOK = 1.0
"""Seconds between two looks at how far the cells are."""
TRIES = 3
"""How often a cell is begun whose process is killed in between."""
GOES_ON = False
LOST = "lost"
"""How a cell ended, beside what a worker says: its processes were all killed, or it was cancelled before."""
_PROCESS = TypeAdapter(Process)


def launch(matrix: MatrixSpec, cells: list[Cell], screen: Screen) -> Outcome:
    """Run the cells that are to be run, `matrix.jobs` at a time, and wait for them.

    Raises:
        UserError: something cannot be used; no cell was begun then.
        Stopped, KeyboardInterrupt: the processes have stopped too, each at a step's end.
    """
    outcome = tell_plan(cells, screen)
    if all(cell.state != "to run" for cell in cells):
        return outcome  # without a job that `bench status` would show
    submitted = create_job(matrix, cells, "local")
    remove_leftovers(RecordStore(matrix.results))
    me = this_process()._asdict()
    change_job(submitted.folder, ids={name: str(value) for name, value in me.items()})
    ended = _Machine(submitted, places(matrix), screen).run()
    return outcome + Outcome(
        ran=ended["finished"] + ended["failed"],
        without_result=ended["failed"] + ended["stopped"] + ended[LOST],
        elsewhere=ended["held"],
    )


def cancel(submitted: Submitted, runs: list[str]) -> list[str]:
    """Stop a whole job, or some of its runs, those that wait too; gives a line on each.

    Args:
        submitted: the job.
        runs: their names; all of the job if there are none.
    """
    name = submitted.job.name
    if not runs:
        return [_stop(f"job {name}", holder_of_job(submitted))]
    store = RecordStore(submitted.job.results)
    # Marked before it is looked who is at work on what, so that none is begun in between.
    waiting = [run for run in runs if is_active(submitted, run) and not submitted.job.is_done(store, run)]
    for run in waiting:
        mark_cancelled(submitted.folder, run)
    held = {one.run_id: one for one in Claims(store.folder).held()}
    return [
        f"{run} was cancelled: it is not begun"
        if run in waiting and run not in held
        else _stop(run, held[run].holder.process if run in held else None)
        for run in runs
    ]


def is_active(submitted: Submitted, run_id: str) -> bool:
    """Whether what gives the cells of a job to its processes may still live, and gives this one."""
    process = holder_of_job(submitted)
    return process is not None and not process.is_gone() and not is_cancelled(submitted.folder, run_id)


def lost(waiting: list[tuple[Submitted, str]]) -> dict[tuple[str, str], str]:
    """Nothing: whether a cell waits is known of this machine."""
    return {}


def how_ended(submitted: Submitted, run_id: str) -> str:
    """Nothing: what a process of this machine had to say is in its log."""
    return ""


def check(matrix: MatrixSpec) -> MatrixSpec:
    """The matrix: all that it needs is in it."""
    return matrix


def foretell(matrix: MatrixSpec, cells: list[Cell]) -> list[str]:
    """How many at a time."""
    return [f"{matrix.jobs or 1} at a time on this machine."]


def holder_of_job(submitted: Submitted) -> Process | None:
    """The process that gives the cells of a job to others."""
    try:
        return _PROCESS.validate_python(submitted.job.ids)
    except ValidationError:  # the job was not begun
        return None


def _stop(what: str, process: Process | None) -> str:
    if process is None or process.is_gone():
        return f"{what} is not running"
    here = this_process()
    if (process.host, process.space) != (here.host, here.space):
        return f"{what} runs on {process.host}, and can be cancelled there"
    try:
        os.kill(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return f"{what} is not running"
    except PermissionError:
        return f"{what} is somebody else's, process {process.pid}: nothing was done"
    return f"{what} was told to stop: process {process.pid}, at the end of its step"


@dataclass
class _Slot:
    """A process, and the cell that it is at work on."""

    process: "subprocess.Popen[str]"
    place: dict[str, str]
    run_id: str


@dataclass
class _Machine:
    """The processes of a job and the cells that are still to be run."""

    submitted: Submitted
    places: list[dict[str, str]]
    screen: Screen
    slots: list[_Slot] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    begun: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.waiting = deque(self.submitted.job.cells)
        self.store = RecordStore(self.submitted.job.results)
        self.answers = selectors.DefaultSelector()

    def run(self) -> Counter[str]:
        """Run every cell; gives how many ended in which way."""
        with self._all_stop():
            self._prepare()
            for place in self.places[1:]:
                if self._waits():
                    self._begin(place)
            while self.slots:
                for key, _ in self.answers.select(LOOK):
                    self._answered(key.data)
                running = {slot.run_id for slot in self.slots}
                held = [one for one in Claims(self.store.folder).held() if one.run_id in running]
                self.screen.running(sum(self.ended.values()), len(self.submitted.job.cells), held)
        return self.ended

    def _prepare(self) -> None:
        """Have the first process do what is done once, and give it a cell then."""
        self.screen.task("checking models and what else is done once")
        slot = self._start(self.places[0])
        self._tell(slot, PREPARE)
        assert slot.process.stdout is not None
        said = slot.process.stdout.readline().strip()
        if said != PREPARE:
            log = log_of(self.submitted.folder, PREPARE)
            last = " ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:])
            raise UserError(said.removeprefix("Error: ") or f"What is done once went wrong: {last or log}")
        if self._waits():
            self._give(slot)
        else:
            self._drop(slot)

    def _waits(self) -> bool:
        """Whether a cell waits, but for those that were cancelled meanwhile."""
        while self.waiting and is_cancelled(self.submitted.folder, self.waiting[0]):
            self.screen.note(f"{self.waiting.popleft()}: cancelled before it was begun")
            self.ended[LOST] += 1
        return bool(self.waiting)

    def _begin(self, place: dict[str, str]) -> None:
        """Start a process, and give it a cell."""
        self._give(self._start(place))

    def _start(self, place: dict[str, str]) -> _Slot:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.launch.slot", str(self.submitted.folder)],
            env={**os.environ, **place},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is passed on by this process, as a signal to stop
        )
        slot = _Slot(process, place, "")
        self.slots.append(slot)
        self.answers.register(process.stdout, selectors.EVENT_READ, slot)  # type: ignore[arg-type]
        return slot

    def _give(self, slot: _Slot) -> None:
        """Give a process the next cell."""
        slot.run_id = self.waiting.popleft()
        self.begun[slot.run_id] += 1
        self._tell(slot, slot.run_id)

    def _tell(self, slot: _Slot, what: str) -> None:
        assert slot.process.stdin is not None
        with suppress(BrokenPipeError):  # it was killed, which is seen by its answer
            slot.process.stdin.write(f"{what}\n")
            slot.process.stdin.flush()

    def _answered(self, slot: _Slot) -> None:
        """A process said how its cell ended, or has ended itself."""
        assert slot.process.stdout is not None
        said = slot.process.stdout.readline().strip()
        if not said:
            self._died(slot)
        else:
            self._ended(slot.run_id, said if said in get_args(Ended) else LOST)
        if said and said != "stopped" and self._waits():
            self._give(slot)
            return
        self._drop(slot)
        if self._waits():
            self._begin(slot.place)

    def _died(self, slot: _Slot) -> None:
        code = slot.process.wait()
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        if self.begun[slot.run_id] < TRIES:
            self.screen.note(f"{slot.run_id}: its process was {how}; another goes on with it")
            self.waiting.append(slot.run_id)
        else:
            self.screen.note(f"{slot.run_id}: its process was {how}, {TRIES} times by now: left alone")
            self.ended[LOST] += 1

    def _ended(self, run_id: str, said: str) -> None:
        self.ended[said] += 1
        record = self.store.load(run_id)
        if said in ("finished", "failed") and isinstance(record, Record):
            self.screen.note(describe_record(record))
        elif said == "failed":
            self.screen.note(f"{run_id}: FAILED without a record; `bench logs {run_id}` shows why")
        elif said == "held":
            self.screen.note(f"{run_id} is being run elsewhere; left to it")
        else:
            self.screen.note(f"{run_id}: {said}; `bench logs {run_id}` shows more")

    def _drop(self, slot: _Slot) -> None:
        assert slot.process.stdout is not None
        self.answers.unregister(slot.process.stdout)
        _close(slot)
        slot.process.stdout.close()
        slot.process.wait()
        self.slots.remove(slot)

    @contextmanager
    def _all_stop(self) -> Iterator[None]:
        """Leave no process behind: however this one ends, the others stop at the end of their steps."""
        try:
            yield
        finally:
            try:
                with in_steps():  # a second signal to stop does not end this wait
                    for slot in self.slots:
                        slot.process.terminate()
                        # One that began to wait for a name just then does not see the signal, but this.
                        _close(slot)
                    for slot in self.slots:
                        slot.process.wait()
            finally:  # a second Ctrl-C does
                for slot in self.slots:
                    slot.process.kill()
                    slot.process.wait()


def _close(slot: _Slot) -> None:
    """Let a process know that no more names come."""
    assert slot.process.stdin is not None
    with suppress(BrokenPipeError):
        slot.process.stdin.close()
