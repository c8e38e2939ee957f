"""Run the command line: in this process, which is quick, or in one of its own, which can be killed."""

import os
import sys
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner, Result

from bench.cli import main

# The smallest training that goes through every part of the engine.
TINY = (
    *("--data", "voc2007", "--backbone", "timm/test_byobnet", "--weights", "none"),
    *("--image-size", "64", "--batch-size", "4", "--device", "cpu"),
)
# Heads so narrow that their arithmetic takes no time beside the backbone's.
NARROW = {
    "ml-gcn": "ml-gcn/hidden=16",
    "ssgrl": "ssgrl/hidden=16",
    "add-gcn": "add-gcn/hidden=16",
    "salgl": "salgl/hidden=16/feedforward=32",
    "query2label": "query2label/feedforward=32",
    "ml-decoder": "ml-decoder/width=16/feedforward=32/heads=4",
    "tdrg": "tdrg/hidden=16/feedforward=32",
    "c-tran": "c-tran/feedforward=32",
}
ML_GCN, ADD_GCN, SALGL, TDRG = (NARROW[method] for method in ("ml-gcn", "add-gcn", "salgl", "tdrg"))
OVERFLOWS = f"{SALGL}/batch_entropy_weight=1e39"
"""A head whose loss is beyond float32, so that its run fails."""


def bench(folder: Path, data: Path | None, *arguments: str, typed: str | None = None) -> Result:
    """Run `bench ARGUMENTS` in `folder`, where its records and its work folder go; `typed` is its input."""
    folder.mkdir(parents=True, exist_ok=True)
    with chdir(folder):
        return CliRunner().invoke(main, arguments, input=typed, env=_environment(folder, data))


def own_process(*arguments: str) -> list[str]:
    """The command line of `bench ARGUMENTS` as a process of its own."""
    return [sys.executable, "-c", "from bench.cli import main; main()", *arguments]


def own_environment(folder: Path, data: Path) -> dict[str, str]:
    """The environment of such a process."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("BENCH_")}
    return {**kept, **{key: value for key, value in _environment(folder, data).items() if value is not None}}


def _environment(folder: Path, data: Path | None) -> dict[str, str | None]:
    return {"BENCH_WORK": str(folder / "work"), "BENCH_DATA_ROOT": str(data) if data else None}
