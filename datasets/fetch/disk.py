"""Room on the disk, and one process at a time in a place."""

import errno
import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.errors import UserError

# No space, no quota, the largest file that the system or the user's limit allows.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def readable(size: int) -> str:
    """A number of bytes for people: 460.0 MB."""
    number, unit = float(size), "bytes"
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"


def require_space(folder: Path, needed: int, purpose: str) -> None:
    """Refuse to begin what cannot be finished.

    Args:
        folder: where it will be written; it need not be there yet.
        needed: bytes.
        purpose: what for, as it stands in the message.

    Raises:
        UserError: the disk of `folder` has less room.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise UserError(
            f"{purpose} needs {readable(needed)} in {folder}, which has {readable(free)} free: make room, or "
            "choose another --data-root."
        )


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, so that two commands do not write the same file at once.

    Raises:
        UserError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        # A network disk may know no locks; then there is none.
        with suppress(OSError):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise UserError(f"Another process is at work on {path.stem}: wait for it.") from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
