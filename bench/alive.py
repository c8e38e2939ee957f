"""Which process this is, among those of all machines, so that another can tell whether it still lives."""

import hashlib
import os
import re
import secrets
import socket
from functools import cache
from pathlib import Path
from typing import NamedTuple

_MARK = re.compile(r"\.(?P<space>[0-9a-f]{8})(?P<pid>[0-9a-f]{8})[0-9a-f]{8}(\.|$)")


class Process(NamedTuple):
    """A process.

    Attributes:
        host: what its machine is called.
        space: where its number means something: this boot of that machine, and of containers this one.
        pid: its number.
        started: when it began, by the machine's own count, since numbers are used again; empty where that
            cannot be known.
    """

    host: str
    space: str
    pid: int
    started: str

    def is_gone(self) -> bool:
        """Whether it is known not to live any more: of a process elsewhere nothing is known."""
        if (self.host, self.space) != (socket.gethostname(), _space()):
            return False
        return not _lives(self.pid) or (bool(self.started) and _started(self.pid) != self.started)


def this_process() -> Process:
    """The process that asks."""
    return Process(socket.gethostname(), _space(), os.getpid(), _started(os.getpid()))


def temporary_mark() -> str:
    """24 hexadecimal digits for the name of what is half written: which process, and a random part."""
    return f"{_space()[:8]}{os.getpid():08x}{secrets.token_hex(4)}"


def left_by_the_dead(name: str) -> bool:
    """Whether a name has the mark of a process that is known not to live any more."""
    found = _MARK.search(name)
    return found is not None and found["space"] == _space()[:8] and not _lives(int(found["pid"], 16))


@cache
def _space() -> str:
    """Sixteen hexadecimal digits for this boot of this machine and its table of processes."""
    boot, table = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    parts = [socket.gethostname(), boot.read_text() if boot.is_file() else ""]
    parts.append(str(table.readlink()) if table.is_symlink() else "")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _lives(pid: int) -> bool:
    if not 0 < pid < 1 << 31:  # what is no number of a process may stand for all of them
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        return True
    return _fields(pid)[:1] not in (["Z"], ["X"])  # ended, and nobody has asked how


def _started(pid: int) -> str:
    fields = _fields(pid)
    return fields[19] if len(fields) > 19 else ""


def _fields(pid: int) -> list[str]:
    """What Linux says of a process behind its name, which may hold spaces and brackets; else nothing."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
