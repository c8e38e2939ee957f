"""A disk of a few megabytes that can be filled to the last page, or made read-only: a tmpfs."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE = 4096
BALLAST = "ballast"


class SmallDisk:
    """A small file system of its own.

    Attributes:
        folder: where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def leave(self, free: int) -> None:
        """Fill it but for so many bytes, in pages."""
        self.empty()
        with (self.folder / BALLAST).open("wb", buffering=0) as file:
            while (there := self.free() - free // PAGE * PAGE) > 0:
                file.write(bytes(min(there, 1 << 20)))

    def empty(self) -> None:
        """Take out what it was filled with."""
        (self.folder / BALLAST).unlink(missing_ok=True)

    def free(self) -> int:
        """Bytes that can be written."""
        status = os.statvfs(self.folder)
        return status.f_bavail * status.f_frsize

    def read_only(self, yes: bool) -> None:
        """Let nobody write, not even root; or again."""
        _mount("-o", f"remount,{'ro' if yes else 'rw'}", str(self.folder))


@contextmanager
def small_disk(folder: Path, size: str = "24m") -> Iterator[SmallDisk]:
    """Mount one; the test is skipped where that is not allowed."""
    folder.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", f"size={size}", "none", str(folder))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system may be mounted here: it takes root, outside of most containers")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)
