"""Exchange two names at once, so that none of them is without its file or folder for a moment."""

import ctypes
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

_HERE = -100  # AT_FDCWD: paths are relative to the current folder
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def exchange(one: Path, other: Path) -> bool:
    """Exchange what two names stand for; false where the system or the file system cannot."""
    call = _call()
    if call is None:
        return False
    paths = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        return bool(call(*paths, _EXCHANGE) == 0)
    return bool(call(_HERE, paths[0], _HERE, paths[1], _EXCHANGE) == 0)


@cache
def _call() -> Any:
    name = "renamex_np" if sys.platform == "darwin" else "renameat2"
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):  # an older library
        return None
