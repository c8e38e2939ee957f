"""A digest of the code that decides a run's numbers: engine, metrics, its feed, and the head's own module."""

from functools import cache
from pathlib import Path

from bench.engine.device.code import ARITHMETIC, digest, imported
from bench.methods.catalog import METHOD_CATALOGUE, PRIOR

_START = "bench.engine.running.run"


@cache
def code_digest(method: str) -> str:
    """Two digests of twelve hexadecimal digits: of what all methods share, and of the head's own modules.

    Each is equal where every file is that a run of the method imports. Of a package from outside, what its
    head imports from its own package counts.

    Args:
        method: its name; the prior has no head.
    """
    shared = _shared()
    head = "" if method == PRIOR.name else (METHOD_CATALOGUE.get(method).head or "").partition(":")[0]
    package = head.partition(".")[0]
    within = ARITHMETIC if package in ("", "bench") else (*ARITHMETIC, package)
    own = {name: path for name, path in imported([head], within).items() if name not in shared}
    return f"{digest(shared)}-{digest(own)}"


@cache
def _shared() -> dict[str, Path]:
    """The modules that all methods share."""
    return imported([_START])
