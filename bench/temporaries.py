"""Files and folders under temporary names, and what killed processes left of them.

Who writes holds a lock on what it writes, which the system takes back when a process dies. So whoever writes
the same next can tell what was left from what is being written, and no clock is asked. A lock is believed on
the machine alone that took it: the name says which.
"""

import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

MACHINE, RANDOM = 4, 12
"""Hexadecimal digits: of the machine, and that are drawn."""
FORGOTTEN = 7 * 24 * 60 * 60
"""Seconds after which what another machine left goes, by the times that the file system gave."""


@contextmanager
def temporary(path: Path, folder: bool = False) -> Iterator[Path]:
    """A new empty file, or folder, that is to become `path`; what killed processes left of the same goes.

    It is there and locked until the block ends, unless the block has renamed it.

    Args:
        path: what it is to be called. Folders above it are made if need be.
        folder: whether it is a folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new, lock = _new(path, folder)
    try:
        remove_left(path, new.stat().st_mtime)
        yield new
    finally:
        _remove(new)
        os.close(lock)


def _new(wanted: Path, folder: bool) -> tuple[Path, int]:
    """What was made, and the open file that holds its lock."""
    while True:
        drawn = f"{_machine()}{secrets.token_hex(RANDOM // 2)}"
        path = wanted.with_name(f".{wanted.name}.{drawn}{wanted.suffix}")
        if folder:
            path.mkdir()
            lock = os.open(path, os.O_RDONLY)
        else:
            # Not by tempfile, whose files nobody else may read: these get what the user grants for new files.
            lock = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        # Another process may have taken it for left behind before it was locked.
        if _lock(lock) is not False and path.exists():
            return path, lock
        os.close(lock)


def _lock(file: int) -> bool | None:
    """Whether the lock of an open file could be taken; None where there are none, as on some file systems."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def remove_left(path: Path, now: float | None = None) -> None:
    """Remove what lies beside a path under temporary names of it and is being written by nobody.

    Args:
        path: what was to be written.
        now: the time of the file system; what another machine wrote is left alone without it.
    """
    start, suffix = f".{path.name}.", path.suffix
    length = len(start) + MACHINE + RANDOM + len(suffix)
    with os.scandir(path.parent) as found:
        others = [
            one.name
            for one in found
            if one.name.startswith(start) and len(one.name) == length and one.name.endswith(suffix)
        ]
    for other in others:
        drawn = other[len(start) : length - len(suffix)]
        if set(drawn) <= set("0123456789abcdef"):
            with suppress(OSError):
                _remove_if_left(path.with_name(other), drawn.startswith(_machine()), now)


def _remove_if_left(path: Path, here: bool, now: float | None) -> None:
    if not here:
        if now is not None and now - path.stat().st_mtime > FORGOTTEN:
            _remove(path)
        return
    file = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        if _lock(file):
            _remove(path)
    finally:
        os.close(file)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@cache
def _machine() -> str:
    """Some hexadecimal digits for this machine."""
    return sha256(socket.gethostname().encode()).hexdigest()[:MACHINE]
