"""What a person sees of cells that run side by side: a line each on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from bench.engine.planning.log import LONGEST, describe_seconds
from bench.progress import Progress
from bench.records.holder import Held
from bench.records.holder import Progress as Far


def describe_progress(far: Far) -> str:
    """How far a run is, in a few words."""
    if not far.epoch:
        return far.doing or "setting up"
    doing = "" if far.doing == "training" else f", {far.doing}"
    steps = f", batch {far.step} of {far.steps}" if not doing else ""
    return f"epoch {far.epoch} of {far.epochs}{steps}, {far.images_per_second:.0f} images/s{doing}"


class LiveCells(AbstractContextManager["LiveCells"]):
    """A line for each running cell, and above them what has happened."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(Text(""), console=console, auto_refresh=False, transient=True)
        self._since = time.monotonic()

    def __enter__(self) -> "LiveCells":
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def task(self, name: str) -> Progress:
        """Show what takes a while, and how far it is."""
        self._show([name])
        return lambda done, total: self._show([f"{name} {done} of {total}"])

    def note(self, text: str) -> None:
        """Print a line above the others."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def running(self, ended: int, total: int, held: Sequence[Held]) -> None:
        """Show the running cells, and how many have ended."""
        width = max((len(one.run_id) for one in held), default=0)
        spent = describe_seconds(time.monotonic() - self._since)
        lines = [f"{one.run_id:{width}}  {describe_progress(one.progress)}" for one in held]
        self._show([*lines, f"{ended} of {total} runs ended, {len(held)} running, {spent}"])

    def _show(self, lines: list[str]) -> None:
        texts = (Text(line, overflow="ellipsis", no_wrap=True) for line in lines)
        self._live.update(Group(*texts), refresh=True)


class LogCells(AbstractContextManager["LogCells"]):
    """A line for whatever happens, and from time to time one for each running cell."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def task(self, name: str) -> Progress:
        """Say what takes a while."""
        self.note(f"  {name}")
        return lambda done, total: None

    def note(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def running(self, ended: int, total: int, held: Sequence[Held]) -> None:
        """Say how far the running cells are, when there was no sign of them for a while."""
        if time.monotonic() - self._last < LONGEST:
            return
        self._last = time.monotonic()
        self.note(f"  {ended} of {total} runs ended, {len(held)} running")
        for one in held:
            self.note(f"  {one.run_id}: {describe_progress(one.progress)}")


def open_cells(console: Console) -> LiveCells | LogCells:
    """The display that suits where the output goes."""
    return LiveCells(console) if console.is_terminal else LogCells(console)
