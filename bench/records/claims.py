"""Who is at work on a run, said in a folder, so that no two processes make the same one.

A claim is a file RUN.NUMBER that only one process can have created, on a network's file system too: it is
linked to its name, whole. It is good while its holder renews its time. Whoever finds that its holder is gone
creates the next number, which again only one can; the highest number counts, so nothing is ever taken away
from under somebody who has just come by it. When a run has ended its files go, lower numbers first.

Times are those of the file system, not of this machine's clock, which may differ.
"""

import errno
import json
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path

from bench.alive import temporary_mark, this_process
from bench.files import atomic_path, naming, read_json, remove_those_of_the_dead
from bench.records.holder import NOBODY, Held, Holder, Progress, holder_of, progress_of

FOLDER = ".claims"
"""Of the claims, in the folder of what they are claims on."""
LEASE = 300.0
"""Seconds without a sign of its holder after which a claim is over, where nothing else is known of it."""
RENEWED = 3.0
"""Seconds between two signs of its holder."""
SOON = 0.5
"""Seconds until it is first said how far a run is."""
TRIES = 100
"""How often a claim is tried for that others change in between."""

_CLAIM = re.compile(r"(?P<run>.+)\.(?P<number>\d+)")
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EXDEV})


class Claims:
    """The claims on what lies in a folder.

    Args:
        folder: of the runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER

    def take(
        self, run_id: str, job: str = "", task: str = "", lost: Callable[[], None] = lambda: None
    ) -> "Claim | Holder":
        """Claim a run, or say who has.

        Args:
            run_id: the name of the run.
            job: the job that it is run for, if it is.
            task: the task of that job.
            lost: called from another thread when the claim is found to be somebody else's.

        Raises:
            OSError: the folder cannot be written.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        me = Holder(secrets.token_hex(8), this_process(), getuser(), now, job, task)
        for _ in range(TRIES):
            newest = max(self._numbers(run_id), default=0)
            if newest and not self._is_over(run_id, newest):
                return self._holder(run_id, newest)
            if not self._create(run_id, newest + 1, me):
                continue  # somebody was quicker
            if max(self._numbers(run_id), default=0) == newest + 1:
                return Claim(self, run_id, newest + 1, me, lost)
            self._path(run_id, newest + 1).unlink(missing_ok=True)  # what was listed had changed
        return NOBODY

    def held(self) -> Iterator[Held]:
        """Every claim, in the order of the names of the runs."""
        newest: dict[str, int] = {}
        for run_id, number in self._all():
            newest[run_id] = max(number, newest.get(run_id, 0))
        for run_id, number in sorted(newest.items()):
            over = self._is_over(run_id, number)
            yield Held(run_id, self._holder(run_id, number), self._progress(run_id, number), over)

    def is_held(self, run_id: str) -> bool:
        """Whether somebody is at work on a run."""
        newest = max(self._numbers(run_id), default=0)
        return bool(newest) and not self._is_over(run_id, newest)

    def tidy(self) -> None:
        """Remove the claims of those that are gone; by claiming them, so that nobody loses one."""
        remove_those_of_the_dead(self.folder)
        for held in [*self.held()]:
            if held.over:
                claim = self.take(held.run_id)
                if isinstance(claim, Claim):
                    claim.release()

    def _all(self) -> Iterator[tuple[str, int]]:
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return
        for name in names:
            found = _CLAIM.fullmatch(name)
            if found and not name.startswith("."):
                yield found["run"], int(found["number"])

    def _numbers(self, run_id: str) -> list[int]:
        return sorted(number for name, number in self._all() if name == run_id)

    def _path(self, run_id: str, number: int) -> Path:
        return self.folder / f"{run_id}.{number}"

    def _holder(self, run_id: str, number: int) -> Holder:
        try:
            return holder_of(read_json(self._path(run_id, number)))
        except (OSError, ValueError):
            return NOBODY

    def _progress(self, run_id: str, number: int) -> Progress:
        try:
            return progress_of(read_json(self._state(run_id, number)))
        except (OSError, ValueError):
            return Progress()

    def _state(self, run_id: str, number: int) -> Path:
        return self.folder / f"{run_id}.{number}.state"

    def _is_over(self, run_id: str, number: int) -> bool:
        """Whether the holder is gone: known to be, or without a sign for too long."""
        path = self._path(run_id, number)
        try:
            renewed = path.stat().st_mtime
        except FileNotFoundError:
            return True
        holder = self._holder(run_id, number)
        if holder.token and holder.process.is_gone():
            return True
        return self._now() - renewed > LEASE

    def _now(self) -> float:
        """The time of the file system."""
        probe = self.folder / f".now.{temporary_mark()}"
        try:
            probe.touch(exist_ok=False)
            return probe.stat().st_mtime
        except OSError:  # a folder that may only be read, or that has just gone: nothing is over
            return 0.0
        finally:
            with suppress(OSError):
                probe.unlink()

    def _create(self, run_id: str, number: int, holder: Holder) -> bool:
        """Create a claim, whole; false where it is there already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self._path(run_id, number)
        text = json.dumps(asdict(holder), ensure_ascii=False)
        draft = self.folder / f".{target.name}.{temporary_mark()}"
        try:
            with naming(target):
                draft.write_text(text, encoding="utf-8")
            try:
                os.link(draft, target)
            except FileExistsError:
                # A network may have lost the answer to a link that was made, and asked again.
                return draft.stat().st_nlink == 2
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                return _create_plainly(target, text)
            return True
        except FileNotFoundError:  # the folder was empty, and has just been removed
            return False
        finally:
            with suppress(OSError):
                draft.unlink()

    def clear(self, run_id: str, number: int) -> None:
        """Remove what is left of the claims on a run up to a number, that one last; and an empty folder."""
        for one in self._numbers(run_id):
            if one <= number:
                self._state(run_id, one).unlink(missing_ok=True)
                self._path(run_id, one).unlink(missing_ok=True)
        for left in self.folder.glob(".*"):  # drafts of processes that were killed
            if re.fullmatch(rf"\.{re.escape(run_id)}\.\d+(\.state)?\.[0-9a-f]{{16,24}}(\.state)?", left.name):
                left.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()


def _create_plainly(target: Path, text: str) -> bool:
    """Create a file where a file system has no links: it is empty for a moment."""
    try:
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    try:
        with naming(target), os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        target.unlink(missing_ok=True)  # empty, it would keep the run from everybody
        raise
    return True


@dataclass
class Claim:
    """A claim that this process has; it is renewed until it is released."""

    claims: Claims
    run_id: str
    number: int
    holder: Holder
    when_lost: Callable[[], None]
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self._ended = threading.Event()
        self._lost = False
        self._written: Progress | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def is_lost(self) -> bool:
        """Whether somebody else has it by now, because there was no sign of this process for too long."""
        self._renew()
        return self._lost

    def release(self) -> None:
        """Let others have the run."""
        self._ended.set()
        self._thread.join()
        if not self.is_lost():
            self.claims.clear(self.run_id, self.number)

    def _keep(self) -> None:
        while not self._ended.wait(RENEWED if self._written else SOON) and not self._lost:
            self._renew()
            if self._lost:
                self.when_lost()
            elif self._written != self.progress:
                self._tell()

    def _renew(self) -> None:
        path = self.claims._path(self.run_id, self.number)
        try:
            is_mine = read_json(path)["token"] == self.holder.token
            os.utime(path)
        except FileNotFoundError:
            is_mine = False
        except (OSError, ValueError, KeyError, TypeError):
            return  # a network's file system that does not answer now
        later = self.claims._path(self.run_id, self.number + 1)
        self._lost = self._lost or not is_mine or later.exists()

    def _tell(self) -> None:
        state = asdict(self.progress)
        with suppress(OSError):  # a full disk does not end a training for this
            with atomic_path(self.claims._state(self.run_id, self.number)) as path:
                path.write_text(json.dumps(state), encoding="utf-8")
            self._written = Progress(**state)
