"""A benchmarking harness for multi-label image recognition with label graphs.

From Python: `bench.run_matrix`, `bench.load_records`, `bench.table`, `bench.compare_methods` and
`bench.load_model` do what the command line does.
"""

from typing import TYPE_CHECKING, Any

from bench.version import __version__

if TYPE_CHECKING:
    from bench.api import UserError, compare_methods, load_model, load_records, run_matrix, table

__all__ = ["UserError", "__version__", "compare_methods", "load_model", "load_records", "run_matrix", "table"]


def __getattr__(name: str) -> Any:
    """Import what is offered when it is first asked for: the command line must not wait for it."""
    if name in __all__:
        from bench import api

        return getattr(api, name)
    raise AttributeError(f"module 'bench' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
